"""Training one trial of a search, from its slot to its outcome."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna.artifacts import upload_artifact
from optuna.trial import FrozenTrial, Trial

from mnist_core.checkpoint import Checkpoint, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.training import DivergedError
from mnist_core.training_checkpoint import load_training
from search.runs.pruning import WARM_UP_EPOCHS, should_prune
from search.workers.training import BALANCED_ACCURACY, CandidateTraining
from space.candidate import CandidateSpec
from space.errors import InputError, SearchFailedError
from space.limits import NO_LIMITS, DeviceLimits, fits
from space.results import EpochResult
from studies.artifacts import checkpoint_file, sha256_of
from studies.failures import Outage, is_outage
from studies.rivals import Rivals, TrialCurve
from studies.server_locks import make_local_folder
from studies.slots import Slot, SlotLostError
from studies.study import SearchStudy, Suggestion
from studies.trials import Outcome, TrialAttributes, candidate_of, write_attributes

MAX_DIVERGED = 20
"""Number of diverged trials in a row, over all workers, after which a search fails."""


@dataclass(frozen=True)
class TrialTrainer:
    """Trains one worker's trials."""

    search: SearchStudy
    data: Dataset
    device: str
    engine: Engine
    budget: int
    num_epochs: int
    study_seed: int
    is_pruning: bool
    metric: str
    num_validation: int
    """Number of images whose accuracy varies as much as the metric does."""
    recorded: Callable[[str, str], dict[str, Any]]
    """Returns the call's settings to store with each trial, given the names of the device and the engine."""
    should_stop: Callable[[], bool]
    rivals: Rivals
    outage: Outage
    """Whether the server of the store is away."""
    limits: DeviceLimits = NO_LIMITS

    def train(self, suggestion: Suggestion, slot: Slot) -> Outcome | None:
        """Train a candidate within budget and limits and record its outcome; returns None if the trial has not ended.

        That is so if the worker was asked to stop. The trial goes on from there with `go_on`, on any worker. Raises
        `SlotLostError` if the worker lost the slot, which another may own by then, and `SearchFailedError` if all
        trials diverge. A trial that ends in another exception is recovered after its worker has ended, as if the worker
        had been killed.
        """
        search, candidate = self.search, suggestion.candidate
        assert fits(candidate, self.budget, self.limits), "candidates over the budget or a limit are never built"
        trial = search.begin(suggestion, self.budget, self.limits, run=self._run_of(candidate))
        try:
            slot = search.slots.assign(slot, trial.number, candidate.num_params)
        except SlotLostError:
            search.tell_failed(trial.number, "its worker lost its slot before it began")
            raise
        return self._train(trial, slot, self._training(candidate, slot))

    def go_on(self, frozen: FrozenTrial, slot: Slot) -> Outcome | None:
        """Go on with an unfinished trial from its last finished epoch; the rest is as for `train`.

        Without a checkpoint that can be used, such as on a machine that does not share the folder of model files, the
        trial begins anew.
        """
        candidate = candidate_of(frozen)
        training = self._training(candidate, slot)
        for path in self._checkpoints(slot):
            with suppress(InputError):
                saved = load_training(path)
                is_further = len(saved.state.results) > len(training.results)
                if saved.configuration == training.configuration and is_further:
                    training.restore(saved)
        trial = self.search.go_on(frozen, slot, run=self._run_of(candidate), epochs=training.results)
        return self._train(trial, slot, training)

    def _train(self, trial: Trial, slot: Slot, training: CandidateTraining) -> Outcome | None:
        search = self.search
        write_attributes(trial, {"seed": training.seed})
        try:
            if (reason := self._pruned(training)) is not None:  # asked again about the epoch that was stored last
                return self._stop(trial, slot, Outcome.PRUNED, training.results, reason)
            for result in training:
                is_stored = self._store_epoch(slot, training)
                if result.epoch == self.num_epochs:
                    continue
                if not is_stored:
                    if self.should_stop():
                        return None  # whoever takes the slot back from this worker goes on with its trial
                    continue
                if (reason := self._pruned(training)) is not None:
                    return self._stop(trial, slot, Outcome.PRUNED, training.results, reason)
                if self.should_stop():
                    search.slots.interrupt(slot)
                    return None
        except DivergedError as error:
            return self._stop(trial, slot, Outcome.DIVERGED, training.results, str(error))
        weights = self._upload(trial, training.checkpoint())
        search.finish(trial, slot, Outcome.COMPLETE, training.results, weights, training.confusion)
        self._drop_waiting(slot)
        return Outcome.COMPLETE

    def _training(self, candidate: CandidateSpec, slot: Slot) -> CandidateTraining:
        assert slot.seed_number is not None
        return CandidateTraining(
            candidate,
            self.data,
            seed=trial_seed(self.study_seed, slot.seed_number),
            device=self.device,
            engine=self.engine,
            trial=slot.trial_number,
            metric=self.metric,
        )

    def _run_of(self, candidate: CandidateSpec) -> dict[str, Any]:
        return self.recorded(self.engine.device_for(candidate, self.device), self.engine.for_candidate(candidate).name)

    def _store_epoch(self, slot: Slot, training: CandidateTraining) -> bool:
        """Store the latest epoch; returns False if the server of the store is away.

        In that case the state of the training waits in a file of this machine, and the next epoch is trained meanwhile.
        Raises `SearchFailedError` if the server is away for too long.
        """
        *earlier, latest = training.results
        is_away = self.outage.is_on
        waiting = self._waiting_file(slot)
        try:
            self.search.store_epoch(slot, latest, save=training.save, earlier=earlier if is_away else ())
        except Exception as error:
            if is_outage(error) and waiting is not None:
                make_local_folder(waiting.parent)
                training.save(waiting)
            self.outage.note(error)
            return False
        self.outage.end()
        if is_away:
            self._drop_waiting(slot)
        return True

    def _drop_waiting(self, slot: Slot) -> None:
        """Remove what this worker, or one that was killed here, left for a server that was away."""
        if (waiting := self._waiting_file(slot)) is not None:
            waiting.unlink(missing_ok=True)

    def _checkpoints(self, slot: Slot) -> list[Path]:
        """Return the paths of the trial's checkpoint in the store and of one that waits here, if there are such."""
        assert slot.trial_number is not None
        stored = self.search.store.artifacts.checkpoint(self.search.name, slot.trial_number)
        waiting = self._waiting_file(slot)
        return [stored] if waiting is None else [stored, waiting]

    def _waiting_file(self, slot: Slot) -> Path | None:
        assert slot.trial_number is not None
        return self.search.store.artifacts.local_file(checkpoint_file(self.search.name, slot.trial_number))

    def _pruned(self, training: CandidateTraining) -> str | None:
        """Return why a trial is to be stopped after its latest epoch, or None if it is not."""
        epoch = len(training.results)
        if not self.is_pruning or not WARM_UP_EPOCHS <= epoch < self.num_epochs:
            return None
        is_hopeless = self._is_hopeless(training.candidate.num_params, training.results)
        return f"pruned after epoch {epoch}" if is_hopeless else None

    def _stop(self, trial: Trial, slot: Slot, outcome: Outcome, curve: list[EpochResult], reason: str) -> Outcome:
        self.search.finish(trial, slot, outcome, curve, {"reason": reason})
        self._drop_waiting(slot)
        if outcome == Outcome.DIVERGED and self.search.slots.latest_trained(MAX_DIVERGED) == [outcome] * MAX_DIVERGED:
            raise SearchFailedError(
                f"{MAX_DIVERGED} trials in a row diverged, the last because {reason}: lower max_lr with --space"
            )
        return outcome

    def _is_hopeless(self, num_params: int, curve: list[EpochResult]) -> bool:
        self.search.summaries.update()
        trial = TrialCurve(
            num_params,
            tuple(result.val_accuracy for result in curve),
            tuple(result.train_accuracy for result in curve),
        )
        return should_prune(
            trial,
            self.rivals.up_to(num_params),
            num_epochs=self.num_epochs,
            num_validation=self.num_validation,
        )

    def _upload(self, trial: Trial, checkpoint: Checkpoint) -> TrialAttributes:
        """Attach the weights to the trial before it is finished, since a finished trial can't be changed.

        Returns the attributes that locate and identify the weights.
        """
        with tempfile.TemporaryDirectory(prefix="search-") as folder:
            path = Path(folder) / f"trial-{trial.number}.safetensors"
            save_checkpoint(path, checkpoint)
            artifact = upload_artifact(
                artifact_store=self.search.store.artifacts, file_path=str(path), study_or_trial=trial
            )
            stored: TrialAttributes = {"weights": artifact, "weights_sha256": sha256_of(path)}
        if self.metric == BALANCED_ACCURACY and checkpoint.val_accuracy is not None:
            stored["val_plain_accuracy"] = checkpoint.val_accuracy
        return stored


def trial_seed(study_seed: int, seed_number: int) -> int:
    """Return a trial's seed, which does not depend on the worker; a retry has the seed of the first attempt."""
    return int(np.random.SeedSequence([study_seed, seed_number]).generate_state(1)[0])
