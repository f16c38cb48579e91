"""One training of a candidate with one seed, which yields its epochs and then gives the trained model."""

from collections.abc import Iterator

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.model import build_model
from mnist_core.training import train
from space.candidate import CandidateSpec
from space.results import EpochResult


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
    ) -> None:
        """Build the model. ``trial`` is the trial's number for the checkpoint; None for a training outside a study."""
        self.candidate = candidate
        self.data = data
        self.seed = seed
        self.trial = trial
        self.engine = engine.for_candidate(candidate)
        self.results: list[EpochResult] = []
        """Results of the epochs so far."""
        self._device = device
        self._model = build_model(candidate.architecture, seed=seed)

    def __iter__(self) -> Iterator[EpochResult]:
        """Train and yield each epoch as it ends. Raises `DivergedError` if the loss stops being finite."""
        for result in train(
            self._model,
            self.data,
            self.candidate.training,
            seed=self.seed,
            device=self._device,
            engine=self.engine,
        ):
            self.results.append(result)
            yield result

    def checkpoint(self, *, is_judged: bool = True) -> Checkpoint:
        """Return the current model, with its validation accuracy only if ``is_judged``.

        A model that was also trained on the validation images is not judged by them.
        """
        return Checkpoint.trained_on(
            self.data,
            self.candidate,
            cpu_weights(self._model),
            val_accuracy=self.results[-1].val_accuracy if is_judged else None,
            seed=self.seed,
            trial=self.trial,
        )
