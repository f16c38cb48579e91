"""Output folders and files: whether they can be written, which is checked before anything slow, and replacing them.

A folder is written whole or not at all, and replaced only if the same command wrote it.
"""

import contextlib
import glob
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from search.terminal.interrupts import raising_interrupts
from space.errors import FullDiskError, InputError
from space.files import kind_of

FILE_SUFFIXES = frozenset(
    (
        *(".safetensors", ".onnx", ".pt2", ".pt", ".pth", ".c", ".h", ".zip"),
        *(".html", ".htm", ".pdf", ".md", ".txt", ".json", ".csv", ".png"),
    )
)
"""Suffixes by which a name means a file, so that no folder is made with it."""
_MAX_PREFIX = 32
"""Characters of the name of a folder in that of a temporary one."""
_ASIDE = "-old"
"""End of the name of a folder that was put aside while another takes its place."""


def check_target(out: Path, kind: str, files: Collection[str] | None, *, force: bool) -> None:
    """Raise `InputError` if ``out`` can't be created, or exists and may not be replaced.

    With ``force``, a folder is replaced if it holds only ``files``, the names that a ``kind`` ("export") writes. None
    means that ``out`` is a single file. What a call that was killed while it replaced ``out`` had put aside is put
    back first.
    """
    if out.name in ("", ".."):
        raise InputError(f"--out {out} must end in a name of its own, such as {out / 'my-model'}")
    check_parent("--out", out)
    if files is not None:
        _put_back(out, files)
    mode = _mode("--out", out)
    if mode is None:
        if files is not None:
            _check_folder_name("--out", out)
        return
    if stat.S_ISLNK(mode):  # what replaces it would take the place of the link, not of what it leads to
        what = "file" if files is None else "folder"
        raise InputError(f"--out {out} is a symbolic link, which is not replaced: name the {what} itself")
    if not force:
        raise InputError(f"--out {out} exists already; --force replaces what an earlier {kind} wrote")
    if files is None:
        if not stat.S_ISREG(mode):
            what = "is a folder" if stat.S_ISDIR(mode) else "is no ordinary file"
            raise InputError(f"--out {out} {what}, but one file is to be written")
        return
    found = {path.name for path in out.iterdir()} if stat.S_ISDIR(mode) else set()
    # Never remove a file from elsewhere: other commands also write a config.json.
    if not found or found - set(files):
        raise InputError(f"--out {out} was not written by an {kind}, so it is not replaced")


def check_folder(option: str, folder: Path) -> None:
    """Raise `InputError` if ``folder``, which is created if it is missing, can't be written into.

    A link to a folder may be named. Parents that are missing are not an error here.
    """
    mode = _mode(option, folder)
    if mode is None:
        _check_folder_name(option, folder)
        existing = next(path for path in folder.parents if os.path.lexists(path))
        check_parent(option, existing / folder.name)
        return
    if stat.S_ISLNK(mode) and not folder.exists():
        raise InputError(f"{option} {folder} is a symbolic link that leads nowhere: name a folder")
    if not folder.is_dir():
        raise InputError(f"{option} {folder} is {kind_of(folder.stat().st_mode)}; it must be a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{option} {folder} is not writable")


def check_parent(option: str, path: Path) -> None:
    """Raise `InputError` if nothing can be created at ``path`` because of the folder around it."""
    if not path.parent.is_dir():
        raise InputError(f"{option} {path} can't be written: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"{option} {path} can't be written: the folder {path.parent} is not writable")


def _mode(option: str, path: Path) -> int | None:
    """Return the kind of what is at ``path``, links not followed; None if nothing is there."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{option} {path} can't be written: {error.strerror}") from None


def _check_folder_name(option: str, folder: Path) -> None:
    if folder.suffix.lower() in FILE_SUFFIXES:
        raise InputError(f"{option} {folder} is named like a file, but a folder is written: leave out {folder.suffix}")


@contextlib.contextmanager
def temporary_folder(out: Path) -> Iterator[Path]:
    """Create a folder beside ``out`` to fill and move; removes it afterwards.

    Raises `InputError` if that fails, and `FullDiskError` if a file in it can't be written for that reason.
    """
    try:
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=_temporary_prefix(out)))
    except OSError as error:
        raise InputError(f"--out {out} can't be written: {error.strerror}") from None
    with raising_interrupts():
        try:
            yield folder
        except FullDiskError as error:  # which names a file that is to be there in the end
            raise FullDiskError(f"--out {out} can't be written: {str(error).rpartition(': ')[2]}") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _temporary_prefix(out: Path) -> str:
    """Return how the names of temporary folders for ``out`` begin, which are never too long for a file system."""
    if len(out.name) <= _MAX_PREFIX:
        return f".{out.name}-"
    digest = hashlib.sha256(os.fsencode(out.name)).hexdigest()[:8]  # other names may begin alike
    return f".{out.name[:_MAX_PREFIX]}-{digest}-"


def replace_folder(new: Path, out: Path) -> None:
    """Move a folder to ``out``, replacing any existing folder. If this is killed, `check_target` repairs it later."""
    new.chmod(0o755)  # a temporary folder is private
    if out.exists():
        old = new.with_name(f"{new.name}{_ASIDE}")
        os.replace(out, old)
        os.replace(new, out)
        shutil.rmtree(old)
    else:
        os.replace(new, out)


def _put_back(out: Path, files: Collection[str]) -> None:
    """Move a folder that a killed call had put aside back to ``out``, or delete it if its successor is there."""
    for aside in out.parent.glob(f"{glob.escape(_temporary_prefix(out))}{'[a-z0-9_]' * 8}{_ASIDE}"):
        if not aside.is_dir() or {path.name for path in aside.iterdir()} - set(files):
            continue
        new = aside.with_name(aside.name.removesuffix(_ASIDE))
        with contextlib.suppress(OSError):  # another call may be doing the same, or `out` may not be writable
            if not os.path.lexists(out):
                os.replace(aside, out)
                print(f"note: --out {out} was put back: a call was killed while it replaced it", file=sys.stderr)
            else:
                shutil.rmtree(aside)
            shutil.rmtree(new, ignore_errors=True)  # what should have taken its place, if it did not
