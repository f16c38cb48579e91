"""Class folders: DIR/cat/*.png and so on, or the same below DIR/train, DIR/test and, if there is one, DIR/val."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_core.datasets.contents import MAX_CLASSES, Contents, GrowingArray, Split, check_size
from mnist_core.datasets.pictures import SUFFIXES, DamagedImageError, Header, read_header, read_picture
from space.errors import InputError

PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
"""Names of the folders of parts, in which class folders lie."""


@dataclass(frozen=True)
class _File:
    part: str
    path: Path
    label: int


@dataclass(frozen=True)
class _Listing:
    """The image files of a folder, before any of them is opened."""

    root: Path
    class_names: tuple[str, ...]
    files: tuple[_File, ...]
    remarks: tuple[str, ...]


def read_folder(root: Path, scratch: Path, *, size: tuple[int, int] | None, grey: bool, skip_corrupt: bool) -> Contents:
    """Read the images of class folders; ``scratch`` is a folder for arrays that are mapped into memory.

    ``size`` is the height and width that they are stretched to. Raises `InputError` for a folder that holds fewer than
    two classes, a class without images, images that differ in size without ``size``, and, unless ``skip_corrupt``, an
    image that can't be decoded.
    """
    listing = _list_files(root)
    headers, damaged = _read_headers(listing.files, skip_corrupt=skip_corrupt)
    height, width = _size_of(headers, root) if size is None else size
    channels = 3 if not grey and any(header.is_colour for _, header in headers) else 1
    check_size(height, width, channels, len(headers), str(root))
    remarks = [*listing.remarks, *_conversions(headers, channels=channels, grey=grey)]
    parts = {}
    for part in PARTS:
        labels = []
        with GrowingArray(scratch / f"{part}.raw") as array:
            for file, _ in headers:
                if file.part != part:
                    continue
                try:
                    pixels = read_picture(file.path, size=size, channels=channels)
                    if pixels.shape[:2] != (height, width):
                        raise DamagedImageError(f"{file.path} has another size than its header says")
                except DamagedImageError as error:
                    _note_damaged(error, file, damaged, skip_corrupt=skip_corrupt)
                    continue
                array.append(pixels[np.newaxis])
                labels.append(file.label)
            if labels:
                parts[part] = Split(array.mapped(), np.array(labels, np.int64))
    if damaged:
        remarks.append(
            f"{len(damaged):,} damaged image{'s are' if len(damaged) > 1 else ' is'} left out: {damaged[0]}"
            f"{' and others' if len(damaged) > 1 else ''}"
        )
    _check_classes(listing, parts)
    return Contents(
        parts["train"], listing.class_names, parts.get("validation"), parts.get("test"), remarks=tuple(remarks)
    )


def files_of(root: Path) -> list[Path]:
    """Return the image files of class folders. Raises `InputError` as `read_folder` does, without opening any."""
    return [file.path for file in _list_files(root).files]


def _list_files(root: Path) -> _Listing:
    folders = _folders_in(root)
    given = _part_folders(root, folders)
    classes = {part: _folders_in(folder) for part, folder in given.items()}
    names = _sorted_names({folder.name for folder in classes["train"]})
    train = given["train"]
    if len(names) < 2:
        found = f"one class folder, {names[0]!r}" if names else "no class folders"
        raise InputError(f"{train} holds {found}: it takes one folder for each class, such as {train / 'cat'}, and two")
    if len(names) > MAX_CLASSES:
        raise InputError(
            f"{train} holds {len(names):,} class folders; at most {MAX_CLASSES:,} classes can be told apart"
        )
    files: list[_File] = []
    others: list[Path] = []
    for part, in_part in classes.items():
        for folder in sorted(in_part, key=lambda folder: names.index(folder.name) if folder.name in names else -1):
            if folder.name not in names:
                raise InputError(f"{folder} is a class of which {train} has no folder: a net can't learn it")
            images, rest = _files_in(folder)
            if not images:
                raise InputError(
                    f"the class folder {folder} holds no image that ends in {', '.join(SUFFIXES)}: delete it, or put "
                    "its images there"
                )
            files += [_File(part, path, names.index(folder.name)) for path in images]
            others += rest
    remarks = []
    if others:
        are = "is not read, since it is" if len(others) == 1 else "are not read, since they are"
        remarks.append(
            f"{len(others):,} entr{'y' if len(others) == 1 else 'ies'} of class folders {are} no "
            f"{', '.join(suffix[1:] for suffix in SUFFIXES)}: {others[0]}{' and others' if len(others) > 1 else ''}"
        )
    return _Listing(root, tuple(names), tuple(files), tuple(remarks))


def _folders_in(root: Path) -> list[Path]:
    return sorted(entry for entry in _entries(root) if entry.is_dir())


def _entries(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} can't be read: {error.strerror}") from None
    return (folder / name for name in names)


def _files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the image files of a class folder in the order of their names, and everything else in it."""
    images: list[Path] = []
    others: list[Path] = []
    for path in _entries(folder):
        (images if path.suffix.lower() in SUFFIXES else others).append(path)
    return images, others


def _part_folders(root: Path, folders: Sequence[Path]) -> dict[str, Path]:
    """Return the folder of each part that is given; without parts, ``root`` holds the class folders itself.

    A folder called train is that of a class if it holds images.
    """
    named = {folder.name.lower(): folder for folder in folders}
    train = named.get("train")
    if train is None or not _folders_in(train) or _files_in(train)[0]:
        return {"train": root}
    given = {}
    for part, aliases in PARTS.items():
        found = [named[alias] for alias in aliases if alias in named]
        if len(found) > 1:
            raise InputError(f"{root} holds both {found[0].name} and {found[1].name}: keep one for validation images")
        if found:
            given[part] = found[0]
    return given


def _sorted_names(names: set[str]) -> list[str]:
    """Sort names of classes, as numbers if all of them are."""
    if all(name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _read_headers(files: Sequence[_File], *, skip_corrupt: bool) -> tuple[list[tuple[_File, Header]], list[Path]]:
    headers: list[tuple[_File, Header]] = []
    damaged: list[Path] = []
    for file in files:
        try:
            headers.append((file, read_header(file.path)))
        except DamagedImageError as error:
            _note_damaged(error, file, damaged, skip_corrupt=skip_corrupt)
    return headers, damaged


def _note_damaged(error: InputError, file: _File, damaged: list[Path], *, skip_corrupt: bool) -> None:
    if not skip_corrupt:
        raise InputError(f"{error}; --skip-corrupt leaves such images out and counts them") from None
    damaged.append(file.path)


def _size_of(headers: Sequence[tuple[_File, Header]], root: Path) -> tuple[int, int]:
    """Return the height and width that all images share. Raises `InputError` if they don't."""
    sizes = Counter((header.height, header.width) for _, header in headers)
    if not sizes:
        raise InputError(f"{root} holds no image that can be decoded")
    (height, width), _ = sizes.most_common(1)[0]
    odd = [(file, header) for file, header in headers if (header.height, header.width) != (height, width)]
    if odd:
        file, header = odd[0]
        raise InputError(
            f"images must agree in size: {len(odd):,} of {len(headers):,} are not of {height}x{width} pixels (height x "
            f"width), such as {file.path} of {header.height}x{header.width}; --image-size {height}x{width} stretches "
            "all to one size"
        )
    return height, width


def _conversions(headers: Sequence[tuple[_File, Header]], *, channels: int, grey: bool) -> Iterator[str]:
    """Yield a sentence about each kind of conversion, with the number of images and one of them."""
    kinds: dict[str, list[Path]] = {}
    for file, header in headers:
        if header.conversion is not None:
            kinds.setdefault(header.conversion, []).append(file.path)
        if channels == 3 and not header.is_colour:
            kinds.setdefault("grey images among colour ones become RGB (--grey makes all grey)", []).append(file.path)
    for conversion, paths in kinds.items():
        yield f"{conversion}: {len(paths):,} of {len(headers):,} images, such as {paths[0]}"


def _check_classes(listing: _Listing, parts: dict[str, Split]) -> None:
    """Raise `InputError` if no image of a class or of a part was left, since all were damaged."""
    train = parts.get("train")
    present = set() if train is None else set(np.unique(train.labels).tolist())
    for label, name in enumerate(listing.class_names):
        if label not in present:
            raise InputError(f"all images of class {name!r} in {listing.root} are damaged")
    for part in PARTS:
        if part not in parts and any(file.part == part for file in listing.files):
            raise InputError(f"all {part} images in {listing.root} are damaged")
