"""What is said of the images of a search or a training before it begins."""

from collections.abc import Sequence

import numpy as np

from mnist_core.data import Dataset

MAX_LISTED = 20
"""Largest number of classes whose images are counted one by one."""


def describe_data(data: Dataset) -> list[str]:
    """Return lines about images of one's own: how many each class has in each part, and what was converted.

    Of the datasets that come with the program nothing needs to be said.
    """
    if data.source is None:
        return []
    channels, height, width = data.input_shape
    kind = "grey" if channels == 1 else "colour"
    return [
        f"{data.name}: {len(data.train):,} training, {len(data.validation):,} validation and {data.num_test:,} sealed "
        f"test images of {height}x{width} pixels (height x width), {kind}, {data.num_classes} classes",
        f"training images of each class: {_counts(data.class_names, np.bincount(data.train.labels).tolist())}",
        *data.notes,
    ]


def _counts(names: Sequence[str], counts: Sequence[int]) -> str:
    if len(names) > MAX_LISTED:
        few, many = min(range(len(counts)), key=counts.__getitem__), max(range(len(counts)), key=counts.__getitem__)
        return f"from {counts[few]:,} ({names[few]}) to {counts[many]:,} ({names[many]})"
    return ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
