"""Time of a search's trainings with this checkout's native trainer and with that of another checkout.

    python -m benchmarks.two_versions /path/to/other/checkout [--every N] [--repeats N]

Takes every Nth trial of docs/runs/2026-11-27-mnist-8000/trials.csv (default: every sixth) with its batch size,
dropout, learning rate, weight decay, label smoothing and augmentation. One process of each checkout trains each
candidate for one epoch, with the same seed, one after the other, on 50,000 images, and validates it on 10,000. Prints
the median over the repeats (default: 3) of the CPU seconds of each epoch and, for all candidates together, weighted
by the epochs that they were trained for in that search, the ratio of this checkout's time to the other's: its median
and its range over the repeats.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from space.search_space import UNIT_ROTATION, UNIT_SCALE, UNIT_TRANSLATION

TRIALS = Path(__file__).parents[1] / "docs/runs/2026-11-27-mnist-8000/trials.csv"

# Run with each checkout as PYTHONPATH, so that it imports that checkout's code.
_TRAINING = """
import json, sys, time
from mnist_core.allocator import keep_freed_memory
keep_freed_memory()
import torch
torch.set_num_threads(1)
from mnist_core.data import find_data_root, load_dataset
from mnist_core.engine import resolve_engine
from mnist_core.model import build_model
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
data, engine = load_dataset("mnist", find_data_root("mnist")), resolve_engine("native", "cpu")
for line in sys.stdin:
    trial = json.loads(line)
    config = TrainingConfig(**trial["config"], epochs=15)
    model = build_model(ArchitectureSpec.from_text(trial["notation"]), seed=0)
    epochs, started = train(model, data, config, seed=0, engine=engine), time.process_time()
    next(epochs)
    print(time.process_time() - started, flush=True)
"""


class _Checkout:
    def __init__(self, folder: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TRAINING],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def cpu_seconds(self, trial: dict[str, object]) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(trial), file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with TRIALS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:: options.every]
    checkouts = [_Checkout(options.other), _Checkout(Path(__file__).parents[1])]
    totals = [[0.0] * options.repeats for _ in checkouts]
    for row in rows:
        trial = {"notation": row["notation"], "config": _config(row)}
        seconds = [[checkout.cpu_seconds(trial) for checkout in checkouts] for _ in range(options.repeats)]
        other, this = (statistics.median(column) for column in zip(*seconds, strict=True))
        print(f"trial {row['trial']:>3}: {other:6.2f} s, {this:6.2f} s, ratio {this / other:.2f}  {row['notation']}")
        for index in range(len(checkouts)):
            for repeat in range(options.repeats):
                totals[index][repeat] += seconds[repeat][index] * int(row["num_epochs"])
    ratios = sorted(this / other for other, this in zip(*totals, strict=True))
    print(
        f"all {len(rows)} trials: ratio {statistics.median(ratios):.3f} "
        f"({ratios[0]:.3f} to {ratios[-1]:.3f}, n {len(ratios)})"
    )
    for checkout in checkouts:
        checkout.close()


def _config(row: dict[str, str]) -> dict[str, float | int]:
    """Return what a search sampled of a trial's training; `augmentation` scales the space's unit ranges."""
    return {
        "batch_size": int(row["batch_size"]),
        "max_lr": float(row["max_lr"]),
        "weight_decay": float(row["weight_decay"]),
        "label_smoothing": float(row["label_smoothing"]),
        "rotation": UNIT_ROTATION * float(row["augmentation"]),
        "translation": UNIT_TRANSLATION * float(row["augmentation"]),
        "scale": UNIT_SCALE * float(row["augmentation"]),
    }


if __name__ == "__main__":
    main()
