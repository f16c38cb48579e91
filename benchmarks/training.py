"""Training speed of each engine, against the usual PyTorch loop (the baseline) and the arithmetic limit.

    python -m benchmarks.training            # six nets, three batch sizes, five repeats: half an hour
    python -m benchmarks.training --quick    # one batch size, three repeats: five minutes
    python -m benchmarks.training --nets "separable 1,389" "separable 4,950" --batch-sizes 32

Every repeat measures all ways one after another, so that other load on the machine affects them equally; ratios are
medians over the repeats. A trial-epoch is one epoch of one trial: training on 50,000 images and evaluation on 10,000,
of which a sample is timed. The engines train one trial on every core at the same time and let glibc keep freed memory,
as a search does. The baseline (habit in the output) runs in separate processes without that setting, in its fastest
arrangement: one process with all cores or one process per core, each with 0 or 2 loader workers.

The arithmetic limit (ceiling in the output) is the faster of a large fp32 matrix product and multiply-adds in
registers, on all cores. The ceiling distance is the time of the native training steps (batches, forward, backward,
update) divided by the time that their multiply-adds alone would take at this limit.
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
    MULTIPLY_ADD_SOURCE,
    Job,
    Timing,
    measure,
    prepare_worker,
    set_num_threads,
    start_process,
)
from mnist_core.native.compiler import compile_library, compile_trainer
from space.architecture import ArchitectureSpec
from space.recipes import RECIPES
from space.summary import summarise

NETS = {
    "6,688": "8s:br 8s:br p 10s:br 16s:br p 16s:br 10s:br gap",
    **{name: str(RECIPES[name].candidate.architecture) for name in ("000-step3", "002-optimized")},
    "3,410": "4s:br 6s:br p 8s:br 10s:br p 10v:br 10v:br gap fc10+",
    "separable 1,389": "6s:br sep8s:br ap sep11s:br sep11s:br ap sep14v:br sep14v:br gap fc10+",
    "separable 4,950": "8s:br sep16s:br ap sep24s:br sep24s:br ap sep36v:br sep36v:br gap fc10+",
}
BATCH_SIZES = (32, 64, 128)


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
    parser.add_argument("--batch-sizes", type=int, nargs="+", help="default: 32 64 128, with --quick 32")
    parser.add_argument("--repeats", type=int, help="default: 5, with --quick 3")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    batch_sizes = options.batch_sizes or (BATCH_SIZES[:1] if options.quick else BATCH_SIZES)
    repeats = options.repeats or (3 if options.quick else 5)
    compile_trainer()
    compile_library(MULTIPLY_ADD_SOURCE)
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ExitStack() as stack:
        pools = _Pools(
            engines=[stack.enter_context(start_process(prepare_worker, 1)) for _ in range(num_cores)],
            habits=[stack.enter_context(start_process(set_num_threads, 1)) for _ in range(num_cores)],
            one_habit=[stack.enter_context(start_process(set_num_threads, num_cores))],
        )
        ceilings = [
            max(_ceiling(pools.engines, way) for way in ("matrix product", "multiply-adds")) for _ in range(repeats)
        ]
        results = {
            name: {
                batch_size: [_repeat(NETS[name], batch_size, pools) for _ in range(repeats)]
                for batch_size in batch_sizes
            }
            for name in options.nets
        }
    report = _report(results, statistics.median(ceilings), repeats, num_cores)
    if options.json:
        print(json.dumps(report))
    else:
        _print_report(report)


def _repeat(notation: str, batch_size: int, pools: _Pools) -> dict[str, list[Timing]]:
    """Measure every way once; returns the timings of all processes that trained at the same time, by way."""

    def measure_all(processes: Sequence[ProcessPoolExecutor], way: str, num_loader_workers: int = 0) -> list[Timing]:
        job = Job(way, notation, batch_size, num_loader_workers)
        futures = [process.submit(measure, job) for process in processes]
        return [future.result() for future in futures]

    return {
        "habit, one process": measure_all(pools.one_habit, "habit"),
        "habit, one process, 2 loader workers": measure_all(pools.one_habit, "habit", 2),
        "habit, one process a core": measure_all(pools.habits, "habit"),
        "habit, one process a core, 2 loader workers": measure_all(pools.habits, "habit", 2),
        "torch": measure_all(pools.engines, "torch"),
        "native": measure_all(pools.engines, "native"),
    }


def _ceiling(pools: Sequence[ProcessPoolExecutor], way: str) -> float:
    """Return GFLOP per second of all cores together."""
    futures = [pool.submit(measure, Job(way)) for pool in pools]
    return sum(1 / future.result().seconds for future in futures)


def _per_minute(timings: Sequence[Timing]) -> float:
    return sum(60 / timing.seconds for timing in timings)


def _report(
    results: dict[str, dict[int, list[dict[str, list[Timing]]]]], ceiling: float, repeats: int, num_cores: int
) -> dict[str, Any]:
    nets = {
        name: {batch_size: _summary(name, repeated, ceiling) for batch_size, repeated in by_batch.items()}
        for name, by_batch in results.items()
    }
    return {
        "machine": f"{num_cores} cores, {platform.machine()}, Python {platform.python_version()}",
        "repeats": repeats,
        "ceiling_gflops": round(ceiling, 1),
        "nets": nets,
    }


def _summary(name: str, repeated: Sequence[dict[str, list[Timing]]], ceiling: float) -> dict[str, Any]:
    habits = [way for way in repeated[0] if way.startswith("habit")]
    speeds = {way: [_per_minute(ways[way]) for ways in repeated] for way in repeated[0]}
    best_habit = max(habits, key=lambda way: statistics.median(speeds[way]))
    ratios = {
        engine: [ours / habit for ours, habit in zip(speeds[engine], speeds[best_habit], strict=True)]
        for engine in ("torch", "native")
    }
    steps = [statistics.mean(_steps(timing) for timing in ways["native"]) for ways in repeated]
    arithmetic = flop_of_training(ArchitectureSpec.from_text(NETS[name])) * EPOCH_IMAGES / 1e9 / ceiling
    num_processes = len(repeated[0]["native"])
    return {
        "ratio_torch": round(statistics.median(ratios["torch"]), 2),
        "ratio_native": round(statistics.median(ratios["native"]), 2),
        "ratio_native_range": [round(min(ratios["native"]), 2), round(max(ratios["native"]), 2)],
        "ceiling_distance": round(statistics.median(steps) / (arithmetic * num_processes), 2),
        "best_habit": best_habit,
        "trial_epochs_per_minute": {way: round(statistics.median(speed), 2) for way, speed in speeds.items()},
        "seconds_by_part": {engine: _parts([ways[engine] for ways in repeated]) for engine in ("torch", "native")},
    }


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
                f"ceiling distance {row['ceiling_distance']:.2f}"
            )
            for engine, parts in row["seconds_by_part"].items():
                shown = ", ".join(f"{part} {seconds:.2f}" for part, seconds in parts.items())
                print(f"{'':>14} {engine} seconds by part: {shown}")


if __name__ == "__main__":
    main()
