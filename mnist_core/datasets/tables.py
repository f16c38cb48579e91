"""A CSV file, plain or gzip, with a column of labels and a column for each pixel of a grey image."""

import csv
import gzip
import itertools
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import Contents, GrowingArray, Split, check_labels, check_size
from mnist_core.datasets.pictures import fit_pixels
from space.errors import InputError

LABEL_COLUMN = "label"
LINES_AT_ONCE = 2_000


def read_table(path: Path, scratch: Path, *, size: tuple[int, int] | None) -> Contents:
    """Read a CSV file; ``scratch`` is a folder for arrays that are mapped into memory.

    The column of labels is called label; without a line of names it is the first. As many other columns as ``size`` has
    pixels are an image of that height and width; otherwise their number must be a square, and ``size`` is what images
    are stretched to. Raises `InputError` for rows of different lengths, labels and pixels that are no whole numbers,
    and pixels that are no bytes.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return _read(path, file, scratch, size)
    except UnicodeDecodeError:
        raise InputError(f"{path} can't be read as CSV: it is not text in UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} can't be read as gzip: {error}") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None


def _read(path: Path, file: TextIO, scratch: Path, size: tuple[int, int] | None) -> Contents:
    lines: Iterator[tuple[int, str]] = enumerate(file, start=1)
    first = next(lines, (0, ""))[1].lstrip("\ufeff")
    if not first.strip():
        raise InputError(f"{path} holds no row, or begins with an empty line")
    names = next(csv.reader([first]), [])
    has_names = not all(re.fullmatch(r"\s*-?[0-9.]+\s*", name) for name in names)
    column = _label_column(path, names) if has_names else 0
    height, width = _arrangement(path, len(names) - 1, size)
    check_size(*(size or (height, width)), 1, 1, str(path))
    if not has_names:
        lines = itertools.chain([(1, first)], lines)
    labels = [np.zeros(0, np.int64)]
    with GrowingArray(scratch / "images.raw") as array:
        for of_rows, pixels in _rows(path, lines, len(names), column):
            labels.append(of_rows)
            array.append(fit_pixels(pixels.reshape(-1, height, width, 1), size=size, grey=True))
            check_size(*(size or (height, width)), 1, sum(map(len, labels)), str(path))
        whole = np.concatenate(labels)
        if not len(whole):
            raise InputError(f"{path} holds no row")
        num_classes = check_labels(whole, str(path))
        return Contents(Split(array.mapped(), whole), tuple(map(str, range(num_classes))))


def _label_column(path: Path, names: list[str]) -> int:
    found = [position for position, name in enumerate(names) if name.strip().lower() == LABEL_COLUMN]
    if len(found) != 1:
        has = "several columns" if found else "no column"
        raise InputError(f"{path} has {has} called {LABEL_COLUMN!r}: it takes one, and a column for each pixel")
    return found[0]


def _arrangement(path: Path, num_pixels: int, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the height and width of an image with this number of pixels."""
    if size is not None and size[0] * size[1] == num_pixels:
        return size
    side = math.isqrt(max(0, num_pixels))
    if not num_pixels > 0 or side**2 != num_pixels:
        raise InputError(
            f"{path} has {num_pixels:,} columns of pixels, which is not the area of a square: "
            "--image-size HEIGHTxWIDTH says how they are arranged"
        )
    return side, side


def _rows(
    path: Path, lines: Iterator[tuple[int, str]], num_columns: int, label_column: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Yield the labels and the (n, pixels) bytes of some lines at a time."""
    while taken := list(itertools.islice(lines, LINES_AT_ONCE)):
        some = [(number, line) for number, line in taken if line.strip()]
        if not some:
            continue
        for number, line in some:
            if line.count(",") + 1 != num_columns:
                raise InputError(
                    f"{path}, line {number} has {line.count(',') + 1:,} columns, and the first line {num_columns:,}"
                )
        try:
            values = np.loadtxt([line for _, line in some], np.int64, delimiter=",", quotechar='"', ndmin=2)
        except ValueError:
            raise _not_whole(path, some) from None
        pixels = np.delete(values, label_column, axis=1)
        odd = (pixels < 0) | (pixels > 255)
        if odd.any():
            row, place = np.argwhere(odd)[0].tolist()
            raise InputError(
                f"{path}, line {some[row][0]} holds the pixel {pixels[row, place]}: pixels are from 0 to 255"
            )
        yield values[:, label_column], pixels.astype(np.uint8)


def _not_whole(path: Path, some: list[tuple[int, str]]) -> InputError:
    """Return the error for the first value that is no whole number."""
    for number, line in some:
        for value in next(csv.reader([line])):
            if not re.fullmatch(r"\s*[+-]?\d+\s*", value):
                return InputError(
                    f"{path}, line {number} holds {value.strip()[:20]!r}: labels and pixels must be whole numbers"
                )
    return InputError(f"{path} can't be read as CSV of whole numbers")
