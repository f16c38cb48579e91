"""The resources for training on this machine (device, engine, data), found once and sent to each worker."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import Dataset, load_dataset
from mnist_core.datasets.contents import MAX_IMAGES
from mnist_core.datasets.sources import AnyDataset
from mnist_core.device import DEVICE_NAMES, find_device, may_have_accelerator
from mnist_core.engine import ENGINE_NAMES, Engine, resolve_engine
from space.errors import InputError

MAX_WORKERS = 1_024
MAX_SEEDS = 1_000
"""Largest number of seeds with which one net is trained."""
COMPILING_LINE = "compiling the native trainer, once on this machine"
"""Message that is shown before `find_engine` compiles."""


@dataclass(frozen=True)
class Resources:
    """The device, engine and data that a command found, for its worker processes."""

    dataset: AnyDataset
    data_root: Path | None
    """Folder where `mnist_core.data.find_data_root` found the dataset, or unpacked it."""
    train_size: int | None
    """Number of training images; None means all that are not held out for validation."""
    device: str
    engine: Engine

    def load_data(self) -> Dataset:
        return load_dataset(self.dataset, self.data_root, train_size=self.train_size)


def check_names(device: str, engine: str) -> None:
    """Raise `InputError` for an unknown ``--device`` or ``--engine``; does not check whether this machine has it."""
    for option, names, value in (("--device", DEVICE_NAMES, device), ("--engine", ENGINE_NAMES, engine)):
        if value not in names:
            raise InputError(f"{option} must be one of {', '.join(names)}, not {value!r}")


def check_workers(workers: int | None) -> None:
    """Raise `InputError` for an impossible number of ``--workers``; None lets the machine decide."""
    if workers is not None and workers < 1:
        raise InputError(f"--workers must be at least 1, not {workers}")
    if workers is not None and workers > MAX_WORKERS:
        raise InputError(f"--workers must be at most {MAX_WORKERS}, not {workers}")


def check_train_size(train_size: int | None) -> None:
    """Raise `InputError` for a ``--train-size`` that no dataset has, before any data are loaded or downloaded."""
    if train_size is not None and train_size < 1:
        raise InputError(f"--train-size must be at least 1, not {train_size}")
    if train_size is not None and train_size > MAX_IMAGES:
        raise InputError(f"--train-size must be at most {MAX_IMAGES:,}, not {train_size}")


def find_engine(device: str, engine: str, *, compiling: Callable[[], None]) -> tuple[str, Engine]:
    """Return the device and engine for the options ``--device`` and ``--engine``, without importing torch.

    Where both leave the choice, nets that the native trainer knows are trained by it on the CPU: they keep an
    accelerator waiting for launches, which makes it about as fast as one core. The others go to the accelerator.
    ``compiling`` is called before the native trainer is compiled, which happens once per machine. Raises `InputError`
    if the device or the engine is not available.
    """
    if device == "auto" and engine != "torch":
        native = resolve_engine(engine, "cpu", compiling=compiling)
        if native.library is not None:
            return "cpu", replace(native, on_accelerator=may_have_accelerator())
    found = find_device(device)
    return found, resolve_engine(engine, found, compiling=compiling)


def prepare_process() -> None:
    """Set up this process for training on one thread and keep freed memory. Call this before torch is imported."""
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)
