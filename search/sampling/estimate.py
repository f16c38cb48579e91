"""What the model of errors says of a trial's accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from studies.pareto import FrontPoint


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training with another seed may be expected to reach, and how well that is known."""

    accuracy: float
    """Expected validation accuracy, as a fraction."""
    std: float
    """Standard deviation of the net's mean accuracy over seeds, as far as the trials tell. A single training scatters
    around that mean."""


@dataclass(frozen=True)
class Estimates:
    """The estimates of some trials of a study."""

    by_trial: Mapping[int, Estimate] = field(default_factory=dict)
    missing: str | None = None
    """Why there are none."""

    def applied_to(self, front: Sequence[FrontPoint]) -> Sequence[FrontPoint]:
        """Return the points with their estimates in place of their accuracies; as they are if there are none."""
        if not self.by_trial:
            return front
        return [replace(point, val_accuracy=self.by_trial[point.trial].accuracy) for point in front]
