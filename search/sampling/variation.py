"""A net that differs from another in few parameters."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from space.random_draw import RandomDraw

MAX_CHANGES = 4
"""Largest number of parameters that a variation changes."""
WIDTH_CHANGE = 0.25
"""Standard deviation of the logarithm of a width's change."""


class Variation(RandomDraw):
    """Takes most parameters from another net; widths that change stay near, other parameters are drawn anew."""

    def __init__(self, generator: random.Random, parent: Mapping[str, Any]) -> None:
        super().__init__(generator)
        self._parent = parent
        names = list(parent)
        num = min(generator.randint(1, MAX_CHANGES), len(names))
        self._changed = set(generator.sample(names, num))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        if name in self._changed and log:
            near: int = round(self._parent[name] * math.exp(self._generator.gauss(0.0, WIDTH_CHANGE)))
            width = min(max(near, low), high)
            self.params[name] = width
            return width
        if name in self._changed:
            return super().suggest_int(name, low, high, log=log)
        return int(self._kept(name))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if name in self._changed:
            return super().suggest_float(name, low, high, step=step, log=log)
        return float(self._kept(name))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return super().suggest_categorical(name, choices) if name in self._changed else self._kept(name)

    def _kept(self, name: str) -> Any:
        self.params[name] = self._parent[name]
        return self.params[name]
