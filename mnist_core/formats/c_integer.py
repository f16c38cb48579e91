"""Trained models as C99 that computes in integers alone, for processors without floats (docs/model-files.md).

It writes the layers of an integer net (`mnist_core.formats.integer_net`) and the code that runs them. All maps lie in
one buffer, in which the output of a layer may overwrite what the layer has read of its input.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.data import Split
from mnist_core.formats.c_model import NUM_EXAMPLES, CModel, fill, number_lines, render_header
from mnist_core.formats.integer_net import DEPTHWISE_ZERO, LOGIT_BITS, IntegerLayer, integer_logits
from space.footprint import FACTOR_BYTES, LAYER_BYTES, footprint, num_sums, place_maps
from space.summary import inference_steps

_TEMPLATE = "integer_model.c"
_LOGITS = f"""
/* A logit of 1: logits are integers, of which the lower {LOGIT_BITS} bits are their fractions. */
#define MODEL_LOGIT_ONE {1 << LOGIT_BITS}
"""


def export_integer_c(checkpoint: Checkpoint, layers: Sequence[IntegerLayer], examples: Split) -> CModel:
    """Generate the header and source of ``int model_predict(pixels, logits)``, which computes in integers.

    ``layers`` are those of `quantise` for the same checkpoint. The self-test compares with `integer_logits` on the
    first of ``examples``, bit for bit. The same model, layers and examples give the same text.
    """
    architecture = checkpoint.candidate.architecture
    weights = [(layer.token, _all_weights(layer)) for layer in layers]
    if not any(array.size for _, array in weights):  # C has no arrays of size 0
        weights = [("none", np.zeros(1, np.int8))]
    biases = [(layer.token, _all_biases(layer)) for layer in layers]
    images, labels = examples.images[:NUM_EXAMPLES], examples.labels[:NUM_EXAMPLES]
    taken, steps = footprint(architecture), inference_steps(architecture)
    placement = place_maps(steps)
    num_factors = sum(layer.factors.size for layer in layers)
    num_bytes = (
        sum(array.nbytes for _, array in weights + biases) + FACTOR_BYTES * num_factors + LAYER_BYTES * len(layers)
    )
    assert num_bytes == taken.flash_bytes, (num_bytes, taken)
    header = render_header(
        checkpoint,
        arithmetic="integers",
        logit_type="int32_t",
        logits=_LOGITS,
        flash_bytes=taken.flash_bytes,
        ram_bytes=taken.ram_bytes,
    )
    source = fill(
        _TEMPLATE,
        notation=architecture,
        any_separable=int(any(layer.depthwise is not None for layer in layers)),
        depthwise_zero=DEPTHWISE_ZERO,
        num_weights=sum(array.size for _, array in weights),
        weight_lines=number_lines(weights),
        num_biases=sum(array.size for _, array in biases),
        bias_lines=number_lines(biases),
        num_factors=num_factors,
        factor_lines=number_lines((layer.token, layer.factors) for layer in layers),
        shift_lines=number_lines((layer.token, layer.shifts) for layer in layers),
        num_layers=len(layers),
        layer_lines="\n".join(_table(layers, placement.inputs)),
        num_bytes=placement.num_bytes,
        num_sums=num_sums(steps),
        num_examples=len(images),
        example_lines=number_lines((str(number), image) for number, image in enumerate(images)),
        labels=", ".join(map(str, labels)),
        expected_lines=number_lines((str(number), row) for number, row in enumerate(integer_logits(layers, images))),
    )
    return CModel(header, source, taken.flash_bytes, taken.ram_bytes, "int32_t")


def _all_weights(layer: IntegerLayer) -> NDArray[np.int8]:
    parts = [part.ravel() for part in (layer.depthwise, layer.weights) if part is not None]
    return np.concatenate(parts) if parts else np.empty(0, np.int8)


def _all_biases(layer: IntegerLayer) -> NDArray[np.int32]:
    return layer.biases if layer.late_biases is None else np.concatenate([layer.biases, layer.late_biases])


def _table(layers: Sequence[IntegerLayer], inputs: Sequence[int]) -> Iterator[str]:
    """Yield the initialiser of each layer's row in the layer table; ``inputs`` says where the input of each begins."""
    first_weight = first_bias = first_factor = 0
    for layer, place, out in zip(layers, inputs, (*inputs[1:], 0), strict=True):
        height, width, in_channels = layer.in_shape
        num_depthwise = in_channels if layer.depthwise is not None else 0
        takes_maximum = layer.pool > 1 and not layer.average
        flags = (num_depthwise > 0, layer.relu, takes_maximum, layer.mean, layer.late_biases is not None)
        row: tuple[Any, ...] = (
            first_weight + (0 if layer.depthwise is None else layer.depthwise.size),
            first_bias,
            first_factor + num_depthwise,
            *(place, out, in_channels, layer.out_channels, height, width, *layer.out_sizes, layer.pool),
            *(layer.kernel, layer.padding, layer.stride, layer.zero, layer.out_zero, layer.down),
            sum(flag << bit for bit, flag in enumerate(flags)),
        )
        yield f"    {{{', '.join(map(str, row))}}}, /* {layer.token} */"
        first_weight += _all_weights(layer).size
        first_bias += _all_biases(layer).size
        first_factor += layer.factors.size
