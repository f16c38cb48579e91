"""Images of any number of channels as pictures show them: grey or in colours."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", np.uint8, np.float32)


def in_colours(images: NDArray[_Number]) -> NDArray[_Number]:
    """Return (..., height, width, channels) images as (..., height, width, 3) colours.

    Three channels or more begin with red, green and blue; of fewer, the first is the brightness.
    """
    if images.shape[-1] >= 3:
        return images[..., :3]
    return np.repeat(images[..., :1], 3, axis=-1)
