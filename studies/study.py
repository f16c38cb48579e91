"""One search in a store: its study, the curves study beside it, and what brings them back in step after a crash."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import insert, select

from space.candidate import CandidateSpec
from space.errors import InputError
from space.results import EpochResult
from studies.locks import WorkerLocks
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

    def tell_rejected(self, trial: Trial, candidate: CandidateSpec, budget: int) -> None:
        """End a trial that is over the budget. The size of the violation is what steers the sampler back under it."""
        num_params = candidate.num_params
        trial.set_constraint(BUDGET_CONSTRAINT, num_params / budget - 1)
        reason = f"{num_params:,} parameters are over the budget of {budget:,}"
        _set_attributes(trial, num_params=num_params, notation=str(candidate.architecture), reason=reason)
        self._tell(trial, Outcome.REJECTED)

    def tell_duplicate(self, trial: Trial, candidate: CandidateSpec, original: FrozenTrial) -> None:
        trial.set_constraint(BUDGET_CONSTRAINT, original.constraints.get(BUDGET_CONSTRAINT, 0.0))
        _set_attributes(
            trial,
            num_params=candidate.num_params,
            notation=str(candidate.architecture),
            duplicate_of=original.number,
            reason=f"equal to trial {original.number}",
        )
        self._tell(trial, Outcome.DUPLICATE, values=original.values)

    def describe(self, trial: Trial, candidate: CandidateSpec, budget: int, *, seed: int, run: dict[str, Any]) -> None:
        """Note what a trial is about to train, and how; ``run`` is what may differ between calls on the same study."""
        num_params = candidate.num_params
        trial.set_constraint(BUDGET_CONSTRAINT, num_params / budget - 1)
        _set_attributes(
            trial,
            num_params=num_params,
            notation=str(candidate.architecture),
            candidate=candidate.to_json(),
            candidate_key=candidate.key,
            seed=seed,
            run=run,
        )

    def tell_complete(self, trial: Trial, curve: Sequence[EpochResult], num_params: int, **attributes: Any) -> None:
        """End a trial that trained to its end, and let it join the front and the curves."""
        last = [result.val_accuracy for result in curve[-3:]]
        self._set_curve_attributes(trial, curve, val_accuracy_spread=max(last) - min(last), **attributes)
        finished = self._tell(trial, Outcome.COMPLETE, values=[curve[-1].val_accuracy, num_params])
        update_front(self.store.engine, self.name, [front_point(finished)])
        self._add_curve(finished, curve)

    def tell_stopped(self, trial: Trial, outcome: Outcome, curve: Sequence[EpochResult], reason: str) -> None:
        """End a trial that was pruned or diverged after training had begun."""
        self._set_curve_attributes(trial, curve, reason=reason)
        self._add_curve(self._tell(trial, outcome), curve)

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

    def _add_missing_curves(self, trained: Sequence[FrozenTrial]) -> None:
        present = {trial.user_attrs["trial"] for trial in self.curves.get_trials(deepcopy=False)}
        missing = [trial for trial in trained if trial.number not in present]
        epochs = read_epochs(self.store.engine, self.name, [trial.number for trial in missing])
        for trial in missing:
            self._add_curve(trial, epochs[trial.number])

    def _add_curve(self, trial: FrozenTrial, curve: Sequence[EpochResult]) -> None:
        # The dashboard draws a pruned trial's curve only if the trial has a value.
        if not curve:
            return
        self.curves.add_trial(
            create_trial(
                state=trial.state,
                value=curve[-1].val_accuracy,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={"trial": trial.number, "notation": trial.user_attrs["notation"]},
                intermediate_values={result.epoch: result.val_accuracy for result in curve},
            )
        )

    def _set_curve_attributes(self, trial: Trial, curve: Sequence[EpochResult], **attributes: Any) -> None:
        last = {"val_accuracy": curve[-1].val_accuracy} if curve else {}
        _set_attributes(
            trial, num_epochs=len(curve), seconds=sum(result.seconds for result in curve), **last, **attributes
        )

    def _tell(self, trial: Trial, outcome: Outcome, values: Sequence[float] | None = None) -> FrozenTrial:
        trial.set_user_attr("outcome", outcome)
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
        return self.study.tell(trial, values=values, state=state)


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
