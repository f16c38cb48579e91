"""A dataset as training takes it: training and validation images, what is known of them, and checks of both."""

from dataclasses import dataclass

import numpy as np

from mnist_core.datasets.contents import Split
from mnist_core.datasets.sources import ImageSource
from space.errors import InputError
from space.layers import Shape


@dataclass(frozen=True)
class Dataset:
    name: str
    train: Split
    validation: Split
    mean: float
    """Mean of the training split's pixels, of all channels together, scaled to 0..1."""
    std: float
    sha256: str
    """SHA-256 of the images and labels before the split."""
    class_names: tuple[str, ...]
    """Name of the class of each label."""
    source: ImageSource | None = None
    """Where images of one's own are read from; None for the datasets that the program knows by a name."""
    num_test: int = 0
    """Number of sealed test images, where it is known without opening the test set."""
    notes: tuple[str, ...] = ()
    """What was converted or left out when images of one's own were read."""
    cautions: tuple[str, ...] = ()
    """What may make accuracies on images of one's own misleading, such as images that are in two parts."""

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def input_shape(self) -> Shape:
        """(channels, height, width) of the images."""
        _, height, width, channels = self.train.images.shape
        return channels, height, width

    @property
    def warnings(self) -> list[str]:
        """The cautions, and a sentence for the training and validation images each, if a class is missing from them."""
        parts = (
            (f"training images of {self.name}", self.train),
            (f"validation images of {self.name}", self.validation),
        )
        missing = [line for what, split in parts for line in warnings_of(split, what, self.num_classes)]
        return [*self.cautions, *missing]


def warnings_of(split: Split, what: str, num_classes: int) -> list[str]:
    """Return a sentence if a class is missing from ``split``; ``what`` names it, such as "test images of mnist"."""
    missing = [str(label) for label in sorted(set(range(num_classes)) - set(split.labels.tolist()))]
    noun = "class" if len(missing) == 1 else "classes"
    return [f"the {what} hold none of {noun} {', '.join(missing)}"] if missing else []


def check_usable(what: str, split: Split, purpose: str) -> None:
    """Raise `InputError` for images from which nothing can be learnt, or with which nothing can be measured."""
    if len(split) < 2:
        raise InputError(f"there is 1 image among the {what}: it takes 2 to {purpose} anything")
    # Another value is mostly found at once; all of a large dataset that is mapped into memory would take seconds.
    if all((part == split.images[0, 0, 0, 0]).all() for part in np.array_split(split.images, len(split) // 1000 + 1)):
        raise InputError(f"every pixel of the {what} has the same value: there is nothing to {purpose}")
    labels = np.unique(split.labels)
    if len(labels) < 2:
        raise InputError(f"all {what} are of class {labels[0]}: it takes two classes to {purpose} anything")


def stratified(split: Split, size: int, generator: np.random.Generator) -> tuple[Split, Split]:
    """Draw ``size`` images, keeping class proportions to within one image; returns the drawn and the rest, in order."""
    labels = np.unique(split.labels)
    classes = [generator.permutation(np.flatnonzero(split.labels == label)) for label in labels]
    shares = np.array([len(members) for members in classes]) * (size / len(split))
    counts = np.floor(shares).astype(int)
    # The classes with the largest remainders get the images that rounding down left over.
    counts[np.argsort(counts - shares, kind="stable")[: size - counts.sum()]] += 1
    drawn = np.zeros(len(split), dtype=bool)
    for members, count in zip(classes, counts, strict=True):
        drawn[members[:count]] = True
    return Split(split.images[drawn], split.labels[drawn]), Split(split.images[~drawn], split.labels[~drawn])
