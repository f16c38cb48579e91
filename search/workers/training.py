"""One training of a candidate with one seed, which yields its epochs, may go on later, and gives the trained model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset, normalised_for
from mnist_core.engine import Engine
from mnist_core.evaluation import predict_logits
from mnist_core.model import build_model
from mnist_core.training import TrainingState, train
from mnist_core.training_checkpoint import TrainingCheckpoint, save_training
from space.candidate import CandidateSpec
from space.results import EpochResult
from studies.confusions import Confusion

BALANCED_ACCURACY = "balanced-accuracy"


class CandidateTraining:
    """A training that runs when it is iterated over."""

    def __init__(
        self,
        candidate: CandidateSpec,
        data: Dataset,
        *,
        seed: int,
        device: str,
        engine: Engine,
        trial: int | None = None,
        metric: str = "accuracy",
    ) -> None:
        """Build the model. ``trial`` is the trial's number for the checkpoint; None for a training outside a study.

        With the ``metric`` `BALANCED_ACCURACY` that is what ``val_accuracy`` means in the results.
        """
        self.candidate = candidate
        self.data = data
        self.seed = seed
        self.trial = trial
        self.engine = engine.for_candidate(candidate)
        self._is_balanced = metric == BALANCED_ACCURACY
        self._state = TrainingState()
        self._device = engine.device_for(candidate, device)
        self._model = build_model(candidate.architecture, seed=seed)

    @property
    def results(self) -> list[EpochResult]:
        """Results of the epochs so far."""
        return [self._by_metric(result) for result in self._state.results]

    def __iter__(self) -> Iterator[EpochResult]:
        """Train and yield each epoch as it ends. Raises `DivergedError` if the loss stops being finite."""
        epochs = train(
            self._model,
            self.data,
            self.candidate.training,
            seed=self.seed,
            device=self._device,
            engine=self.engine,
            state=self._state,
        )
        return map(self._by_metric, epochs)

    def _by_metric(self, result: EpochResult) -> EpochResult:
        if not self._is_balanced or result.val_balanced_accuracy is None:
            return result
        return replace(result, val_accuracy=result.val_balanced_accuracy)

    @property
    def configuration(self) -> dict[str, Any]:
        """What must be equal for the training to go on from a checkpoint."""
        return {
            "candidate": self.candidate.key,
            "seed": self.seed,
            "dataset_sha256": self.data.sha256,
            "train_size": len(self.data.train),
        }

    @property
    def confusion(self) -> Confusion:
        """What the current model makes of the validation images, as it was evaluated after the latest epoch.

        Of a training that was restored after its last epoch, which few are, it is evaluated again, with PyTorch.
        """
        data, predicted = normalised_for(self.data, self.candidate.training), self._state.predicted
        if predicted is None:
            images = torch.from_numpy(data.validation.images).to(self._device)
            predicted = predict_logits(self._model, images, mean=data.mean, std=data.std).argmax(1).cpu().numpy()
        return Confusion.of(data.validation.labels, predicted, data.num_classes)

    def save(self, path: Path) -> None:
        """Write the state after the latest epoch. Raises as `write_whole` does."""
        checkpoint = TrainingCheckpoint(self.configuration, cpu_weights(self._model), {}, self._state)
        save_training(path, checkpoint, survives_power_cut=False)

    def restore(self, saved: TrainingCheckpoint) -> None:
        """Go on from a checkpoint, whose configuration is equal, when this is iterated over."""
        self._model.load_state_dict(saved.weights)
        self._state = saved.state

    def checkpoint(self, *, is_judged: bool = True) -> Checkpoint:
        """Return the current model, with its validation accuracy only if ``is_judged``.

        That is the share of images that are right, whatever the metric. A model that was also trained on the validation
        images is not judged by them.
        """
        return Checkpoint.trained_on(
            self.data,
            self.candidate,
            cpu_weights(self._model),
            val_accuracy=self._state.results[-1].val_accuracy if is_judged else None,
            seed=self.seed,
            trial=self.trial,
        )
