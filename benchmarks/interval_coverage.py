"""Coverage of confirmed intervals in simulated studies whose true accuracies are known.

    python -m benchmarks.interval_coverage [--replications N] [--seed-spread X ...]

A study is a search that measures each candidate once, then a confirmation: contenders are chosen, seeds are added until
their order is settled, and members are fixed and measured, all with the functions of `python -m search confirm`.
A model classifies an image correctly if

    a + 2 z + w + s u + e > 0

where a depends on the candidate, z on the image (how hard it is for all), w on image and candidate, u on the seed, and
e on seed and image. All but a are standard normal, so the candidate's true accuracy is Phi(a / sqrt(6 + s^2)).
Validation and test images are drawn again for every study. The crossed intervals are compared with those of two simpler
formulas for the same measurements.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from search.confirmation.contenders import Contender, choose_contenders, front_members, needing_seeds
from search.defaults import DEFAULT_CONFIRM_SEEDS, MIN_CONFIRM_SEEDS
from search.workers.processes import default_workers
from studies.intervals import Correct, front_probabilities, measure
from studies.pareto import FrontPoint, pareto_front

NUM_IMAGES = 10_000
SIZES = tuple(range(1_000, 8_001, 400))
Z_SCALE, W_SCALE, E_SCALE = 2.0, 1.0, 1.0
CONFIDENCE = 0.95

Interval = tuple[float, float]


def true_accuracies() -> NDArray[np.float64]:
    """Return the true accuracy of a candidate of each size: a curve like MNIST's, with candidates on either side."""
    curve = 0.9955 - 0.02 * np.exp(-(np.array(SIZES) - 1_000) / 1_400)
    error = (1 - curve) * np.exp(np.random.default_rng(1).normal(0.0, 0.12, len(SIZES)))
    return np.asarray(1 - error)


@dataclass(frozen=True)
class Images:
    """A set of N images, with the ease (K, N) of each for each of K candidates."""

    ease: NDArray[np.float32]
    generator: np.random.Generator
    seed_spread: float

    @classmethod
    def draw(cls, generator: np.random.Generator, seed_spread: float) -> "Images":
        z = generator.standard_normal(NUM_IMAGES, dtype=np.float32)
        w = generator.standard_normal((len(SIZES), NUM_IMAGES), dtype=np.float32)
        scale = math.sqrt(Z_SCALE**2 + W_SCALE**2 + E_SCALE**2 + seed_spread**2)
        a = (ndtri(true_accuracies()) * scale).astype(np.float32)
        return cls(a[:, np.newaxis] + np.float32(Z_SCALE) * z + np.float32(W_SCALE) * w, generator, seed_spread)

    def train_and_judge(self, candidate: int, num_seeds: int) -> Correct:
        """Simulate (S, N) for newly trained models: whether each classifies each image correctly."""
        u = self.generator.standard_normal((num_seeds, 1), dtype=np.float32)
        e = self.generator.standard_normal((num_seeds, NUM_IMAGES), dtype=np.float32)
        return np.asarray(self.ease[candidate] + np.float32(self.seed_spread) * u + np.float32(E_SCALE) * e > 0)


def crossed(correct: Correct) -> Interval:
    return measure(correct).interval(CONFIDENCE)


def independent(correct: Correct) -> Interval:
    """Interval with variance s^2 / S + p (1 - p) / N, which counts the variation of the images twice."""
    accuracies, mean = correct.mean(axis=1), float(correct.mean())
    error = math.sqrt(float(accuracies.var(ddof=1)) / len(correct) + mean * (1 - mean) / correct.shape[1])
    return mean - ndtri(0.975) * error, mean + ndtri(0.975) * error


def seeds_alone(correct: Correct) -> Interval:
    """Interval with variance s^2 / S, the usual mean with its standard error over seeds."""
    mean, error = float(correct.mean()), float(correct.mean(axis=1).std(ddof=1)) / math.sqrt(len(correct))
    return mean - ndtri(0.975) * error, mean + ndtri(0.975) * error


WAYS: dict[str, Callable[[Correct], Interval]] = {
    "crossed": crossed,
    "s^2/S + p(1-p)/N": independent,
    "s^2/S": seeds_alone,
}


@dataclass(frozen=True)
class Study:
    """The result of one simulated study."""

    covered: dict[str, list[bool]]
    """Whether each member's interval contains its true accuracy, for each formula in `WAYS`."""
    widths: list[float]
    """Widths of the crossed intervals."""
    confirmed_errors: list[float]
    """Measured minus true accuracy of each member."""
    naive_errors: list[float]
    """Measured minus true accuracy of each point on the search's own front."""
    naive_best_error: float
    """Measured minus true accuracy of the most accurate point on that front."""
    probabilities: list[tuple[float, bool]]
    """Each member's estimated probability of being on the front, and whether it is on that of the true accuracies."""
    num_trainings: int


def simulate(seed_spread: float, replication: int) -> Study:
    generator = np.random.default_rng([replication, round(seed_spread * 1_000)])
    truth = true_accuracies()
    validation = Images.draw(generator, seed_spread)
    found = [float(validation.train_and_judge(one, 1).mean()) for one in range(len(SIZES))]
    points = [FrontPoint(one, size, found[one], "") for one, size in enumerate(SIZES)]
    naive = pareto_front(points)
    measured = {
        point.trial: validation.train_and_judge(point.trial, MIN_CONFIRM_SEEDS)
        for point in choose_contenders(points, num_validation=NUM_IMAGES)
    }

    def contenders() -> list[Contender]:
        return [Contender(one, SIZES[one], correct) for one, correct in measured.items()]

    while needing := needing_seeds(contenders(), DEFAULT_CONFIRM_SEEDS):
        for one in needing:
            measured[one] = np.concatenate([measured[one], validation.train_and_judge(one, 1)])
    members = front_members(contenders())
    test = Images.draw(generator, seed_spread)
    tested = [test.train_and_judge(one, DEFAULT_CONFIRM_SEEDS) for one in members]
    covered = {
        name: [bool(low <= truth[one] <= high) for one, (low, high) in zip(members, map(way, tested), strict=True)]
        for name, way in WAYS.items()
    }
    on_true_front = {
        point.trial for point in pareto_front(FrontPoint(one, SIZES[one], truth[one], "") for one in members)
    }
    sizes = [SIZES[one] for one in members]
    return Study(
        covered=covered,
        widths=[high - low for low, high in map(crossed, tested)],
        confirmed_errors=[float(correct.mean()) - truth[one] for one, correct in zip(members, tested, strict=True)],
        naive_errors=[point.val_accuracy - truth[point.trial] for point in naive],
        naive_best_error=naive[-1].val_accuracy - truth[naive[-1].trial],
        probabilities=[
            (probability, one in on_true_front)
            for one, probability in zip(members, front_probabilities(sizes, tested), strict=True)
        ],
        num_trainings=sum(map(len, measured.values())) + len(members) * DEFAULT_CONFIRM_SEEDS,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=2_000, help="simulated studies (default: 2,000)")
    parser.add_argument(
        "--seed-spread", type=float, nargs="+", default=[0.0, 0.05, 0.1], help="s (default: 0, 0.05 and 0.1)"
    )
    options = parser.parse_args()
    with ProcessPoolExecutor(default_workers("cpu")) as pool:
        for spread in options.seed_spread:
            studies = list(pool.map(partial(simulate, spread), range(options.replications), chunksize=20))
            print_report(spread, studies)


def print_report(seed_spread: float, studies: list[Study]) -> None:
    num_members = [len(study.confirmed_errors) for study in studies]
    print(
        f"s = {seed_spread:g}: {len(studies):,} studies of {len(SIZES)} candidates, {NUM_IMAGES:,} images, "
        f"{statistics.mean(num_members):.1f} members with {DEFAULT_CONFIRM_SEEDS} seeds each, "
        f"{statistics.mean(study.num_trainings for study in studies):.0f} trainings"
    )
    for name in WAYS:
        covered = list(chain.from_iterable(study.covered[name] for study in studies))
        # Members of a study share their images, so the standard error is computed over studies.
        shares = [statistics.mean(study.covered[name]) for study in studies]
        error = statistics.stdev(shares) / math.sqrt(len(shares))
        share = f"{100 * statistics.mean(covered):.1f} +- {100 * error:.1f} %"
        print(f"  95 % intervals by {name:<17} hold the truth in {share}")
    print(f"  mean width of a crossed interval: {_points(study.widths for study in studies)}")
    print(f"  confirmed accuracy minus truth:   {_points(study.confirmed_errors for study in studies)}")
    print(f"  naive front minus truth:          {_points(study.naive_errors for study in studies)}")
    print(f"  naive front's best minus truth:   {_points([study.naive_best_error] for study in studies)}")
    said = list(chain.from_iterable(study.probabilities for study in studies))
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        chosen = [(probability, true) for probability, true in said if low <= probability < high]
        if chosen:
            mean_said = 100 * statistics.mean(probability for probability, _ in chosen)
            mean_true = 100 * statistics.mean(true for _, true in chosen)
            print(f"  on the front, said {mean_said:.0f} %: true of {mean_true:.0f} % (n = {len(chosen):,})")
    print(flush=True)


def _points(of_studies: Iterable[list[float]]) -> str:
    values = [100 * float(value) for value in chain.from_iterable(of_studies)]
    return f"{statistics.mean(values):+.3f} points (sd {statistics.stdev(values):.3f}, n = {len(values):,})"


if __name__ == "__main__":
    main()
