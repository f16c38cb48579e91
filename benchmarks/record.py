"""Recording whole trainings of candidates of the default space in a table, on which search strategies can be replayed.

    python -m benchmarks.record [--images PATH] [--out FILE] [--workers N] [--trainings N] [--list]

draws 300 candidates of the default space with 500 to 12,000 parameters, trains each for 15 epochs, every fifth of
them with two more seeds, and 40 of them with schedules of 5 and 8 epochs too: 500 trainings, all on the whole of
MNIST. With `--images`, which takes what `--dataset` of a search takes, 60 candidates with 500 to 20,000 parameters are
drawn from the default space for those images, in 100 trainings. After each training the table is replaced as a whole,
so that it can be stopped at any time; the same command goes on with the trainings that the table lacks. Any beginning
of a table covers all sizes evenly. benchmarks/recorded/README.md describes the columns and says how long it took.
"""

import argparse
import gzip
import itertools
import math
import platform
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FixedTrial

from benchmarks.training_measures import prepare_worker
from mnist_core.data import find_data_root, load_dataset
from mnist_core.datasets.sources import AnyDataset, parse_source
from mnist_core.engine import resolve_engine
from mnist_core.files import write_whole
from search.sampling.draws import GrowingDraw, evenly_spread
from search.workers.processes import default_workers
from search.workers.training import CandidateTraining
from space.fitted import default_space
from space.random_draw import RandomDraw
from space.search_space import SearchSpace

FOLDER = Path(__file__).parent / "recorded"
TABLE = FOLDER / "mnist.csv.gz"
SIZE_TOLERANCE = 0.97
"""Smallest size of a candidate, as a share of the size it is drawn for."""
EPOCHS = 15
SHORT_SCHEDULES = (5, 8)
KEY = ["candidate", "seed", "schedule"]
"""Columns that tell one training from another; with the epoch, they tell the rows apart."""


@dataclass(frozen=True)
class Series:
    """What the candidates of one table are drawn from and trained on."""

    dataset: AnyDataset
    space: SearchSpace
    num_candidates: int
    sizes: tuple[int, int]
    """Number of parameters of the smallest and of the largest candidate."""

    @classmethod
    def of(cls, images: str | None) -> "Series":
        if images is None:
            return cls("mnist", SearchSpace.default(), num_candidates=300, sizes=(500, 12_000))
        sizes = (500, 20_000)
        source = parse_source(images)
        data = load_dataset(source, find_data_root(source))
        space = default_space(data.input_shape, data.num_classes, sizes[1], dataset=str(source))
        return cls(source, space, num_candidates=60, sizes=sizes)


@dataclass(frozen=True)
class Recording:
    candidate: int
    """Number of the candidate, from 0."""
    seed: int
    schedule: int
    """Number of epochs of the training's schedule."""


def all_recordings(num_candidates: int) -> list[Recording]:
    """Return every training of a table in the order in which they are recorded.

    Seeds differ between candidates, so that no two of them share the order of their images.
    """
    recordings = []
    for candidate in range(num_candidates):
        first_seed = 10 * candidate
        num_seeds = 3 if candidate % 5 == 0 else 1
        recordings += [Recording(candidate, first_seed + i, EPOCHS) for i in range(num_seeds)]
        if candidate % 15 in (1, 8):
            recordings += [Recording(candidate, first_seed, epochs) for epochs in SHORT_SCHEDULES]
    return recordings


def draw_params(series: Series, candidate: int) -> tuple[str, dict[str, Any]]:
    """Return how a candidate is drawn, ``uniform`` or ``growing`` by turns, and its parameters.

    Sizes follow the golden-ratio sequence on a log scale, which spreads any number of candidates evenly.
    """
    low, high = map(math.log, series.sizes)
    size = math.exp(low + (high - low) * evenly_spread(candidate))
    generator = random.Random(candidate)
    kind, draw_type = ("uniform", RandomDraw) if candidate % 2 else ("growing", GrowingDraw)
    while True:
        draw = draw_type(generator)
        if SIZE_TOLERANCE * size <= series.space.suggest_candidate(draw, epochs=EPOCHS).num_params <= size:
            return kind, draw.params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="the images to train on (default: MNIST)")
    parser.add_argument("--out", type=Path, help="default: a file in recorded/, named like the images")
    parser.add_argument("--workers", type=int, default=default_workers("cpu"), help="default: one for each core")
    parser.add_argument("--trainings", type=int, help="stop after so many new trainings (default: all)")
    parser.add_argument("--list", action="store_true", help="print which trainings are missing, without training them")
    options = parser.parse_args()
    series = Series.of(options.images)
    path = options.out or FOLDER / f"{series.dataset}.csv.gz"
    parts = [pd.read_csv(path)] if path.exists() else []
    recorded = {Recording(*key) for part in parts for key in part[KEY].itertuples(index=False, name=None)}
    missing = [recording for recording in all_recordings(series.num_candidates) if recording not in recorded]
    if options.list:
        for recording in missing:
            print(recording)
        return
    resolve_engine("native", "cpu")  # compiles the trainer once, before the workers start
    num_left = len(missing)
    for rows in train_all(series, missing[: options.trainings], options.workers):
        parts.append(pd.DataFrame(rows))
        write_table(pd.concat(parts, ignore_index=True), path)
        num_left -= 1
        last = rows[-1]
        print(
            f"{last['num_params']:>6,} parameters, {last['schedule']:>2} epochs: {last['val_accuracy']:.2%}; "
            f"{num_left} trainings left",
            flush=True,
        )


def train_all(series: Series, recordings: list[Recording], num_workers: int) -> Iterator[list[dict[str, object]]]:
    """Yield the rows of each training as it ends."""
    left = iter(recordings)
    with ProcessPoolExecutor(num_workers, get_context("spawn"), initializer=prepare_worker, initargs=(1,)) as pool:
        running = {pool.submit(record, series, one) for one in itertools.islice(left, num_workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                # Given one by one, so that stopping waits for the trainings in progress alone.
                running |= {pool.submit(record, series, one) for one in itertools.islice(left, 1)}
                yield future.result()


def record(series: Series, recording: Recording) -> list[dict[str, object]]:
    """Train a candidate and return a row for each of its epochs."""
    kind, params = draw_params(series, recording.candidate)
    candidate = series.space.suggest_candidate(FixedTrial(params), epochs=recording.schedule)
    engine = resolve_engine("native", "cpu")
    data = load_dataset(series.dataset, find_data_root(series.dataset))
    training = CandidateTraining(candidate, data, seed=recording.seed, device="cpu", engine=engine)
    about = {
        **asdict(recording),
        "drawn": kind,
        "num_params": candidate.num_params,
        "notation": str(candidate.architecture),
        **params,
        "engine": training.engine.name,
        "cpu": cpu_model(),
        "code": code_version(),
    }
    rows = []
    before = time.process_time()
    for result in training:
        now = time.process_time()
        rows.append(
            about
            | {
                "epoch": result.epoch,
                "train_loss": round(result.train_loss, 6),
                "train_accuracy": round(result.train_accuracy, 6),
                "val_loss": round(result.val_loss, 6),
                "val_accuracy": result.val_accuracy,
                "cpu_seconds": round(now - before, 3),
            }
        )
        before = now
    return rows


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write the table sorted by its key, with the same bytes for the same rows."""
    text = table.sort_values([*KEY, "epoch"]).to_csv(index=False, lineterminator="\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, gzip.compress(text.encode(), mtime=0))


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()


def code_version() -> str:
    """Return the commit of this checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
