"""Choosing the device to train on."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from mnist_core.processes import without_main_module
from space.errors import InputError

DEVICE_NAMES = ("auto", "cpu", "cuda", "xpu", "mps")
_ACCELERATOR_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/dri")


def may_have_accelerator() -> bool:
    """Return False if the device files show that there is no accelerator. Does not import torch."""
    return not sys.platform.startswith("linux") or any(Path(file).exists() for file in _ACCELERATOR_FILES)


def resolve_device(name: str) -> str:
    """Return ``name``, or for ``auto`` the first of cuda, xpu, mps that is available, else cpu. Imports torch.

    Raises `InputError` for a device that is not available.
    """
    import torch

    available = [
        device
        for device, backend in (("cuda", torch.cuda), ("xpu", torch.xpu), ("mps", torch.backends.mps))
        if backend.is_available()
    ]
    if name == "auto":
        return available[0] if available else "cpu"
    if name != "cpu" and name not in available:
        raise InputError(f"--device {name} is not available; here: {', '.join([*available, 'cpu'])}")
    return name


def find_device(name: str) -> str:
    """Return the result of `resolve_device`, from a separate process if that needs torch, which is slow to import."""
    if name == "cpu" or (name == "auto" and not may_have_accelerator()):
        return "cpu"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with without_main_module():
            found = pool.submit(resolve_device, name)
        return found.result()
