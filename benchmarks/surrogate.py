"""A stand-in for training, fitted on recorded trainings: accuracies that a candidate could have had, in microseconds.

The error at the end of a schedule is a quadratic in the log size plus a forest of trees on what it leaves, a family of
models that no search here uses. Seeds add normal noise to its logarithm, as large as between recorded trainings of one
candidate. How the error falls until then is that of a recorded training of about the same size and schedule.
"""

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold, cross_val_predict

from benchmarks.strategy_study import FULL_SCHEDULE, Epoch
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.layers import Conv, Pool
from space.search_space import UNIT_ROTATION
from space.summary import summarise

Array = NDArray[np.float64]

NUM_NEAR = 8
"""Number of recorded trainings, nearest in size, among which the course of a training is chosen."""
SETTINGS = ("batch_size", "max_lr", "weight_decay", "augmentation", "dropout")


@dataclass(frozen=True)
class Accuracy:
    """How well a surrogate knows candidates that it was not fitted on."""

    num_candidates: int
    size_alone: float
    """Standard deviation of the log error around a quadratic in the log size."""
    cross_validated: float
    """The same around the surrogate's prediction, ten-fold."""
    noise: float
    """Standard deviation of the log error between seeds of one candidate."""


class Surrogate:
    """Simulates trainings of any candidate of the recorded space."""

    def __init__(self, table: pd.DataFrame, *, seed: int) -> None:
        """Fit on a table of `benchmarks.record`."""
        self._trainings = [rows.sort_values("epoch") for _, rows in table.groupby(["candidate", "seed", "schedule"])]
        self._trainings = [rows for rows in self._trainings if len(rows) == rows["schedule"].iloc[0]]
        full = [rows for rows in self._trainings if rows["schedule"].iloc[0] == FULL_SCHEDULE]
        ends = pd.DataFrame([rows.iloc[-1] for rows in full])
        ends["log_error"] = np.log(1 - ends["val_accuracy"].astype(float))
        self.noise = _noise(ends)
        means = ends.groupby("candidate").agg(
            {"log_error": "mean", "notation": "first", **dict.fromkeys(SETTINGS, "first")}
        )
        self._inputs = np.array([_inputs(row) for row in means.to_dict("records")])
        self._targets = means["log_error"].to_numpy()
        self._trend = np.polyfit(self._inputs[:, 0], self._targets, 2)
        self._forest = new_forest(seed)
        self._forest.fit(self._inputs, self._targets - np.polyval(self._trend, self._inputs[:, 0]))
        self._short = {schedule: self._shortfall(ends, schedule) for schedule in _schedules(self._trainings)}
        self._courses = {schedule: self._courses_of(schedule) for schedule in self._short}
        self._known: dict[CandidateSpec, float] = {}

    def true_log_error(self, candidate: CandidateSpec) -> float:
        """Return the log error after the full schedule, averaged over seeds."""
        if candidate not in self._known:
            inputs = _inputs_of(candidate)
            trend = float(np.polyval(self._trend, inputs[0]))
            # Tree by tree: the forest's own predict takes twenty times as long for a single candidate.
            row = inputs[None].astype(np.float32)
            self._known[candidate] = trend + float(np.mean([tree.tree_.predict(row) for tree in self._forest]))
        return self._known[candidate]

    def train(self, candidate: CandidateSpec, generator: np.random.Generator) -> Iterator[Epoch]:
        """Simulate a training with the candidate's own number of epochs, with a seed drawn from the generator."""
        schedule = candidate.training.epochs
        size = math.log(candidate.num_params)
        end = self.true_log_error(candidate) + float(np.polyval(self._short[schedule], size))
        end += self.noise * generator.normal()
        rows = self._course(size, schedule, generator)
        # The course after a start that went worse than usual is the same, only shifted.
        shift = end - math.log(1 - rows["val_accuracy"].iloc[-1])
        val_errors, train_errors = (
            np.minimum(np.exp(np.log(1 - rows[name].to_numpy(float)) + shift), 0.9)
            for name in ("val_accuracy", "train_accuracy")
        )
        seconds = np.full(schedule, rows["cpu_seconds"].mean())
        return map(Epoch, *(numbers.tolist() for numbers in (1 - val_errors, 1 - train_errors, seconds)))

    def accuracy(self) -> Accuracy:
        left = self._targets - np.polyval(self._trend, self._inputs[:, 0])
        predicted = cross_val_predict(new_forest(0), self._inputs, left, cv=KFold(10, shuffle=True, random_state=0))
        return Accuracy(len(left), float(left.std()), float((left - predicted).std()), self.noise)

    def _course(self, size: float, schedule: int, generator: np.random.Generator) -> pd.DataFrame:
        courses, sizes = self._courses[schedule]
        near = np.argsort(np.abs(sizes - size), kind="stable")[:NUM_NEAR]
        course: pd.DataFrame = courses[near[generator.integers(len(near))]]
        return course

    def _courses_of(self, schedule: int) -> tuple[list[pd.DataFrame], Array]:
        """Return the recorded trainings with a schedule, and their log sizes."""
        courses = [rows for rows in self._trainings if rows["schedule"].iloc[0] == schedule]
        return courses, np.log([rows["num_params"].iloc[0] for rows in courses])

    def _shortfall(self, full: pd.DataFrame, schedule: int) -> Array:
        """Return a line in the log size: by how much the log error after a schedule is above that of the full one."""
        if schedule == FULL_SCHEDULE:
            return np.zeros(2)
        whole = full.groupby("candidate")["log_error"].mean()
        short = pd.DataFrame([rows.iloc[-1] for rows in self._trainings if rows["schedule"].iloc[0] == schedule])
        short = short[short["candidate"].isin(whole.index)]
        excess = np.log(1 - short["val_accuracy"].astype(float)) - whole.loc[short["candidate"]].to_numpy()
        return np.polyfit(np.log(short["num_params"].astype(float)), excess, 1)


def new_forest(seed: int) -> ExtraTreesRegressor:
    return ExtraTreesRegressor(300, min_samples_leaf=3, random_state=seed)


def _schedules(trainings: list[pd.DataFrame]) -> set[int]:
    return {int(rows["schedule"].iloc[0]) for rows in trainings}


def _noise(ends: pd.DataFrame) -> float:
    """Return the standard deviation of the log error between seeds, pooled over candidates with several."""
    groups = [group["log_error"] for _, group in ends.groupby("candidate") if len(group) > 1]
    squares = sum(float(group.var()) * (len(group) - 1) for group in groups)
    return math.sqrt(squares / sum(len(group) - 1 for group in groups))


def _inputs(row: Mapping[Hashable, object]) -> Array:
    return _numbers(ArchitectureSpec.from_text(str(row["notation"])), [float(str(row[name])) for name in SETTINGS])


def _inputs_of(candidate: CandidateSpec) -> Array:
    training = candidate.training
    convs = [layer for layer in candidate.architecture.layers if isinstance(layer, Conv)]
    settings = [training.batch_size, training.max_lr, training.weight_decay, training.rotation / UNIT_ROTATION]
    return _numbers(candidate.architecture, [*settings, convs[0].dropout])


def _numbers(architecture: ArchitectureSpec, settings: list[float]) -> Array:
    """Return what the forest sees: the log size first, widths and multiply-adds of the layers, and the settings."""
    layers = summarise(architecture)
    widths: list[list[int]] = [[]]
    kinds: list[list[bool]] = [[]]
    for layer in architecture.layers:
        if isinstance(layer, Conv):
            widths[-1].append(layer.width)
            kinds[-1].append(layer.separable)
        elif isinstance(layer, Pool):
            widths.append([])
            kinds.append([])
    shape = [
        number
        for stage, separable in zip(widths, kinds, strict=True)
        for number in (len(stage), separable[-1], min(stage), max(stage), stage[0], stage[-1])
    ]
    size = math.log(sum(layer.num_params for layer in layers))
    macs = math.log(sum(layer.num_macs for layer in layers))
    return np.array([size, macs, *shape, *settings], float)
