"""Writing files whole or not at all."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from space.errors import FullDiskError, UnwritableFileError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def sync(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes, *, survives_power_cut: bool = True) -> None:
    """Write a file that is never seen half written.

    If it need not survive a power cut, only the death of any process, then this does not wait for the disk.

    Raises `FullDiskError`, and `UnwritableFileError`, which is an `InputError`; both are an `OSError`.
    """
    # Not longer than the name itself may be: file systems take 255 bytes.
    temporary = path.with_name(f".{path.name[:32]}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if survives_power_cut:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        kind = FullDiskError if error.errno in _FULL else UnwritableFileError
        raise kind(f"{path} can't be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
