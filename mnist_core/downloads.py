"""Downloading a dataset in a process of its own, whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mnist_core.processes import succeeds_in_process
from space.errors import InputError


def download(
    title: str, root: Path, fetch: Callable[..., None], *arguments: object, seconds: float, advice: str
) -> None:
    """Call ``fetch(*arguments, root, temporary)`` in another process, with a temporary folder below ``root``.

    Raises `InputError`, which ends with ``advice``, if that fails or takes longer than ``seconds``, and if ``root``
    can't be written. The temporary folder is always removed, and the folders that were made for it if it fails.
    """
    missing = [path for path in (root, *root.parents) if not path.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=root, prefix=f".{title}-"))
    except OSError as error:
        raise InputError(f"{title} is not in {root}, which can't be written: {error.strerror}") from None
    # Runs in a separate process: torchvision imports torch, and its download has no time limit.
    fetched = succeeds_in_process(_fetch, fetch, arguments, root, temporary, seconds=seconds)
    shutil.rmtree(temporary, ignore_errors=True)
    if not fetched:
        for empty in missing:
            with contextlib.suppress(OSError):
                empty.rmdir()
        raise InputError(f"{title} is not in {root} and could not be downloaded; {advice}")


def _fetch(fetch: Callable[..., None], arguments: Sequence[object], root: Path, temporary: Path) -> None:
    try:
        fetch(*arguments, root, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # here too, in case that the calling process was killed
