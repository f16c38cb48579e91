"""How fast each engine trains, against the habit loop and against the arithmetic ceiling of this machine.

    python -m benchmarks.training            # four nets, three batch sizes, five repeats: a quarter of an hour
    python -m benchmarks.training --quick    # one batch size, three repeats: three minutes

Every repeat measures all ways one after another, so that what else the machine does meets all of them alike; ratios are
medians over the repeats. A trial-epoch is one epoch of one trial, of which a sample is timed: training on 50,000 images
and evaluation on 10,000. The engines train one trial on every core at the same time and tell glibc to keep freed
memory, as a search does. The habit loop runs in processes of their own without that, in its best arrangement: one
process with all cores or one process a core, each with 0 or 2 loader workers.

The ceiling is the better of a large fp32 matrix product and multiply-adds in registers, on all cores. The distance is
how many times longer the native training steps (batches, forward, backward, update) take than their multiply-adds
alone would at the ceiling.
"""

import argparse
import ctypes
import json
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.engine import resolve_engine
from mnist_core.native.compiler import compile_library, compile_trainer
from search.runs.worker import die_with_parent
from space.architecture import ArchitectureSpec, summarise
from space.candidate import TrainingConfig
from space.recipes import RECIPES

NETS = {
    "6,688": "8s:br 8s:br p 10s:br 16s:br p 16s:br 10s:br gap",
    **{name: str(RECIPES[name].candidate.architecture) for name in ("000-step3", "002-optimized")},
    "3,410": "4s:br 6s:br p 8s:br 10s:br p 10v:br 10v:br gap fc10+",
}
BATCH_SIZES = (64, 128, 512)
EPOCH_IMAGES = 50_000
HABIT_IMAGES, ENGINE_IMAGES = 2_560, 5_120
MAX_LR = 0.05
ROTATION, TRANSLATION = 7.0, 0.1
MATRIX_SIZE = 2_048
MULTIPLY_ADD_ROUNDS = 1_000_000


@dataclass(frozen=True)
class Job:
    """What one process measures at a time."""

    way: str
    """``habit``, ``torch``, ``native``, ``matrix product`` or ``multiply-adds``."""
    notation: str = ""
    batch_size: int = 0
    num_loader_workers: int = 0


@dataclass(frozen=True)
class Timing:
    seconds: float
    """Of one trial-epoch, or for the ceilings of one GFLOP."""
    parts: dict[str, float]
    """Of it, the seconds by part."""


@dataclass(frozen=True)
class _Pools:
    """The measuring processes, each a pool of one."""

    engines: list[ProcessPoolExecutor]
    """One a core."""
    habits: list[ProcessPoolExecutor]
    """One a core."""
    one_habit: list[ProcessPoolExecutor]
    """A single one with all cores."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="batch size 128 alone, three repeats")
    parser.add_argument("--repeats", type=int, help="default: 5, with --quick 3")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    batch_sizes = (128,) if options.quick else BATCH_SIZES
    repeats = options.repeats or (3 if options.quick else 5)
    compile_trainer()
    compile_library(_multiply_add_source())
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ExitStack() as stack:
        pools = _Pools(
            engines=[stack.enter_context(_process(prepare_worker, 1)) for _ in range(num_cores)],
            habits=[stack.enter_context(_process(_set_num_threads, 1)) for _ in range(num_cores)],
            one_habit=[stack.enter_context(_process(_set_num_threads, num_cores))],
        )
        ceilings = [
            max(_ceiling(pools.engines, way) for way in ("matrix product", "multiply-adds")) for _ in range(repeats)
        ]
        results = {
            name: {
                batch_size: [_repeat(notation, batch_size, pools) for _ in range(repeats)] for batch_size in batch_sizes
            }
            for name, notation in NETS.items()
        }
    report = _report(results, statistics.median(ceilings), repeats, num_cores)
    if options.json:
        print(json.dumps(report))
    else:
        _print_report(report)


def _repeat(notation: str, batch_size: int, pools: _Pools) -> dict[str, list[Timing]]:
    """One measurement of every way; each gives a timing for every process that trained at the same time."""

    def measure(processes: Sequence[ProcessPoolExecutor], way: str, num_loader_workers: int = 0) -> list[Timing]:
        job = Job(way, notation, batch_size, num_loader_workers)
        futures = [process.submit(_measure, job) for process in processes]
        return [future.result() for future in futures]

    return {
        "habit, one process": measure(pools.one_habit, "habit"),
        "habit, one process, 2 loader workers": measure(pools.one_habit, "habit", 2),
        "habit, one process a core": measure(pools.habits, "habit"),
        "habit, one process a core, 2 loader workers": measure(pools.habits, "habit", 2),
        "torch": measure(pools.engines, "torch"),
        "native": measure(pools.engines, "native"),
    }


def _ceiling(pools: Sequence[ProcessPoolExecutor], way: str) -> float:
    """GFLOP a second of all cores."""
    futures = [pool.submit(_measure, Job(way)) for pool in pools]
    return sum(1 / future.result().seconds for future in futures)


def _per_minute(timings: Sequence[Timing]) -> float:
    return sum(60 / timing.seconds for timing in timings)


def _report(
    results: dict[str, dict[int, list[dict[str, list[Timing]]]]], ceiling: float, repeats: int, num_cores: int
) -> dict[str, Any]:
    nets: dict[str, Any] = {}
    for name, by_batch in results.items():
        batches = {batch_size: _summary(name, repeated, ceiling) for batch_size, repeated in by_batch.items()}
        # Of several batch sizes the middle one stands for the net.
        nets[name] = {**batches[128], "batch_sizes": batches}
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
    """Median over the repeats of the mean over the processes, in seconds of a trial-epoch."""
    return {
        part: round(
            statistics.median(statistics.mean(timing.parts[part] for timing in timings) for timings in repeated), 2
        )
        for part in repeated[0][0].parts
    }


def flop_of_training(architecture: ArchitectureSpec) -> int:
    """Multiply-adds of one image's forward and backward pass, times two; the first layer needs no input gradient."""
    macs = [row.num_macs for row in summarise(architecture)]
    return 2 * (3 * sum(macs) - macs[0])


def _print_report(report: dict[str, Any]) -> None:
    print(
        f"{report['machine']}; ceiling {report['ceiling_gflops']:.0f} GFLOP/s; medians of {report['repeats']} repeats"
    )
    print("trial-epochs a minute, one trial a core for the engines; ratios to the best habit loop")
    for name, net in report["nets"].items():
        for batch_size, row in net["batch_sizes"].items():
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


# ---- in the measuring processes


def _process(prepare: Callable[[int], None], num_threads: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare, initargs=(num_threads,))


def prepare_worker(num_threads: int) -> None:
    """What a process that trains does first."""
    threading.Thread(target=die_with_parent, daemon=True).start()
    keep_freed_memory()
    _set_num_threads(num_threads)


def _set_num_threads(num_threads: int) -> None:
    import torch

    torch.set_num_threads(num_threads)


def _measure(job: Job) -> Timing:
    match job.way:
        case "habit":
            return _measure_habit(job)
        case "matrix product":
            return _measure_matrix_product()
        case "multiply-adds":
            return _measure_multiply_adds()
        case _:
            return _measure_engine(job)


def _measure_habit(job: Job) -> Timing:
    from benchmarks.habit_loop import epoch_by_habit

    seconds = epoch_by_habit(
        ArchitectureSpec.from_text(job.notation),
        _data(),
        HABIT_IMAGES,
        batch_size=job.batch_size,
        num_loader_workers=job.num_loader_workers,
        max_lr=MAX_LR,
    )
    return Timing(seconds, {})


def _measure_engine(job: Job) -> Timing:
    import numpy as np
    import torch

    from mnist_core.augmentation import draw_transforms
    from mnist_core.model import build_model
    from mnist_core.native.session import NativeSession
    from mnist_core.torch_session import TorchSession
    from mnist_core.training import EpochPlan

    data = _data()
    config = TrainingConfig(
        batch_size=job.batch_size, max_lr=MAX_LR, rotation=ROTATION, translation=TRANSLATION, scale=0
    )
    model = build_model(ArchitectureSpec.from_text(job.notation))
    num_images = ENGINE_IMAGES
    steps = num_images // job.batch_size
    generator = np.random.default_rng(0)
    order = generator.permutation(len(data.train))[:num_images]

    def plan() -> EpochPlan:
        transforms = draw_transforms(
            num_images, rotation=ROTATION, translation=TRANSLATION, scale=0, generator=generator
        )
        return EpochPlan(order, transforms, np.full(steps, MAX_LR), np.full(steps, config.momentum), dropout_seed=0)

    if job.way == "native":
        native = NativeSession(compile_trainer(), model, data, config)
        seconds = _timed(lambda: native.train_epoch(plan()))
        parts, evaluation = dict(native.seconds), _timed(native.evaluate)
    else:
        bfloat16 = resolve_engine("torch", "cpu").bfloat16
        torch_session = TorchSession(model, data, config, device=torch.device("cpu"), bfloat16=bfloat16)
        with _hooks_at_parts(model) as parts:
            seconds = _timed(lambda: torch_session.train_epoch(plan()))
        evaluation = _timed(torch_session.evaluate)
    parts["data"] = seconds - sum(parts[part] for part in ("forward", "backward", "update"))
    scaled = {part: value * EPOCH_IMAGES / num_images for part, value in parts.items()} | {"evaluation": evaluation}
    return Timing(sum(scaled.values()), scaled)


@contextmanager
def _hooks_at_parts(model: Any) -> Iterator[dict[str, float]]:
    """Seconds of forward, backward and update while a PyTorch model trains."""
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    seconds = dict.fromkeys(("data", "forward", "backward", "update"), 0.0)
    latest = time.perf_counter()

    def lap(part: str | None) -> None:
        nonlocal latest
        now = time.perf_counter()
        if part and model.training:
            seconds[part] += now - latest
        latest = now

    handles = [
        model.register_forward_pre_hook(lambda *_: lap(None)),
        model.register_forward_hook(lambda *_: lap("forward")),
        register_optimizer_step_pre_hook(lambda *_: lap("backward")),
        register_optimizer_step_post_hook(lambda *_: lap("update")),
    ]
    try:
        yield seconds
    finally:
        for handle in handles:
            handle.remove()


def _measure_matrix_product() -> Timing:
    import torch

    left, right = (torch.rand(MATRIX_SIZE, MATRIX_SIZE) for _ in range(2))
    torch.mm(left, right)
    return Timing(_timed(lambda: torch.mm(left, right)) / (2 * MATRIX_SIZE**3 / 1e9), {})


def _measure_multiply_adds() -> Timing:
    library = ctypes.CDLL(str(compile_library(_multiply_add_source())))
    library.multiply_add.restype = ctypes.c_double
    library.flop_per_round.restype = ctypes.c_int64
    seconds = _timed(lambda: library.multiply_add(ctypes.c_int64(MULTIPLY_ADD_ROUNDS)))
    return Timing(seconds / (MULTIPLY_ADD_ROUNDS * library.flop_per_round() / 1e9), {})


def _multiply_add_source() -> Path:
    return Path(__file__).with_name("multiply_add.cpp")


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@cache
def _data() -> Dataset:
    return load_dataset("mnist", find_data_root("mnist"))


if __name__ == "__main__":
    main()
