"""Training speed of each engine, against the usual PyTorch loop (the baseline) and what the cores can do.

    python -m benchmarks.training            # seven nets, batch sizes 32 and 64, five repeats: half an hour
    python -m benchmarks.training --quick    # one batch size, three repeats: six minutes
    python -m benchmarks.training --nets "separable 1,389" "separable 4,950" --batch-sizes 32 128

Every repeat measures all ways one after another, so that other load on the machine affects them equally; ratios are
medians over the repeats. A trial-epoch is one epoch of one trial: training on 50,000 images and evaluation on 10,000,
of which a sample is timed. The engines train one trial on every core at the same time and let glibc keep freed memory,
as a search does. The baseline (habit in the output) runs in separate processes without that setting, in its fastest
arrangement: one process with all cores or one process per core, each with 0 or 2 loader workers.

The native training steps (batches, forward, backward, update) are set against two limits, both measured on all cores:

- The arithmetic limit (ceiling in the output) is the faster of a large fp32 matrix product and multiply-adds in
  registers. The ceiling distance is the steps' time divided by that of their multiply-adds alone at this limit.
- The traffic limit is the time in which the maps of a step can be read and written as often as `bytes_of_training`
  says, at the speed of adding arrays that together are as large as the maps of one batch.
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.training_measures import (
    EPOCH_IMAGES,
    Job,
    Timing,
    limits_library,
    measure,
    prepare_worker,
    set_num_threads,
    start_process,
)
from mnist_core.native.compiler import compile_trainer
from space.architecture import ArchitectureSpec
from space.layers import Conv, GlobalAveragePool, Pool
from space.recipes import RECIPES
from space.summary import summarise

NETS = {
    "6,688": "8s:br 8s:br p 10s:br 16s:br p 16s:br 10s:br gap",
    **{name: str(RECIPES[name].candidate.architecture) for name in ("000-step3", "002-optimized")},
    "3,410": "4s:br 6s:br p 8s:br 10s:br p 10v:br 10v:br gap fc10+",
    "3,410 average": "4s:br 6s:br ap 8s:br 10s:br ap 10v:br 10v:br gap fc10+",
    "separable 1,389": "6s:br sep8s:br ap sep11s:br sep11s:br ap sep14v:br sep14v:br gap fc10+",
    "separable 4,950": "8s:br sep16s:br ap sep24s:br sep24s:br ap sep36v:br sep36v:br gap fc10+",
    "coloured 11,276": "3x32x32 10s:br 16s:br ap 16s:br 16s:br ap 16v:br 16v:br gap fc10+",
    "coloured 51,914": "3x32x32 16s:br 24s:br ap 32s:br 40s:br ap 40v:br 40v:br gap fc10+",
    "coloured separable 10,570": "3x32x32 16s:br sep32s:br ap sep40s:br sep40s:br ap sep48v:br sep48v:br gap fc10+",
}
BATCH_SIZES = (32, 64)
"""Those that a search samples."""


ENGINES = ("torch", "native")
LIMITS = ("matrix product", "multiply-adds", "traffic")


@dataclass(frozen=True)
class _Pools:
    """The measuring processes, each in a pool of its own."""

    engines: list[ProcessPoolExecutor]
    """Processes for the engines, one per core."""
    habits: list[ProcessPoolExecutor]
    """Processes for the baseline, one per core."""
    one_habit: list[ProcessPoolExecutor]
    """A single process for the baseline, with all cores."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="batch size 32 alone, three repeats")
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS), help="default: all")
    parser.add_argument("--batch-sizes", type=int, nargs="+", help="default: 32 64, with --quick 32")
    parser.add_argument("--repeats", type=int, help="default: 5, with --quick 3")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    batch_sizes = options.batch_sizes or (BATCH_SIZES[:1] if options.quick else BATCH_SIZES)
    repeats = options.repeats or (3 if options.quick else 5)
    compile_trainer()
    instructions = limits_library().multiply_add_instructions().decode()
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ExitStack() as stack:
        pools = _Pools(
            engines=[stack.enter_context(start_process(prepare_worker, 1)) for _ in range(num_cores)],
            habits=[stack.enter_context(start_process(set_num_threads, 1)) for _ in range(num_cores)],
            one_habit=[stack.enter_context(start_process(set_num_threads, num_cores))],
        )
        results = {
            name: {
                batch_size: [_repeat(NETS[name], batch_size, pools) for _ in range(repeats)]
                for batch_size in batch_sizes
            }
            for name in options.nets
        }
    report = {
        "machine": f"{num_cores} cores, {platform.machine()}, {instructions}, Python {platform.python_version()}",
        "repeats": repeats,
        "ceiling_gflops": round(
            statistics.median(_ceiling(ways) for net in results.values() for rows in net.values() for ways in rows), 1
        ),
        "nets": {
            name: {batch_size: _summary(NETS[name], batch_size, rows) for batch_size, rows in net.items()}
            for name, net in results.items()
        },
    }
    if options.json:
        print(json.dumps(report))
    else:
        _print_report(report)


def _repeat(notation: str, batch_size: int, pools: _Pools) -> dict[str, list[Timing]]:
    """Measure every way once; returns the timings of all processes that trained at the same time, by way."""
    num_bytes = batch_size * sum(map(sum, _maps(ArchitectureSpec.from_text(notation))))

    def measure_all(processes: Sequence[ProcessPoolExecutor], way: str, num_loader_workers: int = 0) -> list[Timing]:
        job = Job(way, notation, batch_size, num_loader_workers, num_bytes)
        futures = [process.submit(measure, job) for process in processes]
        return [future.result() for future in futures]

    return {
        "habit, one process": measure_all(pools.one_habit, "habit"),
        "habit, one process, 2 loader workers": measure_all(pools.one_habit, "habit", 2),
        "habit, one process a core": measure_all(pools.habits, "habit"),
        "habit, one process a core, 2 loader workers": measure_all(pools.habits, "habit", 2),
        "torch": measure_all(pools.engines, "torch"),
        "native": measure_all(pools.engines, "native"),
    } | {way: measure_all(pools.engines, way) for way in LIMITS}


def _speed(timings: Sequence[Timing]) -> float:
    """Return the trial-epochs, GFLOP or GB per second of all processes together."""
    return sum(1 / timing.seconds for timing in timings)


def _ceiling(ways: dict[str, list[Timing]]) -> float:
    return max(_speed(ways["matrix product"]), _speed(ways["multiply-adds"]))


def _summary(notation: str, batch_size: int, repeated: Sequence[dict[str, list[Timing]]]) -> dict[str, Any]:
    habits = [way for way in repeated[0] if way.startswith("habit")]
    speeds = {way: [60 * _speed(ways[way]) for ways in repeated] for way in (*habits, *ENGINES)}
    best_habit = max(habits, key=lambda way: statistics.median(speeds[way]))
    ratios = {
        engine: [ours / habit for ours, habit in zip(speeds[engine], speeds[best_habit], strict=True)]
        for engine in ENGINES
    }
    architecture = ArchitectureSpec.from_text(notation)
    gflop, gbytes = flop_of_training(architecture) / 1e9, bytes_of_training(architecture) / 1e9
    # Images that all processes together train on in a second.
    images = [sum(EPOCH_IMAGES / _steps(timing) for timing in ways["native"]) for ways in repeated]
    return {
        "ratio_torch": round(statistics.median(ratios["torch"]), 2),
        "ratio_native": round(statistics.median(ratios["native"]), 2),
        "ratio_native_range": [round(min(ratios["native"]), 2), round(max(ratios["native"]), 2)],
        "ceiling_distance": _distance([_ceiling(ways) / gflop for ways in repeated], images),
        "traffic_distance": _distance([_speed(ways["traffic"]) / gbytes for ways in repeated], images),
        "best_habit": best_habit,
        "trial_epochs_per_minute": {way: round(statistics.median(speed), 2) for way, speed in speeds.items()},
        "seconds_by_part": {engine: _parts([ways[engine] for ways in repeated]) for engine in ENGINES},
    }


def _distance(limits: Sequence[float], speeds: Sequence[float]) -> float:
    return round(statistics.median(limit / speed for limit, speed in zip(limits, speeds, strict=True)), 2)


def _steps(timing: Timing) -> float:
    return timing.seconds - timing.parts["evaluation"]


def _parts(repeated: Sequence[Sequence[Timing]]) -> dict[str, float]:
    """Return the seconds of each part of a trial-epoch: the median over repeats of the mean over processes."""
    return {
        part: round(
            statistics.median(statistics.mean(timing.parts[part] for timing in timings) for timings in repeated), 2
        )
        for part in repeated[0][0].parts
    }


def flop_of_training(architecture: ArchitectureSpec) -> int:
    """Return twice the multiply-adds of a forward and a backward pass; the first layer needs no input gradient."""
    macs = [row.num_macs for row in summarise(architecture)]
    return 2 * (3 * sum(macs) - macs[0])


def bytes_of_training(architecture: ArchitectureSpec) -> int:
    """Return the bytes that a training step reads and writes of its maps for one image, each time past the L1 cache.

    The forward pass writes a convolution's outputs, reads them to activate them, and writes and reads the activations,
    pooled if a pool follows. The backward pass reads the activations for the weights' gradient, writes and reads their
    gradient, and reads the outputs twice, for BatchNorm's sums and for its gradient. Between a depthwise convolution
    and the one behind it maps are written once and read twice.
    """
    maps = _maps(architecture)
    return sum(4 * outputs + 5 * activations + 3 * depthwise for outputs, activations, depthwise in maps)


def _maps(architecture: ArchitectureSpec) -> list[tuple[int, int, int]]:
    """Return the bytes of each convolution's outputs, of its activations, and of its depthwise part's outputs."""
    rows = summarise(architecture)
    maps = []
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        if isinstance(row.layer, Conv):
            pools = after is not None and isinstance(after.layer, Pool | GlobalAveragePool)
            activations = after.activation_bytes if after is not None and pools else row.activation_bytes
            depthwise = row.activation_bytes // row.output_shape[0] * row.input_shape[0] if row.layer.separable else 0
            maps.append((row.activation_bytes, activations, depthwise))
    return maps


def _print_report(report: dict[str, Any]) -> None:
    print(
        f"{report['machine']}; ceiling {report['ceiling_gflops']:.0f} GFLOP/s; medians of {report['repeats']} repeats"
    )
    print("trial-epochs a minute, one trial a core for the engines; ratios to the best habit loop")
    for name, net in report["nets"].items():
        for batch_size, row in net.items():
            speeds = row["trial_epochs_per_minute"]
            low, high = row["ratio_native_range"]
            print(
                f"{name:>14} batch {batch_size:>3}: habit {speeds[row['best_habit']]:5.2f} ({row['best_habit'][7:]}), "
                f"torch {speeds['torch']:5.2f} ({row['ratio_torch']:.1f}x), "
                f"native {speeds['native']:6.2f} ({row['ratio_native']:.1f}x, {low:.1f}-{high:.1f}), "
                f"distance from the ceiling {row['ceiling_distance']:.2f}, from the traffic limit "
                f"{row['traffic_distance']:.2f}"
            )
            for engine, parts in row["seconds_by_part"].items():
                shown = ", ".join(f"{part} {seconds:.2f}" for part, seconds in parts.items())
                print(f"{'':>14} {engine} seconds by part: {shown}")


if __name__ == "__main__":
    main()
