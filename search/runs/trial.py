"""Training one trial of a search, from its slot to its outcome."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna.artifacts import upload_artifact
from optuna.trial import Trial

from mnist_core.checkpoint import Checkpoint, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.training import DivergedError
from search.runs.pruning import TrialCurve, should_prune
from search.workers.training import CandidateTraining
from space.errors import SearchFailedError
from space.results import EpochResult
from studies.artifacts import sha256_of
from studies.records import read_completed_curves, write_epoch
from studies.slots import Slot
from studies.study import SearchStudy, Suggestion
from studies.trials import TRAINED, Outcome, TrialAttributes, write_attributes

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
    recorded: Callable[[str, str], dict[str, Any]]
    """Returns the call's settings to store with each trial, given the names of the device and the engine."""
    should_stop: Callable[[], bool]

    def train(self, suggestion: Suggestion, slot: Slot) -> Outcome | None:
        """Train a candidate within the budget and record its outcome; returns None if the worker was asked to stop.

        Raises `SearchFailedError` if all trials diverge. A trial that ends in another exception is recovered after its
        worker has ended, as if the worker had been killed.
        """
        search, candidate = self.search, suggestion.candidate
        assert candidate.num_params <= self.budget, "candidates over the budget are never built"
        engine = self.engine.for_candidate(candidate)
        trial = search.begin(suggestion, self.budget, run=self.recorded(self.device, engine.name))
        slot = search.slots.assign(slot, trial.number, candidate.num_params)
        assert slot.seed_number is not None
        seed = trial_seed(self.study_seed, slot.seed_number)
        write_attributes(trial, {"seed": seed})
        training = CandidateTraining(
            candidate, self.data, seed=seed, device=self.device, engine=engine, trial=trial.number
        )
        try:
            for result in training:
                write_epoch(search.store.database, search.name, trial.number, result)
                search.slots.beat(slot)
                if result.epoch == self.num_epochs:
                    continue
                if self.is_pruning and self._is_hopeless(candidate.num_params, training.results):
                    reason = f"pruned after epoch {result.epoch}"
                    return self._stop(trial, slot, Outcome.PRUNED, training.results, reason)
                if self.should_stop():
                    search.tell_failed(trial.number, f"interrupted after epoch {result.epoch}")
                    search.slots.give_up(slot)
                    return None
        except DivergedError as error:
            return self._stop(trial, slot, Outcome.DIVERGED, training.results, str(error))
        weights = self._upload(trial, training.checkpoint())
        search.finish(trial, slot, Outcome.COMPLETE, training.results, weights)
        return Outcome.COMPLETE

    def _stop(self, trial: Trial, slot: Slot, outcome: Outcome, curve: list[EpochResult], reason: str) -> Outcome:
        self.search.finish(trial, slot, outcome, curve, {"reason": reason})
        latest = [slot.state for slot in self.search.slots.read(TRAINED)][-MAX_DIVERGED:]
        if latest == [Outcome.DIVERGED] * MAX_DIVERGED:
            raise SearchFailedError(
                f"{MAX_DIVERGED} trials in a row diverged, the last because {reason}: lower max_lr with --space"
            )
        return outcome

    def _is_hopeless(self, num_params: int, curve: list[EpochResult]) -> bool:
        completed = read_completed_curves(self.search.store.database, self.search.name, num_params)
        trial = TrialCurve(
            num_params,
            tuple(result.val_accuracy for result in curve),
            tuple(result.train_accuracy for result in curve),
        )
        return should_prune(
            trial,
            [TrialCurve(*rival) for rival in completed],
            num_epochs=self.num_epochs,
            num_validation=len(self.data.validation),
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
            return {"weights": artifact, "weights_sha256": sha256_of(path)}


def trial_seed(study_seed: int, seed_number: int) -> int:
    """Return a trial's seed, which does not depend on the worker; a retry has the seed of the first attempt."""
    return int(np.random.SeedSequence([study_seed, seed_number]).generate_state(1)[0])
