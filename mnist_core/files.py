"""Writing files whole or not at all."""

import os
from pathlib import Path

from space.errors import UnwritableFileError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half written, not even after a power cut.

    Raises `UnwritableFileError`, which is an `InputError` and an `OSError`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UnwritableFileError(f"{path} can't be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
