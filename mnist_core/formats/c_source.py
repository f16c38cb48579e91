"""Trained models as C99 that computes in floats: a header and a source without any library (docs/model-files.md).

BatchNorm is folded into the convolution before it; if ReLU stands between the two, a scale and a shift for each channel
remain. A pool is merged into the convolution before it, so that the values before pooling are never stored. Of a
separable convolution the depthwise values are stored for one place at a time.
"""

from collections.abc import Iterator

import numpy as np
import torch

from mnist_core.augmentation import normalise
from mnist_core.checkpoint import Checkpoint, restore_model
from mnist_core.data import Split
from mnist_core.formats.c_layers import CLayer, fold_layers
from mnist_core.formats.c_model import NUM_EXAMPLES, SOURCE_FILE, CModel, c_number, fill, number_lines, render_header
from space.summary import BYTES_PER_VALUE, peak_activation_bytes

TOLERANCE = 1e-4
"""Tolerance of the self-test, relative to an image's largest logit; single precision deviates by about 1e-6."""
_LAYER_BYTES = 40
"""Size of a row of the layer table: five int32_t, five int16_t and seven uint8_t, and what aligns the next row."""


def export_c(checkpoint: Checkpoint, examples: Split) -> CModel:
    """Generate the header and source of ``int model_predict(pixels, logits)``, which computes in floats.

    The self-test compares with PyTorch on the first of ``examples``. The same model and examples give the same text.
    Raises `InputError` if the model holds numbers that are not finite.
    """
    architecture = checkpoint.candidate.architecture
    layers = fold_layers(checkpoint)
    flash_bytes = sum(layer.all_weights.nbytes + layer.constants.nbytes + _LAYER_BYTES for layer in layers)
    ram_bytes = peak_activation_bytes(architecture)
    header = render_header(
        checkpoint,
        arithmetic="floats",
        logit_type="float",
        logits="",
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
    )
    source = fill(
        SOURCE_FILE,
        notation=architecture,
        any_separable=int(any(layer.depthwise is not None for layer in layers)),
        num_weights=sum(layer.all_weights.size for layer in layers),
        weight_lines=number_lines((layer.token, layer.all_weights) for layer in layers),
        num_constants=sum(layer.constants.size for layer in layers),
        constant_lines=number_lines((layer.token, layer.constants) for layer in layers),
        num_layers=len(layers),
        layer_lines="\n".join(_table(layers)),
        num_activations=ram_bytes // BYTES_PER_VALUE,
        # For pixels of 0..255, as in `normalise`.
        pixel_mean=c_number(np.float32(255 * checkpoint.mean)),
        pixel_std=c_number(np.float32(255 * checkpoint.std)),
        **_self_test(checkpoint, examples),
    )
    return CModel(header, source, flash_bytes, ram_bytes, "float")


def _self_test(checkpoint: Checkpoint, examples: Split) -> dict[str, object]:
    """Return values for the template: images, labels, PyTorch's logits, and the tolerances of the logits."""
    images, labels = examples.images[:NUM_EXAMPLES], examples.labels[:NUM_EXAMPLES]
    pixels = normalise(torch.tensor(images), checkpoint.mean, checkpoint.std)
    with torch.inference_mode():
        logits = restore_model(checkpoint).double()(pixels.double()).numpy()
    tolerances = TOLERANCE * np.abs(logits).max(axis=1).clip(min=1)
    return {
        "num_examples": len(images),
        "example_lines": number_lines((str(number), image) for number, image in enumerate(images)),
        "labels": ", ".join(map(str, labels)),
        "expected_lines": number_lines((str(number), row) for number, row in enumerate(logits.astype(np.float32))),
        "tolerances": ", ".join(map(c_number, tolerances.astype(np.float32))),
    }


def _table(layers: list[CLayer]) -> Iterator[str]:
    """Yield the initialiser of each layer's row in the layer table."""
    first_weight = first_constant = 0
    for layer in layers:
        channels, in_channels = layer.weights.shape[:2]
        row = (
            first_weight + (0 if layer.depthwise is None else layer.depthwise.size),
            first_constant,
            -1 if layer.scales is None else first_constant + channels,
            *(in_channels, channels, layer.in_height, layer.in_width, *layer.out_sizes, layer.pool),
            *(layer.kernel, layer.padding, layer.stride, int(layer.depthwise is not None), int(layer.relu)),
            *(int(layer.average), int(layer.mean)),
        )
        yield f"    {{{', '.join(map(str, row))}}}, /* {layer.token} */"
        first_weight += layer.all_weights.size
        first_constant += layer.constants.size
