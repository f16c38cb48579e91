"""The validation images of a study, where they are at hand, to show mistakes by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import find_present_root, known_class_names, load_dataset
from mnist_core.datasets.sources import ImageSource
from mnist_core.datasets.unpacking import find_unpacked
from search.models.shown import in_colours
from search.pages.content import image_uri
from space.errors import SearchError

NUM_SHOWN = 24
"""Number of mistakes that are shown of a net."""


@dataclass(frozen=True, eq=False)
class ImagesAtHand:
    """The validation images of a study: nothing was downloaded or unpacked for them."""

    images: NDArray[np.uint8]
    """(N, height, width, channels) bytes."""
    class_names: tuple[str, ...]

    def show(self, mistakes: Sequence[tuple[int, int, int]]) -> list[dict[str, Any]]:
        """Return the first mistakes as pictures, which look as the images do in the data."""
        return [
            {"label": label, "said": said, "image": image_uri(in_colours(self.images[index]))}
            for index, label, said in mistakes[:NUM_SHOWN]
            if index < len(self.images)
        ]


def find_images(fingerprint: dict[str, Any]) -> ImagesAtHand | None:
    """Return the validation images that a study was judged by, or None where they are not on this machine."""
    try:
        if "source" in fingerprint:
            source = ImageSource.from_json(fingerprint["source"])
            folder = find_unpacked(fingerprint["dataset_sha256"])
            data = None if folder is None else load_dataset(source, folder)
        else:
            name = fingerprint["dataset"]
            root = None if name == "digits" else find_present_root(name, None)
            data = None if root is None and name != "digits" else load_dataset(name, root)
    except (SearchError, OSError, ValueError, KeyError):
        return None  # files that are damaged, or no longer what they were, are not at hand
    if data is None or data.sha256 != fingerprint.get("dataset_sha256"):
        return None
    return ImagesAtHand(data.validation.images, data.class_names)


def class_names_of(fingerprint: dict[str, Any], num_classes: int, images: ImagesAtHand | None) -> tuple[str, ...]:
    if images is not None:
        return images.class_names
    return known_class_names(str(fingerprint.get("dataset")), num_classes)
