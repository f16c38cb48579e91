"""One search in a store: its study, the curves study beside it, and what brings them back in step after a crash."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study, StudyDirection
from optuna.trial import FixedTrial, FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import insert, select

from space.candidate import CandidateSpec
from space.errors import InputError
from space.results import EpochResult
from space.search_space import SearchSpace, space_differences
from studies.locks import WorkerLocks
from studies.pareto import FrontPoint
from studies.records import read_epochs, update_front
from studies.slots import Slot, SlotState, TrialSlots, is_alive
from studies.storage import CURVES_SUFFIX, Store
from studies.tables import searches
from studies.trials import (
    TRAINED,
    Outcome,
    TrialAttributes,
    attributes_of,
    curve_attributes_of,
    finished_trials,
    front_point,
    outcome_of,
    write_attributes,
)

METRIC_NAMES = ["val_accuracy", "num_params"]
DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
BUDGET_CONSTRAINT = "budget"


@dataclass(frozen=True)
class Suggestion:
    """What may become a trial: sampled parameters, and the candidate that they mean."""

    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    candidate: CandidateSpec
    attributes: TrialAttributes = field(default_factory=TrialAttributes)
    """Where it came from."""

    @classmethod
    def of(
        cls, params: dict[str, Any], space: SearchSpace, *, epochs: int, attributes: TrialAttributes | None = None
    ) -> "Suggestion":
        """What ``params``, a value for each parameter of the space, mean."""
        fixed = FixedTrial(params)
        candidate = space.suggest_candidate(fixed, epochs=epochs)
        return cls(fixed.params, fixed.distributions, candidate, attributes or {})


class SearchStudy:
    """A search that exists in a store, with every write that a worker or the supervising process makes to it."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.study: Study = store.load_study(name)
        self.curves: Study = store.load_curves(name)
        self.slots = TrialSlots(store.database, name)

    @classmethod
    def create_or_resume(
        cls, store: Store, name: str, fingerprint: dict[str, Any], locks: WorkerLocks
    ) -> "SearchStudy":
        """Open the search, making it where it is new.

        ``fingerprint`` holds what must stay the same for trials to be comparable. Raises `InputError` naming each
        difference where the stored one is another.
        """
        with locks.maintenance():
            stored = read_fingerprint(store, name)
            if stored is not None:
                check_fingerprint(name, stored, fingerprint)
            else:
                _create(store, name, fingerprint)
        return cls(store, name)

    def add_rejected(self, suggestion: Suggestion, budget: int) -> None:
        """Keep what was over the budget. The size of the violation is what steers the sampler back under it."""
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
        """The trial that is about to train; ``run`` is what may differ between calls on the same study."""
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
        """End a trial that was trained, whatever its outcome: tell the study, the front, the curves and the slot.

        ``attributes`` are those beside what the curve says: where its weights are, or why it was stopped. A worker may
        die after any step of this; `repair` does the rest.
        """
        is_complete = outcome == Outcome.COMPLETE
        write_attributes(trial, {**_curve_attributes(curve, with_spread=is_complete), **(attributes or {})})
        stored = cast(TrialAttributes, trial.user_attrs)
        val_accuracy, num_params, notation = (
            curve[-1].val_accuracy if curve else 0.0,
            stored["num_params"],
            stored["notation"],
        )
        write_attributes(trial, {"outcome": outcome})
        state, values = (TrialState.COMPLETE, [val_accuracy, num_params]) if is_complete else (TrialState.PRUNED, None)
        # Study.tell would read the trial twice more, to check what is known here and to return a copy.
        self.store.storage.set_trial_state_values(trial._trial_id, state, values)
        if is_complete:
            update_front(self.store.database, self.name, [FrontPoint(trial.number, num_params, val_accuracy, notation)])
        self._add_curve(trial.number, notation, state, curve)
        self.slots.set_state(slot, outcome)

    def tell_failed(self, trial_number: int, reason: str) -> None:
        """End a trial that was interrupted or lost; it does not count. A finished trial stays as it is."""
        frozen = self.study.get_trials(deepcopy=False)[trial_number]
        if not frozen.state.is_finished():
            write_attributes(Trial(self.study, frozen._trial_id), {"reason": reason})
            self.study.tell(trial_number, state=TrialState.FAIL, skip_if_finished=True)

    def repair(self, locks: WorkerLocks) -> list[int]:
        """Take back what dead workers left behind and bring slots, front and curves in step with the study.

        Safe to call at any time, from any number of processes; returns the numbers of the trials found lost.
        """
        with locks.maintenance():
            # In this order: a worker has its slot before it asks for a trial, so a live one's trial can't look unowned.
            running = {trial.number for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))}
            slots = self.slots.read((SlotState.RUNNING,))
            dead = [slot for slot in slots if not is_alive(slot, locks)]
            alive = {slot.trial_number for slot in slots if slot not in dead}
            lost = running - alive
            if None in alive:  # a live worker has not noted its trial in its slot yet: it may own any of them
                lost &= {slot.trial_number for slot in dead}
            self._take_back(lost, dead)
            trained = [trial for trial in finished_trials(self.study) if outcome_of(trial) in TRAINED]
            complete = [front_point(trial) for trial in trained if outcome_of(trial) == Outcome.COMPLETE]
            update_front(self.store.database, self.name, complete)
            # A live worker between telling its trial and adding its curve will do that itself.
            self._add_missing_curves([trial for trial in trained if trial.number not in alive])
        return sorted(lost)

    def _take_back(self, lost: Iterable[int], dead: Iterable[Slot]) -> None:
        for number in lost:
            self.tell_failed(number, "its worker was lost")
        for slot in dead:
            outcome = None
            if slot.trial_number is not None:
                outcome = outcome_of(self.study.get_trials(deepcopy=False)[slot.trial_number])
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
        """A new trial in one transaction, where asking and suggesting would take one a parameter; gives its id."""
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

    def _add_missing_curves(self, trained: Sequence[FrozenTrial]) -> None:
        present = {curve_attributes_of(trial)["trial"] for trial in self.curves.get_trials(deepcopy=False)}
        missing = [trial for trial in trained if trial.number not in present]
        epochs = read_epochs(self.store.database, self.name, [trial.number for trial in missing])
        for trial in missing:
            self._add_curve(trial.number, attributes_of(trial)["notation"], trial.state, epochs[trial.number])

    def _add_curve(self, number: int, notation: str, state: TrialState, curve: Sequence[EpochResult]) -> None:
        # The dashboard draws a pruned trial's curve only if the trial has a value.
        if not curve:
            return
        self.curves.add_trial(
            create_trial(
                state=state,
                value=curve[-1].val_accuracy,
                # Its parameters are in the main study: copied, they would be most of what this writes.
                user_attrs={"trial": number, "notation": notation},
                intermediate_values={result.epoch: result.val_accuracy for result in curve},
            )
        )


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


def read_fingerprint(store: Store, name: str) -> dict[str, Any] | None:
    with store.database.connect() as connection:
        return connection.scalar(select(searches.c.fingerprint).where(searches.c.study_name == name))


def check_fingerprint(name: str, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Raises `InputError` naming each difference between what a study was made with and what is asked for now."""
    if differences := fingerprint_differences(stored, given):
        raise InputError(
            f"study {name!r} was made differently: {'; '.join(differences)}; go on with its settings, "
            "or name another with --study"
        )


def fingerprint_differences(stored: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """In words, one a setting. Spaces are compared by what they mean: a key at its default may be missing in one."""
    differences = []
    for key in sorted({*stored, *given}):
        was, now = stored.get(key), given.get(key)
        if key == "space" and isinstance(was, str) and isinstance(now, str):
            different = space_differences(SearchSpace.from_toml(was), SearchSpace.from_toml(now))
            differences += [f"space: {difference}" for difference in different]
        elif was != now:
            differences.append(f"{key} was {was!r} and is now {now!r}")
    return differences


def _create(store: Store, name: str, fingerprint: dict[str, Any]) -> None:
    for study_name, num_objectives in ((name, 2), (name + CURVES_SUFFIX, 1)):
        study = optuna.create_study(
            storage=store.storage, study_name=study_name, directions=DIRECTIONS[:num_objectives], load_if_exists=True
        )
        if study.directions != DIRECTIONS[:num_objectives] or study.get_trials(deepcopy=False):
            raise InputError(f"{store.url} holds a study {study_name!r} of another program: name another with --study")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(METRIC_NAMES[:num_objectives])
        study.set_user_attr("fingerprint", fingerprint)
    # Last, since a search counts as made once this row is there.
    with store.database.begin() as connection:
        connection.execute(insert(searches).values(study_name=name, fingerprint=fingerprint))
