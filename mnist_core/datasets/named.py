"""Datasets that torchvision downloads, beside those in MNIST's layout: EMNIST, CIFAR-10 and SVHN."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_core.datasets.contents import Contents, GrowingArray, Split
from mnist_core.datasets.idx_files import read_idx
from mnist_core.datasets.pictures import fit_pixels
from mnist_core.downloads import download
from mnist_core.processes import succeeds_in_process
from space.errors import InputError
from space.files import has_file, has_folder

DOWNLOAD_SECONDS = 3_600
"""Time after which a download is given up; the largest of these, of EMNIST, has 560 MB."""
AT_ONCE = 5_000


@dataclass(frozen=True)
class Named:
    """A dataset of torchvision."""

    title: str
    files: tuple[str, ...]
    """Paths below a data root that are there once it was downloaded."""
    emnist_set: str | None = None
    """Set of EMNIST, whose IDX files are read; None if torchvision reads the files."""

    @property
    def tops(self) -> list[str]:
        """Names of the files and folders in a data root that hold all."""
        return sorted({Path(file).parts[0] for file in self.files})


def _emnist(name: str) -> Named:
    files = [
        f"EMNIST/raw/emnist-{name}-{part}-{kind}"
        for part in ("train", "test")
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    return Named("EMNIST", tuple(files), name)


NAMED = {
    "emnist-balanced": _emnist("balanced"),
    "emnist-letters": _emnist("letters"),
    "cifar10": Named("CIFAR10", ("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/test_batch")),
    "svhn": Named("SVHN", ("train_32x32.mat", "test_32x32.mat")),
}


def find_named(name: str, roots: Sequence[Path]) -> Path:
    """Return the first root that holds the dataset, downloading it into the first one if none does.

    Raises `InputError` if something else than a file is where one should be, or if it can't be downloaded.
    """
    named = NAMED[name]
    for root in roots:
        if all(_has_file(root, file) for file in named.files):
            return root
    for top in named.tops:
        if os.path.lexists(roots[0] / top):  # a user's own, which a download would replace
            raise InputError(
                f"{roots[0] / top} is there, but not all of {', '.join(named.files)}, which {named.title} has: "
                "complete it, move it away, or name another folder with --data-root"
            )
    _download(name, named, roots[0])
    return roots[0]


def _has_file(root: Path, file: str) -> bool:
    folders = [root / folder for folder in reversed(Path(file).parents)]
    return all(
        has_folder(folder, f"the data root {root}" if folder == root else str(folder)) for folder in folders
    ) and has_file(root / file, str(root / file))


def read_named(name: str, root: Path, scratch: Path, *, size: tuple[int, int] | None, grey: bool) -> Contents:
    """Read a dataset that `find_named` found; ``scratch`` is a folder for arrays that are mapped into memory.

    Raises `InputError` for files that can't be read.
    """
    named = NAMED[name]
    if named.emnist_set is not None:
        return read_idx(root / named.files[0], scratch, size=size, grey=grey)
    # Another process imports torchvision, and with it torch.
    if not succeeds_in_process(_write_arrays, named.title, root, scratch, seconds=DOWNLOAD_SECONDS):
        raise InputError(
            f"{root / named.files[0]} and the files beside it are not those that torchvision downloads: "
            f"restore them, or name another folder with --data-root ({named.title} is downloaded into an empty one)"
        )
    parts = []
    for part in ("train", "test"):
        images = np.load(scratch / f"{part}_images.npy", mmap_mode="r")
        with GrowingArray(scratch / f"{part}.raw") as array:
            for first in range(0, len(images), AT_ONCE):
                array.append(fit_pixels(images[first : first + AT_ONCE], size=size, grey=grey))
            parts.append(Split(array.mapped(), np.load(scratch / f"{part}_labels.npy")))
    class_names = json.loads((scratch / "classes.json").read_text())
    return Contents(parts[0], tuple(class_names), test=parts[1])


def _download(name: str, named: Named, root: Path) -> None:
    """Download a dataset into a root, whole or not at all."""
    advice = (
        f"put {root / named.files[0]} and the files beside it there, or name their place with --data-root or "
        f"SEARCH_DATA_ROOT, or use a folder of your own images in place of {name}"
    )
    download(named.title, root, _fetch_whole, _torchvision_download, named, seconds=DOWNLOAD_SECONDS, advice=advice)


def _fetch_whole(fetch: Callable[[str, Path], None], named: Named, root: Path, temporary: Path) -> None:
    """Fetch the files into a temporary folder, and move them once all are complete."""
    fetch(named.title, temporary)
    assert all((temporary / file).is_file() for file in named.files)
    for top in named.tops:
        os.replace(temporary / top, root / top)


def _torchvision_download(title: str, root: Path) -> None:
    _torchvision_parts(title, root, download=True)


def _torchvision_parts(title: str, root: Path, *, download: bool) -> "dict[str, object]":
    """Return torchvision's training and test set, after comparing the files with their known MD5."""
    import torchvision

    dataset = getattr(torchvision.datasets, title)
    match title:
        case "EMNIST":  # which downloads all its sets at once, and whose files are read without torchvision
            return {"train": dataset(root, split="balanced", train=True, download=download)}
        case "SVHN":
            return {part: dataset(root, split=part, download=download) for part in ("train", "test")}
        case _:
            return {part: dataset(root, train=part == "train", download=download) for part in ("train", "test")}


def _write_arrays(title: str, root: Path, scratch: Path) -> None:
    """Write the images, labels and class names that torchvision reads from its files."""
    parts = _torchvision_parts(title, root, download=False)
    for part, dataset in parts.items():
        images = np.asarray(dataset.data)  # type: ignore[attr-defined]
        if images.shape[1] == 3:  # SVHN has its channels first
            images = images.transpose(0, 2, 3, 1)
        labels = dataset.labels if title == "SVHN" else dataset.targets  # type: ignore[attr-defined]
        np.save(scratch / f"{part}_images.npy", np.ascontiguousarray(images))
        np.save(scratch / f"{part}_labels.npy", np.asarray(labels, np.int64))
    classes = getattr(parts["train"], "classes", None) or [str(digit) for digit in range(10)]
    (scratch / "classes.json").write_text(json.dumps(list(classes)))
