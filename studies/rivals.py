"""The curves of trials, with which a pruning rule compares another trial; those of completed ones are read once."""

import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from studies.records import read_accuracies
from studies.study import SearchStudy
from studies.trials import Outcome


@dataclass(frozen=True, slots=True)
class TrialCurve:
    """Accuracies of a trial after each epoch, starting with the first."""

    num_params: int
    val_accuracy: tuple[float, ...]
    train_accuracy: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.val_accuracy)

    def error_so_far(self, epoch: int, least: float) -> float:
        """Return the geometric mean of the lowest validation error and the latest training error after an epoch.

        At high learning rates single validation accuracies fluctuate. The training accuracy averages over many more
        images and over all weights of the epoch; together they predict the final error better than either
        (docs/decisions.md). Errors below ``least`` count as that.
        """
        validation = max(1 - max(self.val_accuracy[:epoch]), least)
        training = max(1 - self.train_accuracy[epoch - 1], least)
        return math.sqrt(validation * training)


_SIZE = attrgetter("num_params")


class Rivals:
    """The completed trials of a search, as far as its summaries know them."""

    def __init__(self, search: SearchStudy) -> None:
        self._search = search
        self._num_seen = 0
        self._curves: list[TrialCurve] = []

    def up_to(self, num_params: int) -> Sequence[TrialCurve]:
        """Return the curves of the completed trials of at most so many parameters, fewest parameters first."""
        ended = self._search.summaries.ended
        sizes = {t.number: t.num_params for t in ended[self._num_seen :] if t.outcome == Outcome.COMPLETE}
        accuracies = read_accuracies(self._search.store.database, self._search.name, list(sizes))
        new = [TrialCurve(sizes[number], *curves) for number, curves in accuracies.items()]
        self._num_seen = len(ended)  # only now: if a server went away in between, they are read again
        if len(new) > 1:
            self._curves = sorted([*self._curves, *new], key=_SIZE)
        elif new:
            insort(self._curves, new[0], key=_SIZE)
        return self._curves[: bisect_right(self._curves, num_params, key=_SIZE)]
