"""The options of one call of train, and the trainings that they describe."""

import difflib
import math
import statistics
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from mnist_core.data import check_dataset_name, find_data_root, find_kind, load_dataset, normalised_for
from mnist_core.datasets.sources import AnyDataset
from mnist_core.engine import Engine
from search.defaults import DEFAULT_STORAGE
from search.models.names import find_candidate
from search.output_folder import check_folder, check_parent
from search.terminal.output import print_warnings, say
from search.workers.data import describe_data
from search.workers.machine import (
    COMPILING_LINE,
    MAX_SEEDS,
    check_names,
    check_train_size,
    find_engine,
    prepare_process,
)
from space.candidate import MAX_SETTING, CandidateSpec, TrainingConfig
from space.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """The options of one call. Raises `InputError` with the option, the rule and the value if one is invalid."""

    model: str
    """A reference system, a net's notation, a trial or a model file, whose candidate is trained."""
    out: Path
    storage: str = DEFAULT_STORAGE
    """Database of the study that holds the trial, if ``model`` is a trial's number."""
    study: str | None = None
    epochs: int | None = None
    """Number of epochs; None here and for the next two keeps the setting of ``model`` or the default."""
    batch_size: int | None = None
    max_lr: float | None = None
    settings: tuple[str, ...] = ()
    """Settings as ``NAME=VALUE``, for any field of `TrainingConfig`."""
    seed: int = 0
    num_seeds: int = 1
    """Number of trainings with consecutive seeds from ``seed`` on; several go into separate folders."""
    dataset: AnyDataset = "mnist"
    data_root: Path | None = None
    train_size: int | None = None
    device: str = "auto"
    engine: str = "auto"
    tensorboard: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.num_seeds < 1:
            raise InputError(f"--seeds must be at least 1, not {self.num_seeds}")
        if self.num_seeds > MAX_SEEDS:
            raise InputError(f"--seeds must be at most {MAX_SEEDS:,}, not {self.num_seeds}")
        check_train_size(self.train_size)
        if not 0 <= self.seed <= 2**63 - self.num_seeds:
            raise InputError(f"--seed must be from 0 to 2^63 - {self.num_seeds}, not {self.seed}")
        check_names(self.device, self.engine)
        if isinstance(self.dataset, str):
            check_dataset_name(self.dataset)


def train_model(request: TrainRequest) -> None:
    """Start or resume the requested trainings, and print a line about each.

    Trains on one thread. Raises `InputError` for wrong input, before anything is written, and `SearchFailedError` if a
    training diverges or a file can't be written. SIGINT and SIGTERM end the process immediately with exit code 130.
    """
    prepare_process()
    kind = find_kind(request.dataset, request.data_root, tell=say)
    recipe, candidate = find_candidate(request.model, storage=request.storage, study=request.study, kind=kind)
    overrides = read_overrides(request)
    settings = candidate.training
    if "epochs" in overrides:
        settings = settings.with_epochs(overrides["epochs"])
    candidate = replace(candidate, training=replace(settings, **overrides))
    _check_folders(request)
    data_root = find_data_root(request.dataset, request.data_root, tell=say)
    data = load_dataset(request.dataset, data_root, train_size=request.train_size)
    print_warnings(data.warnings)
    if not request.quiet:
        for line in describe_data(data):
            say(line)
    if data.num_classes != candidate.architecture.num_classes:
        raise InputError(
            f"{data.name} has {data.num_classes} classes, so the last layer must have that width, not "
            f"{candidate.architecture.num_classes}"
        )
    device, engine = _find_engine(request, candidate)
    from search.training.folder import STATE_FILE, Training

    if request.num_seeds > 1 and (request.out / STATE_FILE).exists():
        raise InputError(f"--out {request.out} holds the training of a single seed: name another folder for --seeds")
    trainings = [
        Training(
            candidate=candidate,
            recipe=recipe,
            overrides=overrides,
            data=normalised_for(data, candidate.training),
            seed=seed,
            device=device,
            engine=engine,
            folder=_of_seed(request.out, seed, request),
            tensorboard=None if request.tensorboard is None else _of_seed(request.tensorboard, seed, request),
            quiet=request.quiet,
        )
        for seed in range(request.seed, request.seed + request.num_seeds)
    ]
    for training in trainings:
        training.read()
    accuracies = [training.run()[-1].val_accuracy for training in trainings]
    if len(accuracies) > 1:
        print(
            f"{len(accuracies)} seeds: val accuracy after the last epoch {100 * statistics.mean(accuracies):.2f} % "
            f"(mean), {100 * statistics.stdev(accuracies):.2f} points (standard deviation)"
        )


def read_overrides(request: TrainRequest) -> dict[str, Any]:
    """Return the fields of `TrainingConfig` that a request sets, with their values.

    Raises `InputError` for an unknown name, with the closest ones, for a name that is set twice, and for a value that
    does not have the field's type.
    """
    given = {"epochs": request.epochs, "batch_size": request.batch_size, "max_lr": request.max_lr}
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    kinds = {item.name: get_args(item.type) or (item.type,) for item in fields(TrainingConfig)}
    for text in request.settings:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError(f"--set takes NAME=VALUE, not {text!r}")
        if name not in kinds:
            close = difflib.get_close_matches(name, kinds, n=3, cutoff=0.5) or list(kinds)
            raise InputError(f"--set has no setting {name!r}; did you mean {' or '.join(close)}?")
        if name in overrides:
            raise InputError(f"{name} is set twice, to {overrides[name]} and to {value}")
        overrides[name] = _parse_value(name, value, kinds[name])
    for name, value in overrides.items():
        if isinstance(value, float) and MAX_SETTING < abs(value) < math.inf:
            raise InputError(f"{name} must be at most {MAX_SETTING:g}, not {value:g}")
    return overrides


def _parse_value(name: str, value: str, kinds: tuple[Any, ...]) -> Any:
    if value == "none" and NoneType in kinds:
        return None
    if bool in kinds:
        if value in ("true", "false"):
            return value == "true"
        raise InputError(f"--set {name} must be true or false, not {value!r}")
    try:
        return kinds[0](value)
    except ValueError:
        kind = "a whole number" if kinds[0] is int else "a number"
        none = " or none" if NoneType in kinds else ""
        raise InputError(f"--set {name} must be {kind}{none}, not {value!r}") from None


def _check_folders(request: TrainRequest) -> None:
    check_parent("--out", request.out)
    for option, folder in (("--out", request.out), ("--tensorboard", request.tensorboard)):
        if folder is not None:
            check_folder(option, folder)
            if request.num_seeds > 1 and folder.is_dir():
                for seed in range(request.seed, request.seed + request.num_seeds):
                    check_folder(option, _of_seed(folder, seed, request))
    if request.tensorboard is not None:
        from search.training.log import require_tensorboard

        require_tensorboard()


def _find_engine(request: TrainRequest, candidate: CandidateSpec) -> tuple[str, Engine]:
    """Return the device, and the engine that trains the candidate on it."""

    def compiling() -> None:
        if not request.quiet:
            print(COMPILING_LINE, file=sys.stderr, flush=True)

    device, found = find_engine(request.device, request.engine, compiling=compiling)
    engine = found.for_candidate(candidate)
    if engine.library != found.library:
        lacks = "a layer of this net" if candidate.training.optimizer == "sgd" else candidate.training.optimizer
        engine = replace(engine, reason=f"it lacks {lacks}")
    return found.device_for(candidate, device), engine


def _of_seed(folder: Path, seed: int, request: TrainRequest) -> Path:
    return folder / f"seed-{seed}" if request.num_seeds > 1 else folder
