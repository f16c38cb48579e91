"""One search in a store: its study, its curves study, and all changes that workers make to them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, Trial, TrialState, create_trial

from space.candidate import CandidateSpec
from space.limits import NO_LIMITS, DeviceLimits
from space.results import EpochResult
from space.search_space import SearchSpace
from studies.artifacts import checkpoint_file
from studies.confusions import Confusion, write_confusion
from studies.consistency import check_slots
from studies.creation import create, open_curves
from studies.curves import are_in_order, ended_ids, new_curves, next_number
from studies.fingerprints import check_fingerprint, read_fingerprint
from studies.pareto import FrontPoint, pareto_front
from studies.records import align_epochs, update_front, write_epoch
from studies.server_locks import StoreLocks
from studies.slots import MAX_LOSSES, UNFINISHED, Slot, SlotLostError, SlotState, TrialSlots, is_alive
from studies.storage import Store
from studies.summaries import TrialSummaries, read_attributes
from studies.trials import (
    TRAINED,
    Outcome,
    TrialAttributes,
    attributes_of,
    attributes_of_curve,
    constraints_of,
    outcome_of,
    read_trial,
    why_rejected,
    write_attributes,
)


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
        self.curves: Study = open_curves(store, name)
        self.slots = TrialSlots(store.database, name, store.locks.host)
        self.summaries = TrialSummaries(store, self.study)
        """What this process knows of the trials."""
        self._last_curve_id = 0

    @classmethod
    def create_or_resume(cls, store: Store, name: str, fingerprint: dict[str, Any], locks: StoreLocks) -> "SearchStudy":
        """Open the search, or create it if it is new.

        ``fingerprint`` holds the settings that must stay the same for trials to be comparable. Raises `InputError` with
        each difference if the stored fingerprint is not equal.
        """
        with locks.maintenance():
            stored = read_fingerprint(store, name)
            if stored is not None:
                check_fingerprint(name, stored, fingerprint)
                open_curves(store, name)  # does nothing, unless they were deleted or lost while they were rebuilt
            else:
                create(store, name, fingerprint)
        return cls(store, name)

    def add_rejected(self, suggestion: Suggestion, budget: int, limits: DeviceLimits = NO_LIMITS) -> None:
        """Store a candidate over the budget or a limit. The sizes of the violations steer the sampler back below."""
        candidate = suggestion.candidate
        attributes: TrialAttributes = {"outcome": Outcome.REJECTED, "reason": why_rejected(candidate, budget, limits)}
        self._add(suggestion, TrialState.PRUNED, constraints_of(candidate, budget, limits), attributes)

    def add_duplicate(self, suggestion: Suggestion, number: int) -> None:
        """Store a candidate that equals that of a trained trial, whose ``number`` is given."""
        original = read_trial(self.store, self.name, number)
        reason = f"equal to trial {number}"
        attributes: TrialAttributes = {"outcome": Outcome.DUPLICATE, "duplicate_of": number, "reason": reason}
        self._add(suggestion, original.state, original.constraints, attributes, original.values)

    def begin(
        self, suggestion: Suggestion, budget: int, limits: DeviceLimits = NO_LIMITS, *, run: dict[str, Any]
    ) -> Trial:
        """Create the trial that is about to train; ``run`` holds the settings that may differ between calls."""
        candidate, constraints = suggestion.candidate, constraints_of(suggestion.candidate, budget, limits)
        attributes: TrialAttributes = {"candidate": candidate.to_json(), "candidate_key": candidate.key, "run": run}
        return Trial(self.study, self._add(suggestion, TrialState.RUNNING, constraints, attributes))

    def find_trial(self, slot: Slot) -> FrozenTrial | None:
        """Return the trial of a slot that was given to a worker; None if a new trial is to be found for it."""
        return None if slot.trial_number is None else read_trial(self.store, self.name, slot.trial_number)

    def go_on(self, frozen: FrozenTrial, slot: Slot, *, run: dict[str, Any], epochs: Sequence[EpochResult]) -> Trial:
        """Go on with an unfinished trial after ``epochs``, which its checkpoint holds, and bring the store in line."""
        engines = dict.fromkeys([*attributes_of(frozen)["run"]["engine"].split(" and "), run["engine"]])
        with self.slots.owning(slot) as connection:
            align_epochs(connection, self.name, frozen.number, epochs)
        trial = Trial(self.study, frozen._trial_id)
        with _unless_finished(slot):
            write_attributes(trial, {"run": {**run, "engine": " and ".join(engines)}})
        return trial

    def store_epoch(
        self,
        slot: Slot,
        result: EpochResult,
        *,
        save: Callable[[Path], None] | None = None,
        earlier: Sequence[EpochResult] = (),
    ) -> None:
        """Store a finished epoch of the slot's trial; ``save`` writes the checkpoint to a path.

        ``earlier`` are the epochs before it where the store may lack some of them, or have this one already.

        Both happen in one transaction of the slot's owner, the checkpoint first: a worker that lost its slot raises
        `SlotLostError` before it has written anything, and one that dies in between leaves the more recent checkpoint.
        """
        assert slot.trial_number is not None
        with self.slots.owning(slot, num_losses=0) as connection:
            if save is not None:
                self.store.artifacts.save(connection, checkpoint_file(self.name, slot.trial_number), save)
            if earlier:
                align_epochs(connection, self.name, slot.trial_number, [*earlier, result])
            else:
                write_epoch(connection, self.name, slot.trial_number, result)

    def finish(
        self,
        trial: Trial,
        slot: Slot,
        outcome: Outcome,
        curve: Sequence[EpochResult],
        attributes: TrialAttributes | None = None,
        confusion: Confusion | None = None,
    ) -> None:
        """Finish a trial that was trained, whatever its outcome: update the study, the front, the slot and the curves.

        ``attributes`` are those that do not follow from the curve, such as the place of the weights or the reason it
        was stopped; ``confusion`` is that of a complete trial. If the worker dies after any of these steps, `repair`
        completes the others. Raises `SlotLostError` if the worker lost the slot.
        """
        with self.slots.owning(slot) as connection:
            # A server that was away after the last epoch has not got it yet.
            align_epochs(connection, self.name, trial.number, curve)
            if confusion is not None:
                write_confusion(connection, self.name, trial.number, confusion)
        is_complete = outcome == Outcome.COMPLETE
        with _unless_finished(slot):
            write_attributes(trial, {**attributes_of_curve(curve, with_spread=is_complete), **(attributes or {})})
            stored = attributes_of(trial)
            num_params, notation = stored["num_params"], stored["notation"]
            val_accuracy = curve[-1].val_accuracy if curve else 0.0
            write_attributes(trial, {"outcome": outcome})
            values = [val_accuracy, num_params] if is_complete else None
            # Study.tell would read the trial twice more, to check what is already known here and to return a copy.
            state = TrialState.COMPLETE if is_complete else TrialState.PRUNED
            self.store.storage.set_trial_state_values(trial._trial_id, state, values)
        if is_complete:
            update_front(self.store.database, self.name, [FrontPoint(trial.number, num_params, val_accuracy, notation)])
        self.slots.end(slot, outcome)
        self.store.artifacts.discard([checkpoint_file(self.name, trial.number)])
        self.append_curves(wait=False)

    def tell_failed(self, trial_number: int, reason: str) -> bool:
        """Mark a trial as failed, so that it does not count; returns False if it had ended already."""
        frozen = read_trial(self.store, self.name, trial_number)
        if frozen.state != TrialState.RUNNING:
            return False
        with suppress(UpdateFinishedTrialError):
            write_attributes(Trial(self.study, frozen._trial_id), {"reason": reason})
            return self.store.storage.set_trial_state_values(frozen._trial_id, TrialState.FAIL)
        return False

    def lost_slots(self, locks: StoreLocks) -> set[int]:
        """Return the ids of the slots whose workers are lost, for `repair` to take back."""
        return {slot.id for slot in self.slots.read((SlotState.RUNNING,)) if not is_alive(slot, locks)}

    def repair(self, locks: StoreLocks) -> list[int]:
        """Take back the slots of lost workers and make slots, front, curves and checkpoints agree with the trials.

        Safe to call at any time, from any number of processes; returns the numbers of the trials that lost a worker.
        """
        with locks.maintenance():
            self.store.load_study(self.name)  # which tells if it is gone
            # Trials are read before slots: a worker claims its slot before its trial, so no live trial looks unowned.
            check_slots(self.store, self.summaries)
            running = set(self.summaries.unfinished)
            slots = self.slots.read((SlotState.RUNNING,))
            dead = [slot for slot in slots if not is_alive(slot, locks)]
            lost = {slot.trial_number for slot in dead if slot.trial_number in running}
            for slot in dead:
                self._take_back(slot)
            unfinished = self.slots.read(UNFINISHED)
            owned = {slot.trial_number for slot in unfinished}
            # A live worker that has not recorded its trial in its slot yet may own any of those that no slot names.
            if not any(slot.trial_number is None for slot in unfinished):
                lost |= {number for number in running - owned if self.tell_failed(number, "its worker was lost")}
            self._repair_front()
            self.curves = open_curves(self.store, self.name)  # which another call may have begun anew
            self._last_curve_id = 0
            has_workers = any(slot.state == SlotState.RUNNING for slot in unfinished)
            if not has_workers and not are_in_order(self.store.database, self.curves):
                self._begin_curves_anew()
            self.append_curves(wait=True)
            kept = self.store.artifacts.checkpoints(self.name)
            self.store.artifacts.discard(checkpoint for number, checkpoint in kept.items() if number not in owned)
        return sorted(number for number in lost if number is not None)

    def append_curves(self, *, wait: bool) -> None:
        """Add to the curves what has ended since, in the order of the trials' numbers, so that both numbers are equal.

        Stops at the first trial that has not ended; whoever ends it adds the curves of those behind it. One process
        appends at a time, and each trial is added as a whole, so this can be interrupted anywhere. Unless it shall
        ``wait``, it leaves the work to a process that is at it already: what that one misses is added next time.
        """
        database = self.store.database
        with self.store.locks.curves(wait=wait) as is_held:
            number = next_number(database, self.curves) if is_held else None
            if number is not None:
                ids = ended_ids(database, self.study, number, after_id=self._last_curve_id)
                for trial_id, curve in new_curves(database, self.study, ids):
                    self.curves.add_trial(curve)
                    self._last_curve_id = trial_id

    def _begin_curves_anew(self) -> None:
        """Replace the curves of an earlier version by an empty study; the epochs are in a table of our own."""
        with self.store.locks.curves(wait=True):
            optuna.delete_study(study_name=self.curves.study_name, storage=self.store.storage)
            self._last_curve_id = 0
            self.curves = open_curves(self.store, self.name)

    def _repair_front(self) -> None:
        """Make the stored front that of the complete trials."""
        ended = self.summaries.ended
        front = pareto_front(trial.front_point for trial in ended if trial.outcome == Outcome.COMPLETE)
        ids = self.summaries.ids_of(point.trial for point in front)
        notations = read_attributes(self.store, self.name, list(ids.values()), "notation")
        points = [replace(point, notation=notations[ids[point.trial]].get("notation", "")) for point in front]
        update_front(self.store.database, self.name, points)

    def _take_back(self, slot: Slot) -> None:
        """Take a slot back whose worker was lost, unless it was given to another, or moves again, at this moment."""
        trial = self.find_trial(slot)
        outcome = None if trial is None else outcome_of(trial)
        if outcome in TRAINED:
            with suppress(SlotLostError):
                self.slots.end(slot, outcome)
        elif self.slots.take_back(slot) == SlotState.RELEASED and trial is not None:
            self.tell_failed(trial.number, f"{MAX_LOSSES} workers in a row were lost with it")

    def _add(
        self,
        suggestion: Suggestion,
        state: TrialState,
        constraints: dict[str, float],
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
            constraints=constraints,
            user_attrs={
                "num_params": candidate.num_params,
                "notation": str(candidate.architecture),
                **suggestion.attributes,
                **attributes,
            },
        )
        study_id = self.store.storage.get_study_id_from_name(self.name)
        return self.store.storage.create_new_trial(study_id, trial)


@contextmanager
def _unless_finished(slot: Slot) -> Iterator[None]:
    """Whoever else finished the trial had taken the slot from this worker."""
    try:
        yield
    except UpdateFinishedTrialError:
        raise SlotLostError(f"trial {slot.trial_number} was finished by another worker") from None
