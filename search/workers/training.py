"""One training of a candidate from a seed: its epochs as they end, then the trained model."""

from collections.abc import Iterator

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.model import build_model
from mnist_core.training import train
from space.candidate import CandidateSpec
from space.results import EpochResult


class CandidateTraining:
    """A training that begins when it is iterated over."""

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
        """``trial`` is the number of the trial that is trained, for its checkpoint; None for a training on its own."""
        self.candidate = candidate
        self.data = data
        self.seed = seed
        self.trial = trial
        self.engine = engine.for_candidate(candidate)
        self.results: list[EpochResult] = []
        """The epochs so far."""
        self._device = device
        self._model = build_model(candidate.architecture, seed=seed)

    def __iter__(self) -> Iterator[EpochResult]:
        """Train, and yield each epoch as it ends. Raises `DivergedError`."""
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
        """The model as it is now; without a validation accuracy where it was trained on the validation images too."""
        return Checkpoint.trained_on(
            self.data,
            self.candidate,
            cpu_weights(self._model),
            val_accuracy=self.results[-1].val_accuracy if is_judged else None,
            seed=self.seed,
            trial=self.trial,
        )
