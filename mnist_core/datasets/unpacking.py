"""Images of one's own, unpacked once into a cache folder that is named by a hash of them, and opened from there.

The folder holds the training images followed by the validation images in one array that any number of processes map
into memory, the sealed test images in another, and what is known of them in a JSON file.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.cache import cache_folder
from mnist_core.datasets.contents import Contents, GrowingArray, pixel_statistics
from mnist_core.datasets.parting import Part, part_images, warnings_of_parts
from mnist_core.datasets.sources import ImageSource, files_of, kind_of, read_contents
from mnist_core.files import sync, write_whole
from space.errors import InputError, SearchFailedError

VERSION = 1
"""Version of the folder's files and of the split; it is part of every hash."""
ABOUT_FILE = "about.json"
IMAGES_FILE, LABELS_FILE = "images.npy", "labels.npy"
TEST_IMAGES_FILE, TEST_LABELS_FILE, SEALED_FILE = "test-images.npy", "test-labels.npy", "sealed.npy"
AT_ONCE = 2_000
_TEMPORARY = ".unpacking-"
_LONGEST_SECONDS = 24 * 3_600
"""Age from which a temporary folder is taken for one that was left behind."""


@dataclass(frozen=True)
class About:
    """What is known of unpacked images."""

    sha256: str
    """Hash of all images, their parts, labels and class names, whatever the names and the order of their files are."""
    class_names: tuple[str, ...]
    num_train: int
    num_validation: int
    num_test: int
    train_statistics: tuple[float, float]
    """Mean and standard deviation of the training pixels, scaled to 0..1."""
    all_but_test_statistics: tuple[float, float]
    """Those of the training and validation pixels together."""
    notes: tuple[str, ...]
    """What was converted or left out."""
    warnings: tuple[str, ...]
    """What may make accuracies misleading, such as images that are in two parts."""


def unpack(source: ImageSource, roots: Sequence[Path], tell: Callable[[str], None]) -> Path:
    """Return the cache folder with a source's images, reading them if they are new or changed.

    ``roots`` are data roots for named datasets; ``tell`` is given a line before something that takes long. Raises
    `InputError` for a source that can't be used, before anything is kept, and `SearchFailedError` for a full disk.
    """
    kind = kind_of(source)
    files = files_of(source, kind, roots)
    key = _key_of(source, files)
    cache = cache_folder() / "datasets"
    link = cache / "sources" / f"{key}.json"
    if folder := _linked(link):
        return folder
    tell(f"reading {source.location} once into {cache}")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(cache)
        temporary = Path(tempfile.mkdtemp(dir=cache, prefix=_TEMPORARY))
    except OSError as error:
        raise InputError(
            f"the cache {cache} can't be written: {error.strerror} (SEARCH_CACHE_DIR names another)"
        ) from None
    try:
        scratch = temporary / "scratch"
        scratch.mkdir()
        contents = read_contents(source, kind, roots, scratch)
        folder = _write(contents, source, temporary, cache)
        link.parent.mkdir(exist_ok=True)
        write_whole(link, json.dumps({"sha256": folder.name, "location": source.location}).encode())
    except OSError as error:
        raise SearchFailedError(f"the cache {cache} can't be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _remove_left_behind(cache: Path) -> None:
    """Remove what processes that were killed while they unpacked have left."""
    for folder in cache.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):  # another process may remove it too
            if time.time() - folder.stat().st_mtime > _LONGEST_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def find_unpacked(sha256: str) -> Path | None:
    """Return the cache folder of images with this hash, if there is one."""
    folder = cache_folder() / "datasets" / sha256
    return folder if (folder / ABOUT_FILE).is_file() else None


def read_about(folder: Path) -> About:
    """Raises `InputError` if the folder is damaged."""
    try:
        values = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
        # A file may hold more: earlier versions counted the test images of each class.
        known: Any = {field.name: values[field.name] for field in fields(About)}
        known |= {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        return About(**known)
    except (OSError, ValueError, TypeError, KeyError):
        raise _damaged(folder) from None


def map_array(folder: Path, name: str) -> NDArray[Any]:
    """Return an array of a cache folder, mapped into memory, which processes share as long as they only read it.

    Raises `InputError` if the folder is damaged.
    """
    try:
        return np.load(folder / name, mmap_mode="c")  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError):
        raise _damaged(folder) from None


def _damaged(folder: Path) -> InputError:
    return InputError(f"the cache folder {folder} is damaged: delete it, and it is made again")


def _key_of(source: ImageSource, files: Sequence[Path]) -> str:
    """Return a hash of the options and of the names, sizes and times of change of all files."""
    digest = hashlib.sha256(json.dumps([VERSION, source.to_json()], sort_keys=True).encode())
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror}") from None
        digest.update(f"{os.fspath(path)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _linked(link: Path) -> Path | None:
    try:
        return find_unpacked(str(json.loads(link.read_text())["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(contents: Contents, source: ImageSource, temporary: Path, cache: Path) -> Path:
    """Write the files of a cache folder, and move it to its place; returns that."""
    parts = part_images(contents, source.location)
    sha256 = _hash(contents, parts)
    folder, target = temporary / sha256, cache / sha256
    if (target / ABOUT_FILE).is_file():
        return target
    folder.mkdir()
    _write_images(folder / IMAGES_FILE, [parts["train"], parts["validation"]])
    _write_images(folder / TEST_IMAGES_FILE, [parts["test"]])
    np.save(folder / LABELS_FILE, np.concatenate([parts["train"].labels, parts["validation"].labels]))
    np.save(folder / TEST_LABELS_FILE, parts["test"].labels)
    np.save(folder / SEALED_FILE, parts["test"].digests)
    images, num_train = map_array(folder, IMAGES_FILE), len(parts["train"].labels)
    about = About(
        sha256=sha256,
        class_names=contents.class_names,
        num_train=num_train,
        num_validation=len(parts["validation"].labels),
        num_test=len(parts["test"].labels),
        train_statistics=pixel_statistics(images[:num_train]),
        all_but_test_statistics=pixel_statistics(images),
        notes=contents.remarks,
        warnings=tuple(warnings_of_parts(parts)),
    )
    (folder / ABOUT_FILE).write_text(json.dumps(vars(about), indent=2), encoding="utf-8")
    for file in folder.iterdir():  # the link to them survives a power cut, so they must
        sync(file)
    if (target / ABOUT_FILE).is_file():  # another process was quicker
        return target
    shutil.rmtree(target, ignore_errors=True)  # where an earlier version was cut off
    try:
        os.replace(folder, target)
    except OSError:
        if not (target / ABOUT_FILE).is_file():  # another process was quicker still
            raise
    return target


def _write_images(path: Path, parts: Sequence[Part]) -> None:
    """Write the images of some parts, one after another, as an .npy file."""
    shape = (sum(len(part.labels) for part in parts), *parts[0].split.images.shape[1:])
    with GrowingArray(path) as array:
        array.begin_npy(shape)
        for part in parts:
            for first in range(0, len(part.positions), AT_ONCE):
                array.append(part.split.images[part.positions[first : first + AT_ONCE]])


def _hash(contents: Contents, parts: dict[str, Part]) -> str:
    names = json.dumps([VERSION, contents.class_names, contents.train.images.shape[1:]])
    digest = hashlib.sha256(names.encode())
    for name, part in parts.items():
        digest.update(f"{name} {len(part.labels)}".encode())
        digest.update(np.ascontiguousarray(part.digests).data)
        digest.update(part.labels.astype("<i8").data)
    return digest.hexdigest()
