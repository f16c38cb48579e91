"""Architectures whose parameters are counted per second, against building each model and summing its tensors.

python -m benchmarks.counting_speed [--repeats N] [--json]
"""

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from mnist_core.model import build_model
from space.architecture import ArchitectureSpec, num_params
from space.random_draw import RandomDraw
from space.search_space import SearchSpace

NUM_ARCHITECTURES = 1_000
SEED = 0

Count = Callable[[ArchitectureSpec], int]


@dataclass(frozen=True, slots=True)
class Rate:
    """Architectures counted per second of processor time, over some repeats."""

    median: float
    lowest: float
    highest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="timed passes of each way to count (default: 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()

    torch.set_num_threads(1)
    # Counting from the layers is so fast that timing a single pass would be dominated by noise.
    ways: dict[str, tuple[Count, int]] = {
        "from the layers": (num_params, 100),
        "by building on the meta device": (count_on_meta, 1),
        "by building on the CPU": (count_on_cpu, 1),
    }
    rates = measure(ways, random_architectures(NUM_ARCHITECTURES), options.repeats)
    layers, *builds = (rate.median for rate in rates.values())
    ratio = layers / max(builds)

    machine = f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}, one thread"
    if options.json:
        report = {name: asdict(rate) for name, rate in rates.items()}
        print(json.dumps({"per_second": report, "ratio": ratio, "repeats": options.repeats, "machine": machine}))
        return
    print(f"{NUM_ARCHITECTURES:,} random architectures of the default space; {machine}")
    print(f"counted per second of processor time: median of {options.repeats} repeats, lowest and highest")
    for name, rate in rates.items():
        print(f"{name:32}{rate.median:>9,.0f}   {rate.lowest:,.0f} to {rate.highest:,.0f}")
    print(f"{'ratio to the faster build':32}{ratio:>9,.0f}")


def measure(
    ways: dict[str, tuple[Count, int]], architectures: Sequence[ArchitectureSpec], num_repeats: int
) -> dict[str, Rate]:
    """Time each way to count, given with its passes per repeat. The ways alternate, so that slow phases affect all."""
    counted = [[count(architecture) for architecture in architectures] for count, _ in ways.values()]
    assert all(counts == counted[0] for counts in counted), "the ways to count disagree"
    per_second: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(num_repeats):
        for name, (count, num_passes) in ways.items():
            # Processor time does not include other programs, and all work is on this one thread.
            start = time.process_time()
            for _ in range(num_passes):
                for architecture in architectures:
                    count(architecture)
            taken = time.process_time() - start
            per_second[name].append(num_passes * len(architectures) / taken)
    return {name: Rate(statistics.median(seen), min(seen), max(seen)) for name, seen in per_second.items()}


def random_architectures(num: int) -> list[ArchitectureSpec]:
    space = SearchSpace.default()
    trial = RandomDraw(random.Random(SEED))
    return [space.suggest_candidate(trial, epochs=1).architecture for _ in range(num)]


def count_on_cpu(architecture: ArchitectureSpec) -> int:
    return sum(parameter.numel() for parameter in build_model(architecture).parameters())


def count_on_meta(architecture: ArchitectureSpec) -> int:
    with torch.device("meta"):
        return count_on_cpu(architecture)


if __name__ == "__main__":
    main()
