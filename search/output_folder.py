"""A folder that a command writes whole or not at all, and replaces only if it wrote it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from space.errors import InputError


def check_target(out: Path, kind: str, files: Collection[str] | None, *, force: bool) -> None:
    """Raises `InputError` where ``out`` can't be made, or exists and is not what an earlier ``kind`` wrote.

    ``files`` are the names that may be in a folder of that kind; None: it is one file.
    """
    if not out.parent.is_dir():
        raise InputError(f"--out {out} can't be written: the folder {out.parent} does not exist")
    if not out.exists():
        return
    if not force:
        raise InputError(f"--out {out} exists already; --force replaces what an earlier {kind} wrote")
    if files is None:
        if not out.is_file():
            raise InputError(f"--out {out} is a folder, but --format writes one file")
        return
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    # Not one file of anybody else's goes: other commands write a config.json too.
    if not found or found - set(files):
        raise InputError(f"--out {out} was not written by an {kind}, so it is not replaced")


@contextlib.contextmanager
def temporary_folder(out: Path) -> Iterator[Path]:
    """A folder beside ``out``, to write into and move; afterwards it is gone. Raises `InputError` where it can't be."""
    try:
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as error:
        raise InputError(f"--out {out} can't be written: {error.strerror}") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, out: Path) -> None:
    """Move a folder to the place of ``out``, which may exist."""
    new.chmod(0o755)  # a temporary folder is private
    if out.exists():
        old = new.with_name(f"{new.name}-old")
        os.replace(out, old)
        os.replace(new, out)
        shutil.rmtree(old)
    else:
        os.replace(new, out)
