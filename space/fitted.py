"""The default space, fitted to the images of a dataset, their number of classes and the budget."""

import math
from typing import Any

from space.errors import InputError
from space.layers import INPUT_SHAPE, Shape
from space.ranges import NUM_CLASSES, ArchitectureRanges, Stage, TrainingRanges
from space.search_space import SearchSpace

LAST_SIDE = 7
"""Side of the maps after the last pool at which the default space does best: 28 pixels, halved twice."""
USUAL_BUDGET = 8_000
"""The budget that the widths of the default space are made for; a larger one allows wider layers."""
MAX_STAGE_WIDTH = 512
_NATURAL = {"augmentation": (0.0, 0.8), "shift": (0.0, 0.125), "brightness": (0.0, 0.2), "contrast": (0.0, 0.2)}
_OF_DATASETS: dict[str, dict[str, Any]] = {"cifar10": {**_NATURAL, "flip": (0.5, 0.5)}, "svhn": _NATURAL}
"""Augmentation of photographs: less turning than of digits, shifts by up to an eighth of the side, other tones."""


def default_space(
    input_shape: Shape = INPUT_SHAPE,
    num_classes: int = NUM_CLASSES,
    budget: int = USUAL_BUDGET,
    *,
    dataset: str = "",
) -> SearchSpace:
    """Return the space that is searched where none is named; for MNIST's images and classes, `SearchSpace.default`.

    The shorter side is halved by pools until it is near `LAST_SIDE`. Widths grow with the square root of the budget,
    as a layer's parameters grow with the square of its width, and the first also with the channels of the images. The
    last layer is at least a quarter as wide as there are classes, as far as the budget allows. Photographs are
    augmented as such, and mirrored, only where ``dataset`` is known to hold some: a folder of images may hold letters.
    Raises `InputError` for images that no net of the space can take.
    """
    usual = SearchSpace.default()
    training = dict(usual.training)
    training |= _OF_DATASETS.get(dataset, {})
    stages = usual.stage
    if (input_shape, num_classes) != (INPUT_SHAPE, NUM_CLASSES):
        stages = _fitted_stages(usual.stage, input_shape, num_classes, budget)
    architecture = dict(usual.architecture) | {"input_shape": input_shape, "num_classes": num_classes}
    try:
        return SearchSpace(
            stage=stages,
            architecture=ArchitectureRanges(**architecture),
            training=TrainingRanges(**training),
        )
    except ValueError as error:
        raise InputError(f"the default space has no net for such images: {error}") from None


def _fitted_stages(usual: tuple[Stage, ...], input_shape: Shape, num_classes: int, budget: int) -> tuple[Stage, ...]:
    channels, *sides = input_shape
    side = min(sides)
    num_pools = max(0, round(math.log2(side / LAST_SIDE)))
    factor = max(1.0, math.sqrt(budget / USUAL_BUDGET))
    last_side = side >> num_pools
    stages = []
    for i in range(num_pools + 1):
        # The first stages are those of the default space, the last one its last; more in between are like its second.
        model = usual[-1] if i == num_pools else usual[min(i, len(usual) - 2)]
        low, high = model.width
        if i == 0 and channels > 1:
            low, high = low + 1, high * 3 // 2
        high = min(MAX_STAGE_WIDTH, round(high * factor))
        if i == num_pools:
            # Its outputs are all that the classifier sees of an image, and cost it one weight for each class.
            low = max(low, min(math.ceil(num_classes / 4), high // 2, budget // (4 * num_classes)))
        unpadded = min(model.unpadded, (last_side - 1) // (model.kernel - 1))
        stages.append(model.model_copy(update={"width": (low, high), "unpadded": unpadded}))
    return tuple(stages)
