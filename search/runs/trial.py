"""One trial, from its slot to its outcome."""

import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna.artifacts import upload_artifact
from optuna.trial import FixedTrial, FrozenTrial, Trial

from mnist_core.checkpoint import Checkpoint, cpu_weights, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.model import build_model
from mnist_core.training import DivergedError, train
from search.runs.config import RunConfig
from search.runs.pruning import TrialCurve, should_prune
from search.sampling.draws import (
    EXPLORE_EVERY,
    EXPLORE_SIZE_RANGE,
    MAX_REJECTIONS,
    STARTUP_SIZE_RANGE,
    STARTUP_TRIALS,
    draw_growing_params,
    draw_within_budget,
    too_many_rejections,
)
from search.sampling.tpe import BoundedTpe
from space.errors import SearchFailedError
from space.results import EpochResult
from studies.artifacts import sha256_of
from studies.records import Outcome, find_trained, read_completed_curves, write_epoch
from studies.slots import TRAINED, Slot, SlotState
from studies.study import SearchStudy, Suggestion

MAX_DIVERGED = 20
"""Diverged trials in a row, over all workers, that end a search."""


@dataclass(frozen=True)
class TrialRunner:
    """What a worker brings to every trial that it runs."""

    search: SearchStudy
    config: RunConfig
    data: Dataset
    device: str
    engine: Engine
    tpe: BoundedTpe
    random: random.Random
    should_stop: Callable[[], bool]

    def run(self, slot: Slot) -> Outcome | None:
        """Find a candidate for the slot, train it and record how it went; None where it was asked to stop before.

        Raises `SearchFailedError` where no candidate can be found, or all diverge. A trial that ends in an exception is
        taken back when its worker is gone, as one whose worker was killed.
        """
        suggestion = self._find(slot) if slot.trial_number is None else self._repeat(slot.trial_number)
        return None if suggestion is None else self._train(suggestion, slot)

    def _repeat(self, trial_number: int) -> Suggestion:
        """What an interrupted trial was about to train."""
        trial = self.search.study.get_trials(deepcopy=False)[trial_number]
        source = trial.user_attrs.get("warm_start")
        return self._suggest(trial.params, **({} if source is None else {"warm_start": source}))

    def _find(self, slot: Slot) -> Suggestion | None:
        """A candidate within the budget and new. Those that are not are stored as such, and do not count."""
        smallest = sys.maxsize
        for attempt in range(MAX_REJECTIONS):
            trials = self.search.study.get_trials(deepcopy=False)
            if self.should_stop():
                self.search.slots.give_up(slot)
                return None
            # A growing net takes many draws to find, so one is tried, at first.
            first = (self._queued(slot) or self._draw_growing(trials)) if attempt == 0 else None
            suggestion = first or self._sample(trials)
            num_params = suggestion.candidate.num_params
            if num_params > self.config.budget:
                self.search.add_rejected(suggestion, self.config.budget)
            elif original := find_trained(trials, suggestion.candidate):
                self.search.add_duplicate(suggestion, original)
            else:
                return suggestion
            smallest = min(num_params, smallest)
        raise too_many_rejections(self.config.budget, smallest)

    def _queued(self, slot: Slot) -> Suggestion | None:
        """What `--warm-start` put before all that is drawn."""
        return None if slot.queued is None else self._suggest(slot.queued.params, warm_start=slot.queued.source)

    def _draw_growing(self, trials: Sequence[FrozenTrial]) -> Suggestion | None:
        """The startup and exploring trials of TPE's searches; None where it is TPE's turn."""
        config = self.config
        # Known nets may all be of one size, so they do not stand in for startup trials, which spread.
        num_trials = sum("warm_start" not in trial.user_attrs for trial in trials)
        is_startup = num_trials < STARTUP_TRIALS
        if config.sampler == "random" or not (is_startup or num_trials % EXPLORE_EVERY == 0):
            return None
        size_range = STARTUP_SIZE_RANGE if is_startup else EXPLORE_SIZE_RANGE
        params = draw_growing_params(
            config.space, config.budget, self.random, size_range=size_range, epochs=config.epochs
        )
        return None if params is None else self._suggest(params)

    def _sample(self, trials: Sequence[FrozenTrial]) -> Suggestion:
        config = self.config
        if config.sampler != "random":
            return self._suggest(self.tpe.suggest(trials, config.space, epochs=config.epochs))
        drawn = draw_within_budget(config.space, config.budget, self.random, epochs=config.epochs)
        if drawn.params is None:
            raise too_many_rejections(config.budget, drawn.smallest)
        redrawn = {"num_redrawn": drawn.num_over} if drawn.num_over else {}
        return self._suggest(drawn.params, **redrawn)

    def _suggest(self, params: dict[str, Any], **attributes: Any) -> Suggestion:
        fixed = FixedTrial(params)
        candidate = self.config.space.suggest_candidate(fixed, epochs=self.config.epochs)
        return Suggestion(fixed.params, fixed.distributions, candidate, attributes)

    def _train(self, suggestion: Suggestion, slot: Slot) -> Outcome | None:
        config, search, candidate = self.config, self.search, suggestion.candidate
        num_params = candidate.num_params
        assert num_params <= config.budget, "candidates over the budget are never built"
        engine = self.engine.for_candidate(candidate)
        trial = search.begin(suggestion, config.budget, run=config.recorded(self.device, engine.name))
        slot = search.slots.assign(slot, trial.number, num_params)
        assert slot.seed_number is not None
        seed = trial_seed(config.seed, slot.seed_number)
        trial.set_user_attr("seed", seed)
        model = build_model(candidate.architecture, seed=seed)
        curve: list[EpochResult] = []
        try:
            for result in train(model, self.data, candidate.training, seed=seed, device=self.device, engine=engine):
                curve.append(result)
                write_epoch(search.store.engine, search.name, trial.number, result)
                search.slots.beat(slot)
                if result.epoch == config.epochs:
                    continue
                if self._is_hopeless(num_params, curve):
                    return self._end(trial, slot, Outcome.PRUNED, curve, f"pruned after epoch {result.epoch}")
                if self.should_stop():
                    search.tell_failed(trial.number, f"interrupted after epoch {result.epoch}")
                    search.slots.give_up(slot)
                    return None
        except DivergedError as error:
            return self._end(trial, slot, Outcome.DIVERGED, curve, str(error))
        checkpoint = Checkpoint.trained_on(
            self.data,
            candidate,
            cpu_weights(model),
            val_accuracy=curve[-1].val_accuracy,
            seed=seed,
            trial=trial.number,
        )
        search.tell_complete(trial, curve, num_params, **self._upload(trial, checkpoint))
        search.slots.set_state(slot, SlotState.COMPLETE)
        return Outcome.COMPLETE

    def _end(self, trial: Trial, slot: Slot, outcome: Outcome, curve: list[EpochResult], reason: str) -> Outcome:
        self.search.tell_stopped(trial, outcome, curve, reason)
        self.search.slots.set_state(slot, SlotState(outcome))
        latest = [slot.state for slot in self.search.slots.read(TRAINED)][-MAX_DIVERGED:]
        if latest == [SlotState.DIVERGED] * MAX_DIVERGED:
            raise SearchFailedError(
                f"{MAX_DIVERGED} trials in a row diverged, the last because {reason}: lower max_lr with --space"
            )
        return outcome

    def _is_hopeless(self, num_params: int, curve: list[EpochResult]) -> bool:
        if self.config.pruner == "none":
            return False
        completed = read_completed_curves(self.search.store.engine, self.search.name, num_params)
        trial = TrialCurve(
            num_params,
            tuple(result.val_accuracy for result in curve),
            tuple(result.train_accuracy for result in curve),
        )
        return should_prune(
            trial,
            [TrialCurve(*rival) for rival in completed],
            num_epochs=self.config.epochs,
            num_validation=len(self.data.validation),
        )

    def _upload(self, trial: Trial, checkpoint: Checkpoint) -> dict[str, str]:
        """Attach the weights to the trial, before it is told: afterwards a trial can't be changed.

        Returns the attributes by which they are found and told from others.
        """
        with tempfile.TemporaryDirectory(prefix="search-") as folder:
            path = Path(folder) / f"trial-{trial.number}.safetensors"
            save_checkpoint(path, checkpoint)
            artifact = upload_artifact(
                artifact_store=self.search.store.artifacts, file_path=str(path), study_or_trial=trial
            )
            return {"weights": artifact, "weights_sha256": sha256_of(path)}


def trial_seed(study_seed: int, seed_number: int) -> int:
    """The seed of a trial, whichever worker runs it; a retry has the seed of the first attempt."""
    return int(np.random.SeedSequence([study_seed, seed_number]).generate_state(1)[0])
