"""The images that a user names: which they are, of which kind, and how they are read."""

import difflib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from mnist_core.data_files import DATASET_NAMES
from mnist_core.datasets import idx_files
from mnist_core.datasets.archives import read_archive
from mnist_core.datasets.contents import MAX_SIDE, Contents
from mnist_core.datasets.folders import files_of as files_of_folder
from mnist_core.datasets.folders import read_folder
from mnist_core.datasets.named import NAMED, find_named, read_named
from mnist_core.datasets.tables import read_table
from space.errors import InputError
from space.files import has_folder_or_file

MAX_NAME = 60


class Kind(StrEnum):
    FOLDERS = "class folders"
    ARCHIVE = ".npz"
    TABLE = "CSV"
    IDX = "IDX files"
    NAMED = "torchvision"


@dataclass(frozen=True)
class ImageSource:
    """Images of one's own, or a dataset that torchvision downloads, with the options that say how they are read."""

    location: str
    """Absolute path of a folder or file, or a name in `NAMED`."""
    image_size: tuple[int, int] | None = None
    """Height and width in pixels that images are stretched to; None keeps theirs."""
    grey: bool = False
    skip_corrupt: bool = False

    @property
    def name(self) -> str:
        """A short name for messages and studies, such as cats for /data/cats or /data/cats.npz."""
        if self.location in NAMED:
            return self.location
        path = Path(self.location)
        name = path.parent.name if path.name == "raw" else path.name
        name = re.sub(r"[^\w.-]+", "-", re.sub(r"(\.npz|\.csv|\.gz)+$|-ubyte.*$", "", name)).strip("-.")[:MAX_NAME]
        return f"{name or 'own'}-images" if not name or name in (*DATASET_NAMES, *NAMED) else name

    @property
    def conversions(self) -> list[str]:
        """The conversions in words, such as 24x32 and grey, for the names of studies."""
        size = [] if self.image_size is None else [f"{self.image_size[0]}x{self.image_size[1]}"]
        return [*size, *(["grey"] if self.grey else [])]

    def __str__(self) -> str:
        return self.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Raises ValueError for values that `to_json` did not return."""
        try:
            size = values["image_size"]
            source = cls(
                values["location"], None if size is None else (size[0], size[1]), values["grey"], values["skip_corrupt"]
            )
        except (TypeError, KeyError, IndexError):
            raise ValueError(f"{values!r} is no source of images") from None
        if not isinstance(source.location, str):
            raise ValueError(f"{values!r} is no source of images")
        return source


AnyDataset = str | ImageSource
"""A dataset in `DATASET_NAMES` by its name, or images of one's own."""


def parse_source(
    text: str, *, image_size: str | None = None, grey: bool = False, skip_corrupt: bool = False
) -> AnyDataset:
    """Return what ``--dataset`` names: a dataset in `DATASET_NAMES` by its name, everything else as a source.

    Raises `InputError` for a word that is neither a name nor a path, for a path of something else than a folder or a
    file, and for options that don't fit it.
    """
    size = None if image_size is None else _parse_size(image_size)
    options = {"--image-size": image_size is not None, "--grey": grey, "--skip-corrupt": skip_corrupt}
    if text in DATASET_NAMES:
        if given := [option for option, is_given in options.items() if is_given]:
            raise InputError(f"{given[0]} is for images of your own: {text} is read as it is")
        return text
    if text in NAMED:
        return ImageSource(text, size, grey, skip_corrupt)
    path = Path(text)
    with suppress(RuntimeError):  # there is no such user
        path = path.expanduser()
    if not text or not has_folder_or_file(path, f"--dataset {text}"):
        names = (*DATASET_NAMES, *NAMED)
        close = difflib.get_close_matches(text, names, n=2, cutoff=0.6)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise InputError(
            f"--dataset must be one of {', '.join(names)}, or a folder or file that exists, not {text!r}{hint}"
        )
    return ImageSource(str(path.resolve()), size, grey, skip_corrupt)


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= min(size) <= max(size) <= MAX_SIDE:
        raise InputError(
            "--image-size must be a number of pixels such as 32, or HEIGHTxWIDTH such as 24x32, of at most "
            f"{MAX_SIDE}, not {text!r}"
        )
    return size


def kind_of(source: ImageSource) -> Kind:
    """Raises `InputError` if the source is gone, or of no kind that can be read."""
    if source.location in NAMED:
        return Kind.NAMED
    path = Path(source.location)
    if not has_folder_or_file(path, f"--dataset {path}"):
        raise InputError(f"--dataset {path} can't be read: No such file or directory")
    if path.is_dir():
        try:
            has_idx = any(idx_files.is_idx_name(entry.name) and not entry.is_dir() for entry in path.iterdir())
        except OSError as error:
            raise InputError(f"--dataset {path} can't be read: {error.strerror}") from None
        return Kind.IDX if has_idx else Kind.FOLDERS
    if idx_files.is_idx_name(path.name):
        return Kind.IDX
    if path.suffix == ".npz":
        return Kind.ARCHIVE
    if path.name.endswith((".csv", ".csv.gz")):
        return Kind.TABLE
    raise InputError(
        f"--dataset {path} is of no kind that can be read: name a folder of class folders, an .npz file, a .csv or "
        ".csv.gz file, or IDX files such as train-images-idx3-ubyte"
    )


def files_of(source: ImageSource, kind: Kind, roots: Sequence[Path]) -> list[Path]:
    """Return all files that a source is read from. Raises `InputError` if some are missing.

    A named dataset is sought in ``roots``, and downloaded into the first one if it is in none.
    """
    path = Path(source.location)
    match kind:
        case Kind.FOLDERS:
            return files_of_folder(path)
        case Kind.IDX:
            return [file for pair in idx_files.files_of(path).values() for file in (pair.images, pair.labels)]
        case Kind.NAMED:
            root = find_named(source.location, roots)
            return [root / file for file in NAMED[source.location].files]
        case _:
            return [path]


def read_contents(source: ImageSource, kind: Kind, roots: Sequence[Path], scratch: Path) -> Contents:
    """Read all images of a source; ``scratch`` is a folder for arrays that are mapped into memory."""
    path, size, grey = Path(source.location), source.image_size, source.grey
    if source.skip_corrupt and kind != Kind.FOLDERS:
        raise InputError(f"--skip-corrupt is for folders of image files, not for {kind}")
    match kind:
        case Kind.FOLDERS:
            return read_folder(path, scratch, size=size, grey=grey, skip_corrupt=source.skip_corrupt)
        case Kind.IDX:
            return idx_files.read_idx(path, scratch, size=size, grey=grey)
        case Kind.ARCHIVE:
            return read_archive(path, scratch, size=size, grey=grey)
        case Kind.TABLE:
            return read_table(path, scratch, size=size)
        case Kind.NAMED:
            return read_named(source.location, find_named(source.location, roots), scratch, size=size, grey=grey)
