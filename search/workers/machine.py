"""What trains on this machine: the device, the engine, and the images, found once and sent to each worker."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import Dataset, load_dataset
from mnist_core.device import find_device
from mnist_core.engine import Engine, resolve_engine

COMPILING_LINE = "compiling the native trainer, once on this machine"
"""What is shown before `find_engine` compiles."""


@dataclass(frozen=True)
class Resources:
    """What a command found on its machine, for the processes that train for it."""

    dataset: str
    data_root: Path | None
    """Where `mnist_core.data.find_data_root` found the dataset."""
    train_size: int | None
    """Training images to use; None: all that are not held out for validation."""
    device: str
    engine: Engine

    def load_data(self) -> Dataset:
        return load_dataset(self.dataset, self.data_root, train_size=self.train_size)


def find_engine(device: str, engine: str, *, compiling: Callable[[], None]) -> tuple[str, Engine]:
    """The device and the engine that the options ``--device`` and ``--engine`` mean here, without importing torch.

    ``compiling`` is called before the native trainer is compiled, which happens once on a machine. Raises `InputError`
    for what is not there.
    """
    found = find_device(device)
    return found, resolve_engine(engine, found, compiling=compiling)


def prepare_process() -> None:
    """Make this process ready to train: one thread, and freed memory is kept. Call it before torch is imported."""
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)
