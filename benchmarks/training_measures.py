"""Measurements in the processes of benchmarks/training.py: the engines, the baseline and the limits."""

import ctypes
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import Dataset, Split, find_data_root, load_dataset
from mnist_core.engine import resolve_engine
from mnist_core.native.compiler import compile_library, compile_trainer
from search.workers.processes import end_with_parent
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
from space.layers import INPUT_SHAPE, Shape

EPOCH_IMAGES = 50_000
HABIT_IMAGES, ENGINE_IMAGES = 2_560, 5_120
MAX_LR = 0.05
ROTATION, TRANSLATION = 7.0, 0.1
MATRIX_SIZE = 2_048
MULTIPLY_ADD_ROUNDS = 1_000_000
TRAFFIC_BYTES = 1_000_000_000
LIMITS_SOURCE = Path(__file__).with_name("limits.cpp")


@dataclass(frozen=True)
class Job:
    """One measurement that a process makes."""

    way: str
    """``habit`` (the baseline), ``torch``, ``native``, ``matrix product``, ``multiply-adds`` or ``traffic``."""
    notation: str = ""
    batch_size: int = 0
    num_loader_workers: int = 0
    num_bytes: int = 0
    """Size of the arrays that ``traffic`` reads and writes."""


@dataclass(frozen=True)
class Timing:
    seconds: float
    """Time of one trial-epoch or, for the limits, of one GFLOP or GB."""
    parts: dict[str, float]
    """The same time in seconds by part; empty if not measured."""


def start_process(prepare: Callable[[int], None], num_threads: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare, initargs=(num_threads,))


def prepare_worker(num_threads: int) -> None:
    """Set up a process for training."""
    end_with_parent()
    keep_freed_memory()
    set_num_threads(num_threads)


def set_num_threads(num_threads: int) -> None:
    import torch

    torch.set_num_threads(num_threads)


def measure(job: Job) -> Timing:
    match job.way:
        case "habit":
            return _measure_habit(job)
        case "matrix product":
            return _measure_matrix_product()
        case "multiply-adds":
            return _measure_multiply_adds()
        case "traffic":
            return _measure_traffic(job.num_bytes)
        case _:
            return _measure_engine(job)


def _measure_habit(job: Job) -> Timing:
    from benchmarks.habit_loop import epoch_by_habit

    architecture = ArchitectureSpec.from_text(job.notation)
    seconds = epoch_by_habit(
        architecture,
        _data(architecture.input_shape),
        HABIT_IMAGES,
        batch_size=job.batch_size,
        num_loader_workers=job.num_loader_workers,
        max_lr=MAX_LR,
    )
    return Timing(seconds, {})


def _measure_engine(job: Job) -> Timing:
    import numpy as np
    import torch

    from mnist_core.augmentation import draw_augmentation
    from mnist_core.model import build_model
    from mnist_core.native.session import NativeSession
    from mnist_core.plan import EpochPlan
    from mnist_core.torch_session import TorchSession

    architecture = ArchitectureSpec.from_text(job.notation)
    data = _data(architecture.input_shape)
    config = TrainingConfig(
        batch_size=job.batch_size, max_lr=MAX_LR, rotation=ROTATION, translation=TRANSLATION, scale=0
    )
    model = build_model(architecture)
    num_images = ENGINE_IMAGES
    steps = num_images // job.batch_size
    generator = np.random.default_rng(0)
    order = generator.permutation(len(data.train))[:num_images]

    def plan() -> EpochPlan:
        augmentation = draw_augmentation(config, num_images, data.input_shape[1:], generator)
        return EpochPlan(order, augmentation, np.full(steps, MAX_LR), np.full(steps, config.momentum), dropout_seed=0)

    if job.way == "native":
        native = NativeSession(compile_trainer(), model, data, config)
        seconds = timed(lambda: native.train_epoch(plan()))
        parts, evaluation = dict(native.seconds), timed(native.evaluate)
    else:
        bfloat16 = resolve_engine("torch", "cpu").bfloat16
        torch_session = TorchSession(model, data, config, device=torch.device("cpu"), bfloat16=bfloat16)
        with _hooks_at_parts(model) as parts:
            seconds = timed(lambda: torch_session.train_epoch(plan()))
        evaluation = timed(torch_session.evaluate)
    parts["data"] = seconds - sum(parts[part] for part in ("forward", "backward", "update"))
    scaled = {part: value * EPOCH_IMAGES / num_images for part, value in parts.items()} | {"evaluation": evaluation}
    return Timing(sum(scaled.values()), scaled)


@contextmanager
def _hooks_at_parts(model: Any) -> Iterator[dict[str, float]]:
    """Measure the seconds of forward pass, backward pass and update while a PyTorch model trains."""
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
    return Timing(timed(lambda: torch.mm(left, right)) / (2 * MATRIX_SIZE**3 / 1e9), {})


def _measure_multiply_adds() -> Timing:
    gflops = limits_library().multiply_add_gflops(ctypes.c_int64(MULTIPLY_ADD_ROUNDS))
    return Timing(1 / gflops if gflops else math.inf, {})


def _measure_traffic(num_bytes: int) -> Timing:
    rounds = max(1, TRAFFIC_BYTES // num_bytes)
    return Timing(1 / limits_library().traffic_gbytes(ctypes.c_int64(num_bytes), ctypes.c_int64(rounds)), {})


@cache
def limits_library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(compile_library(LIMITS_SOURCE)))
    library.multiply_add_instructions.restype = ctypes.c_char_p
    library.multiply_add_gflops.restype = ctypes.c_double
    library.traffic_gbytes.restype = ctypes.c_double
    return library


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@cache
def _data(shape: Shape) -> Dataset:
    """Return MNIST or, for images of another shape, noise: what is in the pixels takes no time."""
    data = load_dataset("mnist", find_data_root("mnist"))
    if shape == INPUT_SHAPE:
        return data
    import numpy as np

    generator = np.random.default_rng(0)
    channels, height, width = shape

    def noise(labels: Any) -> Split:
        return Split(generator.integers(0, 256, (len(labels), height, width, channels), np.uint8), labels)

    return replace(data, train=noise(data.train.labels), validation=noise(data.validation.labels))
