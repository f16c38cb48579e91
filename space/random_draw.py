"""A trial whose parameters are drawn at random, without Optuna."""

import math
import random
from collections.abc import Sequence
from typing import Any


class RandomDraw:
    """A `Trial` that samples every parameter independently from its range and remembers what it drew in `params`."""

    def __init__(self, generator: random.Random) -> None:
        self._generator = generator
        self.params: dict[str, Any] = {}

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        if log:
            # Widening the range by half a unit gives both ends their full share, as Optuna does.
            drawn = round(math.exp(self._generator.uniform(math.log(low - 0.5), math.log(high + 0.5))))
            value = min(max(drawn, low), high)
        else:
            value = self._generator.randint(low, high)
        self.params[name] = value
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if step is not None:
            # Clip, since 57 steps of 0.01 come out slightly above 0.57.
            value = min(low + step * self._generator.randint(0, math.floor((high - low) / step + 1e-9)), high)
        elif log:
            drawn = math.exp(self._generator.uniform(math.log(low), math.log(high)))
            value = min(max(drawn, low), high)
        else:
            value = self._generator.uniform(low, high)
        self.params[name] = value
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.params[name] = self._generator.choice(choices)
        return self.params[name]
