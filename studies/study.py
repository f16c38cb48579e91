"""One search in a store: its study, the curves study beside it, and what brings them back in step after a crash."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import insert, select

from space.candidate import CandidateSpec
from space.errors import InputError
from space.results import EpochResult
from studies.locks import WorkerLocks
from studies.pareto import FrontPoint
from studies.records import (
    TRAINED_OUTCOMES,
    Outcome,
    finished_trials,
    front_point,
    outcome_of,
    read_epochs,
    update_front,
)
from studies.slots import Slot, SlotState, TrialSlots, is_alive
from studies.storage import CURVES_SUFFIX, Store
from studies.tables import searches

METRIC_NAMES = ["val_accuracy", "num_params"]
DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
BUDGET_CONSTRAINT = "budget"


@dataclass(frozen=True)
class Suggestion:
    """What may become a trial: sampled parameters, and the candidate that they mean."""

    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    candidate: CandidateSpec
    attributes: dict[str, Any] = field(default_factory=dict)
    """Further user attributes of the trial."""


class SearchStudy:
    """A search that exists in a store, with every write that a worker or the supervising process makes to it."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.study: Study = store.load_study(name)
        self.curves: Study = store.load_curves(name)
        self.slots = TrialSlots(store.engine, name)

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
        attributes = {"outcome": Outcome.DUPLICATE, "duplicate_of": original.number, "reason": reason}
        violation = original.constraints[BUDGET_CONSTRAINT]
        self._add(suggestion, original.state, violation, attributes, original.values)

    def begin(self, suggestion: Suggestion, budget: int, *, run: dict[str, Any]) -> Trial:
        """The trial that is about to train; ``run`` is what may differ between calls on the same study."""
        candidate = suggestion.candidate
        violation = candidate.num_params / budget - 1
        attributes = {"candidate": candidate.to_json(), "candidate_key": candidate.key, "run": run}
        return Trial(self.study, self._add(suggestion, TrialState.RUNNING, violation, attributes))

    def tell_complete(self, trial: Trial, curve: Sequence[EpochResult], num_params: int, **attributes: Any) -> None:
        """End a trial that trained to its end, and let it join the front and the curves."""
        last = [result.val_accuracy for result in curve[-3:]]
        self._set_curve_attributes(trial, curve, val_accuracy_spread=max(last) - min(last), **attributes)
        val_accuracy, notation = curve[-1].val_accuracy, trial.user_attrs["notation"]
        self._tell(trial, Outcome.COMPLETE, [val_accuracy, num_params])
        update_front(self.store.engine, self.name, [FrontPoint(trial.number, num_params, val_accuracy, notation)])
        self._add_curve(trial.number, notation, TrialState.COMPLETE, curve)

    def tell_stopped(self, trial: Trial, outcome: Outcome, curve: Sequence[EpochResult], reason: str) -> None:
        """End a trial that was pruned or diverged after training had begun."""
        self._set_curve_attributes(trial, curve, reason=reason)
        self._tell(trial, outcome)
        self._add_curve(trial.number, trial.user_attrs["notation"], TrialState.PRUNED, curve)

    def tell_failed(self, trial_number: int, reason: str) -> None:
        """End a trial that was interrupted or lost; it does not count. A finished trial stays as it is."""
        frozen = self.study.get_trials(deepcopy=False)[trial_number]
        if not frozen.state.is_finished():
            _set_attributes(Trial(self.study, frozen._trial_id), reason=reason)
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
            trained = [trial for trial in finished_trials(self.study) if outcome_of(trial) in TRAINED_OUTCOMES]
            complete = [front_point(trial) for trial in trained if outcome_of(trial) == Outcome.COMPLETE]
            update_front(self.store.engine, self.name, complete)
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
            if outcome in TRAINED_OUTCOMES:
                self.slots.set_state(slot, SlotState(outcome))
            else:
                self.slots.give_up(slot)

    def _add(
        self,
        suggestion: Suggestion,
        state: TrialState,
        violation: float,
        attributes: dict[str, Any],
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
        present = {trial.user_attrs["trial"] for trial in self.curves.get_trials(deepcopy=False)}
        missing = [trial for trial in trained if trial.number not in present]
        epochs = read_epochs(self.store.engine, self.name, [trial.number for trial in missing])
        for trial in missing:
            self._add_curve(trial.number, trial.user_attrs["notation"], trial.state, epochs[trial.number])

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

    def _set_curve_attributes(self, trial: Trial, curve: Sequence[EpochResult], **attributes: Any) -> None:
        last = {"val_accuracy": curve[-1].val_accuracy} if curve else {}
        _set_attributes(
            trial, num_epochs=len(curve), seconds=sum(result.seconds for result in curve), **last, **attributes
        )

    def _tell(self, trial: Trial, outcome: Outcome, values: Sequence[float] | None = None) -> None:
        trial.set_user_attr("outcome", outcome)
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
        # Study.tell would read the trial twice more, to check what is known here and to return a copy.
        self.store.storage.set_trial_state_values(trial._trial_id, state, values)


def read_fingerprint(store: Store, name: str) -> dict[str, Any] | None:
    with store.engine.connect() as connection:
        return connection.scalar(select(searches.c.fingerprint).where(searches.c.study_name == name))


def check_fingerprint(name: str, stored: dict[str, Any], given: dict[str, Any]) -> None:
    differences = [
        f"{key} was {stored.get(key)!r} and is now {given.get(key)!r}"
        for key in sorted({*stored, *given})
        if stored.get(key) != given.get(key)
    ]
    if differences:
        raise InputError(
            f"study {name!r} was made differently: {'; '.join(differences)}; go on with its settings, "
            "or name another with --study"
        )


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
    with store.engine.begin() as connection:
        connection.execute(insert(searches).values(study_name=name, fingerprint=fingerprint))


def _set_attributes(trial: Trial, **attributes: Any) -> None:
    for name, value in attributes.items():
        trial.set_user_attr(name, value)
