"""A confirmation's rows in the store: its settings, trainings and results."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.engine import Engine, Row

from space.fields import check_types
from studies.damage import damaged, reading, shown
from studies.intervals import MeasuredAccuracy, front_probabilities, measure
from studies.pareto import FrontPoint
from studies.shrinkage import shrunken_accuracies
from studies.tables import confirmation_trainings, confirmations, test_openings


class Stage(IntEnum):
    DECIDE = 1
    """Decides which contenders are on the front: they are trained as in the search and judged by validation images."""
    MEASURE = 2
    """Measures the front's members: they are trained on all images outside the test set and judged by the test set."""


@dataclass(frozen=True, eq=False, slots=True)
class SeedResult:
    """The result of training one candidate with one seed."""

    stage: Stage
    trial: int
    seed: int
    seconds: float
    correct: NDArray[np.bool_] | None = None
    """(N,): whether the model classifies each image correctly; None until the images are opened."""
    confusion: list[list[int]] | None = None
    """Confusion matrix: counts by label, then by prediction."""
    weights_sha256: str | None = None
    """SHA-256 of the model's file; None if no file is kept, or if it was written before hashes were."""


@dataclass(frozen=True, slots=True)
class ConfirmedPoint:
    """A member of the confirmed front. Accuracies are fractions; those of the test set are means over the seeds."""

    trial: int
    num_params: int
    notation: str
    seeds: tuple[int, ...]
    """Seeds of its trainings on all images outside the test set; each gave one model."""
    accuracy: float
    """Mean test accuracy."""
    low: float
    """Lower end of the 95 % interval of the candidate's accuracy over all seeds and images like these."""
    high: float
    effective_images: float
    """Number of independent images, each classified once, that would give the accuracy equally precisely."""
    degrees_of_freedom: float
    """Degrees of freedom of that precision, for Student's t."""
    front_probability: float
    """Probability that no other member has both at most as many parameters and a higher accuracy."""
    val_accuracy: float
    """Mean validation accuracy over the seeds of the deciding stage, by which the member was chosen."""
    shrunken: float | None = None
    """Test accuracy drawn towards the trend of all members, for readers who look for the best; None for few members."""

    @property
    def front_point(self) -> FrontPoint:
        """The member as a point of a front, with the validation accuracy by which it was chosen."""
        return FrontPoint(self.trial, self.num_params, self.val_accuracy, self.notation)

    def confidence_of(self, target: float) -> float:
        """Return the confidence that the candidate's accuracy is at least ``target``."""
        measured = MeasuredAccuracy(self.accuracy, self.effective_images, self.degrees_of_freedom)
        return measured.confidence_of(target)


Seeds = Mapping[Stage, tuple[int, ...]]
"""The seeds of each stage. Members are trained with all of them, contenders with as many as it takes to decide."""


class Confirmation:
    """The confirmation of one search; all its changes in the store are made here."""

    def __init__(
        self,
        database: Engine,
        study_name: str,
        *,
        seeds: Seeds,
        top: int | None,
        num_complete: int,
        contenders: Sequence[FrontPoint],
    ) -> None:
        self._database = database
        self.study_name = study_name
        self.seeds = seeds
        self.top = top
        """Largest number of contenders, if there was a limit."""
        self.num_complete = num_complete
        """Number of complete trials in the study when the contenders were chosen."""
        self.contenders = tuple(contenders)

    @classmethod
    def find(cls, database: Engine, study_name: str) -> "Confirmation | None":
        query = select(confirmations).where(confirmations.c.study_name == study_name)
        what = f"the confirmation of study {study_name!r}"
        with reading(database, what), database.connect() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            seeds = {Stage(int(stage)): tuple(map(int, seeds)) for stage, seeds in row.seeds.items()}
            contenders = [FrontPoint(**point) for point in row.contenders]
            for point in contenders:
                check_types(point)
            if seeds.keys() != set(Stage) or not all(seeds.values()):
                raise ValueError(f"its seeds are {shown(row.seeds)}")
            if row.members is not None and not {*row.members} <= {point.trial for point in contenders}:
                raise ValueError(f"its members are {shown(row.members)}, which are not all contenders")
            num_complete = int(row.num_complete)
        return cls(database, study_name, seeds=seeds, top=row.top, num_complete=num_complete, contenders=contenders)

    @classmethod
    def begin(
        cls,
        database: Engine,
        study_name: str,
        *,
        seeds: Seeds,
        top: int | None,
        num_complete: int,
        contenders: Sequence[FrontPoint],
    ) -> "Confirmation":
        values = {
            "seeds": {str(int(stage)): list(numbers) for stage, numbers in seeds.items()},
            "top": top,
            "num_complete": num_complete,
            "contenders": [asdict(point) for point in contenders],
        }
        with database.begin() as connection:
            connection.execute(insert(confirmations).values(study_name=study_name, **values))
        return cls(database, study_name, seeds=seeds, top=top, num_complete=num_complete, contenders=contenders)

    def discard(self) -> None:
        """Delete all decisions. Trainings stay, so that a new confirmation can use them, and so do the openings."""
        with self._database.begin() as connection:
            connection.execute(delete(confirmations).where(confirmations.c.study_name == self.study_name))

    @property
    def members(self) -> list[FrontPoint] | None:
        """The contenders that are on the front; None until that is decided."""
        query = select(confirmations.c.members).where(confirmations.c.study_name == self.study_name)
        with self._database.connect() as connection:
            numbers = connection.scalar(query)
        return None if numbers is None else [point for point in self.contenders if point.trial in numbers]

    def freeze(self, members: Iterable[int]) -> None:
        """Store the final decision about which contenders are measured."""
        with self._database.begin() as connection:
            row = confirmations.c.study_name == self.study_name
            connection.execute(update(confirmations).where(row).values(members=list(members)))

    def write(self, results: Iterable[SeedResult]) -> None:
        """Store trainings in one transaction, replacing any stored earlier for the same stage, trial and seed."""
        table = confirmation_trainings
        with self._database.begin() as connection:
            for result in results:
                key = {"stage": result.stage, "trial_number": result.trial, "seed": result.seed}
                connection.execute(
                    delete(table).where(self._mine(), *(table.c[name] == value for name, value in key.items()))
                )
                bits = result.correct
                values = {
                    "seconds": result.seconds,
                    "num_images": None if bits is None else len(bits),
                    "correct": None if bits is None else np.packbits(bits).tobytes(),
                    "confusion": result.confusion,
                    "weights_sha256": result.weights_sha256,
                }
                connection.execute(insert(table).values(study_name=self.study_name, **key, **values))

    def read(self, stage: Stage) -> list[SeedResult]:
        """Return all trainings of a stage, ordered by trial, then by the order in which they were stored."""
        table = confirmation_trainings
        query = select(table).where(self._mine(), table.c.stage == stage).order_by(table.c.trial_number, table.c.id)
        what = f"a training of stage {stage:d} of study {self.study_name!r}"
        with reading(self._database, what), self._database.connect() as connection:
            return [_seed_result(row) for row in connection.execute(query)]

    def correct(self, stage: Stage) -> dict[int, NDArray[np.bool_]]:
        """Return for each trial (S, N): whether the model of each of the stage's seeds classifies each image correctly.

        Rows are in the order of the seeds. Seeds that are not trained or measured yet have no row.
        """
        seeds = self.seeds[stage]
        rows: dict[int, dict[int, NDArray[np.bool_]]] = {}
        for result in self.read(stage):
            if result.correct is not None and result.seed in seeds:
                rows.setdefault(result.trial, {})[result.seed] = result.correct
        with reading(self._database, f"the images of stage {stage:d} of study {self.study_name!r}"):
            return {trial: np.stack([row[seed] for seed in seeds if seed in row]) for trial, row in rows.items()}

    def record_opening(self, num_models: int) -> None:
        """Record that the test set is about to be opened to judge ``num_models`` models."""
        values = {"opened": datetime.now(UTC).isoformat(timespec="seconds"), "num_models": num_models}
        with self._database.begin() as connection:
            connection.execute(insert(test_openings).values(study_name=self.study_name, **values))

    def front(self) -> list[ConfirmedPoint]:
        """Return the members, fewest parameters first, or an empty list until all are measured with all seeds."""
        members = self.members or []
        seeds = self.seeds[Stage.MEASURE]
        tested = self.correct(Stage.MEASURE)
        if any(len(tested.get(point.trial, ())) < len(seeds) for point in members):
            return []
        decided = self.correct(Stage.DECIDE)
        for point in members:
            if point.trial not in decided:
                raise damaged(
                    self._database,
                    f"table confirmation_trainings has nothing of stage 1 of trial {point.trial} of study "
                    f"{self.study_name!r}, a member of the confirmed front",
                )
        sizes = [point.num_params for point in members]
        probabilities = front_probabilities(sizes, [tested[point.trial] for point in members]) if members else []
        none: list[float | None] = [None] * len(members)
        shrunken = shrunken_accuracies(sizes, [tested[point.trial] for point in members]) or none
        front = []
        for point, probability, drawn in zip(members, probabilities, shrunken, strict=True):
            measured = measure(tested[point.trial])
            low, high = measured.interval()
            front.append(
                ConfirmedPoint(
                    trial=point.trial,
                    num_params=point.num_params,
                    notation=point.notation,
                    seeds=seeds,
                    accuracy=measured.mean,
                    low=low,
                    high=high,
                    effective_images=measured.effective_images,
                    degrees_of_freedom=measured.degrees_of_freedom,
                    front_probability=probability,
                    val_accuracy=float(decided[point.trial].mean()),
                    shrunken=drawn,
                )
            )
        return front

    def _mine(self) -> ColumnElement[bool]:
        return confirmation_trainings.c.study_name == self.study_name


def read_openings(database: Engine, study_name: str) -> list[tuple[datetime, int]]:
    """Return when the test set was opened, in UTC, and for how many of the study's models, earliest first."""
    mine = test_openings.c.study_name == study_name
    query = select(test_openings.c.opened, test_openings.c.num_models).where(mine).order_by(test_openings.c.id)
    with reading(database, f"table test_openings of study {study_name!r}"), database.connect() as connection:
        return [(datetime.fromisoformat(row.opened), int(row.num_models)) for row in connection.execute(query)]


def read_confirmed_front(database: Engine, study_name: str) -> list[ConfirmedPoint]:
    """Return the confirmed front, or an empty list if the study has no finished confirmation."""
    confirmation = Confirmation.find(database, study_name)
    return [] if confirmation is None else confirmation.front()


def read_measured(database: Engine, study_name: str, trial: int, seed: int) -> SeedResult:
    """Return the measured result of one member's model with one seed."""
    table = confirmation_trainings
    mine = (table.c.study_name == study_name, table.c.stage == Stage.MEASURE, table.c.trial_number == trial)
    what = f"the training of stage 2 of trial {trial} of study {study_name!r}"
    with reading(database, what), database.connect() as connection:
        result = _seed_result(connection.execute(select(table).where(*mine, table.c.seed == seed)).one())
        if np.array(result.confusion, dtype=np.int64).ndim != 2:
            raise ValueError(f"its confusion is {shown(result.confusion)}")
        return result


def _seed_result(row: Row[tuple[Any, ...]]) -> SeedResult:
    """Raises ValueError or TypeError for a row that can't be."""
    return SeedResult(
        stage=Stage(row.stage),
        trial=int(row.trial_number),
        seed=int(row.seed),
        seconds=float(row.seconds),
        correct=_unpack(row.correct, row.num_images),
        confusion=row.confusion,
        weights_sha256=row.weights_sha256,
    )


def _unpack(content: bytes | None, num_images: int | None) -> NDArray[np.bool_] | None:
    if content is None:
        return None
    if num_images is None or len(content) != math.ceil(num_images / 8):
        raise ValueError(f"{len(content)} bytes can't be the bits of {num_images} images")
    return np.unpackbits(np.frombuffer(content, np.uint8), count=num_images).astype(bool)
