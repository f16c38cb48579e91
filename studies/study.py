"""One search in a store: its study, its curves study, and their repair after a crash."""

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import delete, insert, select

from space.candidate import CandidateSpec
from space.errors import InputError
from space.results import EpochResult
from space.search_space import SearchSpace, space_differences
from studies.consistency import check_slots
from studies.curves import are_in_order, new_curves, next_number
from studies.damage import reading, shown
from studies.locks import WorkerLocks, file_lock
from studies.names import CURVES_SUFFIX, copied_names, copied_study, gone_names
from studies.pareto import FrontPoint
from studies.records import update_front
from studies.slots import Slot, SlotState, TrialSlots, is_alive
from studies.storage import DIRECTIONS, Store
from studies.tables import metadata, searches, test_openings
from studies.trials import (
    TRAINED,
    Outcome,
    TrialAttributes,
    attributes_of,
    finished_trials,
    front_point,
    outcome_of,
    read_trials,
    write_attributes,
)

METRIC_NAMES = ["val_accuracy", "num_params"]
BUDGET_CONSTRAINT = "budget"
_FINGERPRINT_TYPES: dict[str, type] = {
    **dict.fromkeys(("dataset", "dataset_sha256", "space"), str),
    **dict.fromkeys(("budget", "train_size", "seed"), int),
}
MAX_NAME_LENGTH = 200
"""Characters of a study's name."""


@dataclass(frozen=True)
class Suggestion:
    """A possible trial: sampled parameters and the candidate they describe."""

    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    candidate: CandidateSpec
    attributes: TrialAttributes = field(default_factory=TrialAttributes)
    """User attributes that record where the suggestion came from."""

    @classmethod
    def of(
        cls, params: dict[str, Any], space: SearchSpace, *, epochs: int, attributes: TrialAttributes | None = None
    ) -> "Suggestion":
        """Build a suggestion from ``params``, which has a value for each parameter of the space."""
        fixed = FixedTrial(params)
        candidate = space.suggest_candidate(fixed, epochs=epochs)
        return cls(fixed.params, fixed.distributions, candidate, attributes or {})


class SearchStudy:
    """A search that exists in a store; workers and the supervising process change it only through this class."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.study: Study = store.load_study(name)
        self.curves: Study = _open_curves(store, name)
        self.slots = TrialSlots(store.database, name)

    def read_trials(self) -> list[FrozenTrial]:
        """Return all trials; raises `DamagedStoreError` if one of them is not sound, or if the study is gone."""
        return read_trials(self.store, self.study)

    @classmethod
    def create_or_resume(
        cls, store: Store, name: str, fingerprint: dict[str, Any], locks: WorkerLocks
    ) -> "SearchStudy":
        """Open the search, or create it if it is new.

        ``fingerprint`` holds the settings that must stay the same for trials to be comparable. Raises `InputError` with
        each difference if the stored fingerprint is not equal.
        """
        with locks.maintenance():
            stored = read_fingerprint(store, name)
            if stored is not None:
                check_fingerprint(name, stored, fingerprint)
                _open_curves(store, name)  # does nothing, unless they were deleted or lost while they were rebuilt
            else:
                _create(store, name, fingerprint)
        return cls(store, name)

    def add_rejected(self, suggestion: Suggestion, budget: int) -> None:
        """Store a candidate over the budget. The size of the violation steers the sampler back below it."""
        num_params = suggestion.candidate.num_params
        reason = f"{num_params:,} parameters are over the budget of {budget:,}"
        violation = num_params / budget - 1
        self._add(suggestion, TrialState.PRUNED, violation, {"outcome": Outcome.REJECTED, "reason": reason})

    def add_duplicate(self, suggestion: Suggestion, original: FrozenTrial) -> None:
        reason = f"equal to trial {original.number}"
        attributes: TrialAttributes = {"outcome": Outcome.DUPLICATE, "duplicate_of": original.number, "reason": reason}
        violation = original.constraints[BUDGET_CONSTRAINT]
        self._add(suggestion, original.state, violation, attributes, original.values)

    def begin(self, suggestion: Suggestion, budget: int, *, run: dict[str, Any]) -> Trial:
        """Create the trial that is about to train; ``run`` holds the settings that may differ between calls."""
        candidate = suggestion.candidate
        violation = candidate.num_params / budget - 1
        attributes: TrialAttributes = {"candidate": candidate.to_json(), "candidate_key": candidate.key, "run": run}
        return Trial(self.study, self._add(suggestion, TrialState.RUNNING, violation, attributes))

    def finish(
        self,
        trial: Trial,
        slot: Slot,
        outcome: Outcome,
        curve: Sequence[EpochResult],
        attributes: TrialAttributes | None = None,
    ) -> None:
        """Finish a trial that was trained, whatever its outcome: update the study, the front, the curves and the slot.

        ``attributes`` are those that do not follow from the curve, such as the place of the weights or the reason it
        was stopped. If the worker dies after any of these steps, `repair` completes the others.
        """
        is_complete = outcome == Outcome.COMPLETE
        write_attributes(trial, {**_curve_attributes(curve, with_spread=is_complete), **(attributes or {})})
        stored = attributes_of(trial)
        num_params, notation = stored["num_params"], stored["notation"]
        val_accuracy = curve[-1].val_accuracy if curve else 0.0
        write_attributes(trial, {"outcome": outcome})
        state, values = (TrialState.COMPLETE, [val_accuracy, num_params]) if is_complete else (TrialState.PRUNED, None)
        # Study.tell would read the trial twice more, to check what is already known here and to return a copy.
        self.store.storage.set_trial_state_values(trial._trial_id, state, values)
        if is_complete:
            update_front(self.store.database, self.name, [FrontPoint(trial.number, num_params, val_accuracy, notation)])
        self.slots.set_state(slot, outcome)
        self.append_curves(wait=False)

    def tell_failed(self, trial_number: int, reason: str) -> None:
        """Mark an interrupted or lost trial as failed, so that it does not count. Finished trials stay as they are."""
        frozen = self.read_trials()[trial_number]
        if not frozen.state.is_finished():
            write_attributes(Trial(self.study, frozen._trial_id), {"reason": reason})
            self.study.tell(trial_number, state=TrialState.FAIL, skip_if_finished=True)

    def repair(self, locks: WorkerLocks) -> list[int]:
        """Recover the trials and slots of dead workers and make slots, front and curves agree with the study.

        Safe to call at any time, from any number of processes; returns the numbers of the lost trials.
        """
        with locks.maintenance():
            # Trials are read before slots: a worker claims its slot before its trial, so no live trial looks unowned.
            check_slots(self.store, self.study)
            running = {trial.number for trial in self.read_trials() if trial.state == TrialState.RUNNING}
            slots = self.slots.read((SlotState.RUNNING,))
            dead = [slot for slot in slots if not is_alive(slot, locks)]
            alive = {slot.trial_number for slot in slots if slot not in dead}
            lost = running - alive
            if None in alive:  # a live worker has not recorded its trial in its slot yet: it may own any of them
                lost &= {slot.trial_number for slot in dead}
            self._take_back(lost, dead)
            trained = [trial for trial in finished_trials(self.store, self.study) if outcome_of(trial) in TRAINED]
            complete = [front_point(trial) for trial in trained if outcome_of(trial) == Outcome.COMPLETE]
            update_front(self.store.database, self.name, complete)
            self.curves = _open_curves(self.store, self.name)  # which another call may have begun anew
            if not alive and not are_in_order(self.store.database, self.curves):
                self._begin_curves_anew()
            self.append_curves(wait=True)
        return sorted(lost)

    def append_curves(self, *, wait: bool) -> None:
        """Add to the curves what has ended since, in the order of the trials' numbers, so that both numbers are equal.

        Stops at the first trial that has not ended; whoever ends it adds the curves of those behind it. One process
        appends at a time, and each trial is added as a whole, so this can be interrupted anywhere. Unless it shall
        ``wait``, it leaves the work to a process that is at it already: what that one misses is added next time.
        """
        database = self.store.database
        with file_lock(self.store.curves_lock_path, wait=wait) as is_held:
            number = next_number(database, self.curves) if is_held else None
            if number is not None:
                trials = self.read_trials()[number:]
                for curve in new_curves(database, self.name, trials):
                    self.curves.add_trial(curve)

    def _begin_curves_anew(self) -> None:
        """Replace the curves of an earlier version by an empty study; the epochs are in a table of our own."""
        with file_lock(self.store.curves_lock_path, wait=True):
            optuna.delete_study(study_name=self.curves.study_name, storage=self.store.storage)
            self.curves = _open_curves(self.store, self.name)

    def _take_back(self, lost: Iterable[int], dead: Iterable[Slot]) -> None:
        for number in lost:
            self.tell_failed(number, "its worker was lost")
        for slot in dead:
            outcome = None
            if slot.trial_number is not None:
                outcome = outcome_of(self.read_trials()[slot.trial_number])
            if outcome in TRAINED:
                self.slots.set_state(slot, outcome)
            else:
                self.slots.give_up(slot)

    def _add(
        self,
        suggestion: Suggestion,
        state: TrialState,
        violation: float,
        attributes: TrialAttributes,
        values: Sequence[float] | None = None,
    ) -> int:
        """Create a trial in one transaction, where ask and suggest would need one per parameter; returns its id."""
        candidate = suggestion.candidate
        trial = create_trial(
            state=state,
            values=values,
            params=suggestion.params,
            distributions=suggestion.distributions,
            constraints={BUDGET_CONSTRAINT: violation},
            user_attrs={
                "num_params": candidate.num_params,
                "notation": str(candidate.architecture),
                **suggestion.attributes,
                **attributes,
            },
        )
        study_id = self.store.storage.get_study_id_from_name(self.name)
        return self.store.storage.create_new_trial(study_id, trial)


def _curve_attributes(curve: Sequence[EpochResult], *, with_spread: bool) -> TrialAttributes:
    attributes: TrialAttributes = {
        "num_epochs": len(curve),
        "seconds": sum(result.seconds for result in curve),
    }
    if curve:
        attributes["val_accuracy"] = curve[-1].val_accuracy
    if with_spread:
        last = [result.val_accuracy for result in curve[-3:]]
        attributes["val_accuracy_spread"] = max(last) - min(last)
    return attributes


def check_study_name(name: str) -> None:
    """Raises `InputError` for a name that no search can have."""
    if not name.strip():
        raise InputError(f"--study must be a name, not {name!r}")
    if not name.isprintable():  # which bytes that are no UTF-8 are not either
        raise InputError(f"--study must consist of printable characters, not {name!r}")
    if len(name) > MAX_NAME_LENGTH:
        raise InputError(f"--study must have at most {MAX_NAME_LENGTH} characters, not {len(name)}")
    if name.endswith(CURVES_SUFFIX):
        raise InputError(f"--study must not end in {CURVES_SUFFIX}, which names a study's curves, as {name!r} does")


def read_fingerprint(store: Store, name: str) -> dict[str, Any] | None:
    """Return the settings that a study was made with, or None if there is no such study, or it is gone."""
    if name not in store.study_names():
        return None
    query = select(searches.c.fingerprint).where(searches.c.study_name == name)
    with reading(store.database, f"study {name!r} in table searches"), store.database.connect() as connection:
        fingerprint: dict[str, Any] = dict(connection.execute(query).scalar_one())
        for key, kind in _FINGERPRINT_TYPES.items():
            if not isinstance(fingerprint.get(key, kind()), kind):
                raise ValueError(f"{key} is {shown(fingerprint[key])}")
        if "space" in fingerprint:
            SearchSpace.from_stored(fingerprint["space"])
        return fingerprint


def check_fingerprint(name: str, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Raise `InputError` with each difference between the settings a study was created with and the given ones."""
    if differences := fingerprint_differences(stored, given):
        raise InputError(
            f"study {name!r} was made differently: {'; '.join(differences)}; use its settings, "
            "or choose another name with --study"
        )


def fingerprint_differences(stored: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Describe each setting that differs. Spaces are compared by meaning: either may omit a key at its default."""
    differences = []
    for key in sorted({*stored, *given}):
        was, now = stored.get(key), given.get(key)
        if key == "space" and isinstance(was, str) and isinstance(now, str):
            different = space_differences(SearchSpace.from_stored(was), SearchSpace.from_stored(now))
            differences += [f"space: {difference}" for difference in different]
        elif was != now:
            differences.append(f"{key} was {was!r} and is now {now!r}")
    return differences


def _open_curves(store: Store, name: str) -> Study:
    """Open the study of the learning curves, or create it if it was deleted: `repair` fills it again."""
    try:
        curves = store.load_curves(name)
    except KeyError:
        curves = optuna.create_study(
            storage=store.storage, study_name=name + CURVES_SUFFIX, directions=DIRECTIONS[:1], load_if_exists=True
        )
    if "fingerprint" not in curves.user_attrs:
        _describe(curves, read_fingerprint(store, name))
    return curves


def _discard_what_is_left(store: Store, name: str) -> None:
    """Delete what a study that is gone has left, except for the record of its openings of the test set."""
    with suppress(KeyError):
        optuna.delete_study(study_name=name + CURVES_SUFFIX, storage=store.storage)
    with store.database.begin() as connection:
        for table in metadata.sorted_tables[::-1]:
            if "study_name" in table.c and table is not test_openings:
                connection.execute(delete(table).where(table.c.study_name == name))


def _create(store: Store, name: str, fingerprint: dict[str, Any]) -> None:
    if name in gone_names(store.database):
        _discard_what_is_left(store, name)
    if name in copied_names(store.database) and store.load_study(name).get_trials(deepcopy=False):
        raise copied_study(store.database, store.url, name)
    for study_name, num_objectives in ((name, 2), (name + CURVES_SUFFIX, 1)):
        study = optuna.create_study(
            storage=store.storage, study_name=study_name, directions=DIRECTIONS[:num_objectives], load_if_exists=True
        )
        if study.directions != DIRECTIONS[:num_objectives] or study.get_trials(deepcopy=False):
            raise InputError(f"{store.url} holds a study {study_name!r} of another program: name another with --study")
        _describe(study, fingerprint)
    # This comes last, since a search counts as created once this row exists.
    with store.database.begin() as connection:
        connection.execute(insert(searches).values(study_name=name, fingerprint=fingerprint))


def _describe(study: Study, fingerprint: dict[str, Any] | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(METRIC_NAMES[: len(study.directions)])
    study.set_user_attr("fingerprint", fingerprint)
