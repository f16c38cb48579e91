"""Joining a study: its settings are read from the store, and only what concerns this machine is given."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mnist_core.datasets.sources import AnyDataset, ImageSource
from search.confirmation.study_data import StudyRequest
from search.runs.config import RunConfig
from space.errors import InputError
from space.limits import NO_LIMITS
from space.search_space import SearchSpace
from studies.damage import reading
from studies.fingerprints import read_fingerprint
from studies.storage import Store
from studies.study import SearchStudy

_CALL = "run"
"""User attribute of Optuna's study: the settings of the latest call of run that workers go by."""
_OF_A_CALL = ("trials", "sampler", "pruner")


@dataclass(frozen=True, kw_only=True)
class JoinRequest(StudyRequest):
    """Options of a call that joins a study."""

    timeout: float | None = None
    trials: int | None = None
    """Number of trials of the study; None means that of the latest call of run."""
    images: Path | None = None
    """Where the study's own images are on this machine, if not where they were on the machine that began it."""


def record_call(search: SearchStudy, config: RunConfig) -> None:
    """Store what workers that join the study from now on need beyond its fingerprint."""
    settings = {name: getattr(config, name) for name in _OF_A_CALL}
    if search.study.user_attrs.get(_CALL) != settings:
        search.study.set_user_attr(_CALL, settings)


def settings_of(request: JoinRequest) -> RunConfig:
    """Return the settings of the study, with what the request says of this machine.

    Raises `InputError` if there is no such study, or if no call of this version has said how many trials it shall have.
    """
    store = Store.open_read_only(request.storage)
    name = store.resolve_study_name(request.study)
    fingerprint = read_fingerprint(store, name)
    assert fingerprint is not None
    call = store.load_study(name).user_attrs.get(_CALL)
    if call is None:
        raise InputError(
            f"study {name!r} does not say how many trials it shall have: go on with it by 'python -m search run' of "
            "this version, which stores that"
        )
    if request.images is not None and "source" not in fingerprint:
        raise InputError(f"--images is for images of one's own, and the study's are {fingerprint['dataset']}")
    with reading(store.database, f"study {name!r} in table searches"):
        stored = RunConfig(
            **{setting: call[setting] for setting in _OF_A_CALL},
            **{setting: fingerprint[setting] for setting in ("budget", "epochs", "seed", "train_size")},
            **({"metric": fingerprint["metric"]} if "metric" in fingerprint else {}),
            limits=NO_LIMITS.completed_by(fingerprint),
            space=SearchSpace.from_stored(fingerprint["space"]),
            dataset=_dataset(fingerprint, request.images),
            dataset_sha256=fingerprint["dataset_sha256"],
            study=name,
        )
    return replace(
        stored,
        storage=request.storage,
        data_root=request.data_root,
        device=request.device,
        engine=request.engine,
        workers=request.workers,
        timeout=request.timeout,
        trials=request.trials or stored.trials,
    )


def _dataset(fingerprint: dict[str, Any], images: Path | None) -> AnyDataset:
    if "source" not in fingerprint:
        dataset: str = fingerprint["dataset"]
        return dataset
    source = ImageSource.from_json(fingerprint["source"])
    return source if images is None else replace(source, location=str(images.absolute()))
