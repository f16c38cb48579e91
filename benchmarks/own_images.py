"""A large dataset of one's own: memory of all processes of a search together, and time from start to first epoch.

    python -m benchmarks.own_images [--images N] [--side N] [--repeats N]

Writes N generated RGB images of ten classes as an .npz file, and runs the same short search with two workers on them
and on scikit-learn's digits: the first time, when they are unpacked, and again, when the cache holds them. Memory is
the largest sum of the proportional set sizes of the command and all its processes, so that a page that several
processes map is counted once; it is read every quarter of a second from /proc, which only Linux has. Everything lies in
a temporary folder, for which six times the data's size must be free.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.consistency import count_epochs
from benchmarks.processes import family_of
from mnist_core.engine import resolve_engine

POLL_SECONDS = 0.25
SEARCH = ("run", "--budget", "5000", "--trials", "2", "--epochs", "1", "--workers", "2", "--quiet")


@dataclass(frozen=True)
class Measured:
    peak: int
    """Largest sum of the proportional set sizes in bytes."""
    first_epoch: float
    """Seconds from the start of the command to the end of the first epoch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="own-images-") as scratch:
        folder = Path(scratch)
        os.environ["SEARCH_CACHE_DIR"] = str(folder / "cache")
        resolve_engine("auto", "cpu")  # compiles the trainer, whose compiler would be measured otherwise
        path = folder / "generated.npz"
        write_images(path, options.images, options.side)
        size = options.images * options.side**2 * 3
        print(f"{options.images:,} images of {options.side}x{options.side}x3 bytes: {size / 1e6:,.0f} MB")
        print(f"\n{'':<28}{'memory, MB':>12}{'first epoch, s':>16}")
        peaks: dict[str, list[int]] = {}
        for repeat in range(options.repeats):
            shutil.rmtree(folder / "cache/datasets", ignore_errors=True)
            for name, dataset in (("digits", "digits"), ("unpacked first", str(path)), ("from the cache", str(path))):
                measured = measure(folder / f"{name}-{repeat}".replace(" ", "-"), dataset)
                peaks.setdefault(name, []).append(measured.peak)
                print(f"{name:<28}{measured.peak / 1e6:>12,.0f}{measured.first_epoch:>16.1f}", flush=True)
    base = statistics.mean(peaks["digits"])
    for name in ("unpacked first", "from the cache"):
        more = [(peak - base) / size for peak in peaks[name]]
        spread = f" ± {statistics.stdev(more):.2f}" if len(more) > 1 else ""
        print(
            f"{name}: {statistics.mean(more):.2f}{spread} times the data's size more than on digits (n = {len(more)})"
        )


def write_images(path: Path, num: int, side: int) -> None:
    """Write images of ten classes, each a noisy pattern of its class."""
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 200, (10, side, side, 3), np.uint8)
    labels = generator.integers(0, 10, num)
    images = np.empty((num, side, side, 3), np.uint8)
    for first in range(0, num, 10_000):
        some = slice(first, min(first + 10_000, num))
        noise = generator.integers(0, 56, (some.stop - some.start, side, side, 3), np.uint8)
        images[some] = patterns[labels[some]] + noise
    np.savez(path, images=images, labels=labels)


def measure(folder: Path, dataset: str) -> Measured:
    """Run a search in a new folder, and watch its processes."""
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = time.monotonic()
    command = [sys.executable, "-m", "search", *SEARCH, "--dataset", dataset]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    peak, first_epoch = 0, 0.0
    try:
        while process.poll() is None:
            peak = max(peak, sum(map(proportional_bytes, family_of(process.pid))))
            if not first_epoch and count_epochs(folder):
                first_epoch = time.monotonic() - started
            time.sleep(POLL_SECONDS)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode:
        raise SystemExit(f"the search on {dataset} ended with exit code {process.returncode}")
    return Measured(peak, first_epoch or time.monotonic() - started)


def proportional_bytes(process: int) -> int:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    except OSError:  # it has ended
        pass
    return 0


if __name__ == "__main__":
    main()
