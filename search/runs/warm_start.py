"""Starting a search from known nets: the candidate of the space nearest to each net is queued."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.runs.config import RunConfig
from search.sampling.nearest import MOST_TAKEN_OFF, Nearest, nearest_params
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from space.files import has_file
from space.recipes import RECIPES
from studies.records import read_front
from studies.slots import QueuedCandidate, SlotState
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import TRAINED, candidate_of, complete_trial


@dataclass(frozen=True)
class KnownNet:
    name: str
    candidate: CandidateSpec


def read_known_nets(warm_start: str, training: TrainingConfig, *, storage: str) -> list[KnownNet]:
    """Return the recipes, the front of a study, or the nets of a file: one notation per line, with ``#`` comments.

    A study is named ``STORE#STUDY``, or ``#STUDY`` if it is in ``storage``; its nets keep their settings of training. A
    net from a file gets ``training``. Raises `InputError` naming the file and the line, or the study.
    """
    if warm_start == "recipes":
        return [KnownNet(recipe.name, recipe.candidate) for recipe in RECIPES.values()]
    path = Path(warm_start)
    store, is_study, study = warm_start.partition("#")
    if is_study and not path.exists():
        return _read_front(store or storage, study)
    if not has_file(path, f"--warm-start {path}"):
        raise InputError(f"--warm-start must be recipes, a file of nets, or STORE#STUDY, not {warm_start!r}")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"--warm-start {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"--warm-start {path} is not text in UTF-8") from None
    nets = []
    for number, line in enumerate(lines, start=1):
        if notation := line.partition("#")[0].strip():
            try:
                architecture = ArchitectureSpec.from_text(notation)
            except InputError as error:
                raise InputError(f"--warm-start {path}, line {number}: {error}") from None
            nets.append(KnownNet(f"{path.name}:{number}", CandidateSpec(architecture, training)))
    if not nets:
        raise InputError(f"--warm-start {path} has no net: it takes one notation per line")
    return nets


def _read_front(storage: str, study: str) -> list[KnownNet]:
    try:
        store = Store.open_read_only(storage)
        name = store.resolve_study_name(study or None)
        front = read_front(store.database, name)
        trials = [complete_trial(store, name, point.trial) for point in front]
    except InputError as error:
        raise InputError(f"--warm-start: {error}") from None
    if not trials:
        raise InputError(f"--warm-start: study {name!r} in {store.url} has no complete trial yet, so it has no front")
    return [KnownNet(f"{name}, trial {trial.number}", candidate_of(trial)) for trial in trials]


def queue_known_nets(search: SearchStudy, config: RunConfig, nets: Sequence[KnownNet]) -> list[str]:
    """Queue a candidate near each net that was not queued before; returns lines to print about each and the queue."""
    lines, sources = [], dict[str, str]()
    for net in nets:
        nearest = nearest_params(
            config.space, net.candidate, budget=config.budget, limits=config.limits, epochs=config.epochs
        )
        if nearest is None:
            lines.append(f"{net.name}: left out, {_too_large(config, net)}")
            continue
        key = nearest.candidate.key
        if (original := search.slots.find_trained(key)) is not None:
            lines.append(f"{net.name}: its candidate is trained already, as trial {original}")
        elif key in sources:
            lines.append(f"{net.name}: the same candidate as {sources[key]}")
        elif search.slots.enqueue([QueuedCandidate(key, net.name, nearest.params)]):
            lines.append(f"{net.name}: {_trained_as(nearest)}")
        else:
            lines.append(f"{net.name}: its candidate was queued by an earlier call")
        sources.setdefault(key, net.name)
    if num_waiting := search.slots.num_queued():
        num_taken = search.slots.count(SlotState.RUNNING, SlotState.INTERRUPTED, *TRAINED)
        num_later = num_waiting - max(0, config.trials - num_taken)
        later = f", {num_later} of them once --trials leaves room" if num_later > 0 else ""
        lines.append(f"{num_waiting} queued, to be trained before others{later}")
    return lines


def _trained_as(nearest: Nearest) -> str:
    changes = ", ".join(nearest.changes) or "as it is"
    return f"trained as {nearest.candidate.architecture} ({nearest.candidate.num_params:,} parameters): {changes}"


def _too_large(config: RunConfig, net: KnownNet) -> str:
    whole = nearest_params(config.space, net.candidate, budget=sys.maxsize, epochs=config.epochs)
    assert whole is not None
    if broken := config.limits.broken(whole.candidate.architecture):
        return f"its nearest candidate does not fit, nor with {MOST_TAKEN_OFF} % off each width: {'; '.join(broken)}"
    return (
        f"its nearest candidate is over the budget: {whole.candidate.num_params:,} parameters, "
        f"and still too many with {MOST_TAKEN_OFF} % off each width"
    )
