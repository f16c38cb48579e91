"""Output folders that a command writes whole or not at all, and replaces only if the same command wrote them."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from search.terminal.interrupts import raising_interrupts
from space.errors import InputError


def check_target(out: Path, kind: str, files: Collection[str] | None, *, force: bool) -> None:
    """Raise `InputError` if ``out`` can't be created, or exists and may not be replaced.

    With ``force``, a folder is replaced if it holds only ``files``, the names that a ``kind`` ("export") writes. None
    means that ``out`` is a single file.
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
    # Never remove a file from elsewhere: other commands also write a config.json.
    if not found or found - set(files):
        raise InputError(f"--out {out} was not written by an {kind}, so it is not replaced")


@contextlib.contextmanager
def temporary_folder(out: Path) -> Iterator[Path]:
    """Create a folder beside ``out`` to fill and move; removes it afterwards. Raises `InputError` if that fails."""
    try:
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as error:
        raise InputError(f"--out {out} can't be written: {error.strerror}") from None
    with raising_interrupts():
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, out: Path) -> None:
    """Move a folder to ``out``, replacing any existing folder."""
    new.chmod(0o755)  # a temporary folder is private
    if out.exists():
        old = new.with_name(f"{new.name}-old")
        os.replace(out, old)
        os.replace(new, out)
        shutil.rmtree(old)
    else:
        os.replace(new, out)
