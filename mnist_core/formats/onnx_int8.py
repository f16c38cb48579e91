"""Models as int8 ONNX, with weights and activations calibrated on training images (docs/model-files.md)."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.files import write_whole
from mnist_core.formats.onnx import clear_notes, export_onnx, onnx_properties, require, silence
from mnist_core.formats.pixels import to_pixels

NUM_CALIBRATION_IMAGES = 500
"""Number of images, the first of those given, whose extremes set the ranges of the activations."""
WEIGHT_BITS = 7
"""Bits of a weight, stored in int8. Where a CPU has no VNNI instructions, onnxruntime adds two products of
an unsigned activation and a signed weight in 16 bits. Weights of 8 bits overflow them, since 2 * 255 * 127 is more than
32,767, and weights of 7 bits do not: 2 * 255 * 64 is less."""

_UNQUANTISED = ("BatchNormalization", "AveragePool")
"""Operations that the quantiser leaves alone. Of a BatchNorm it would make one scale for all factors, which costs
accuracy. To an average pool's output it would give the scale of its input, so that a quarter of the means would lie
halfway between two steps, where CPUs round differently; left alone, the output has a scale of its own, which is finer.
onnxruntime computes the pool in int8 either way."""


def export_onnx_int8(
    path: Path, checkpoint: Checkpoint, images: NDArray[np.uint8], *, weight_bits: int = WEIGHT_BITS
) -> None:
    """Write an ONNX model with the inputs and outputs of `export_onnx` that computes in int8, in QDQ format.

    ``images`` are training images, (N, height, width, channels) bytes. Weights have one scale per output channel,
    activations one per tensor. ``weight_bits`` is 7, with which every CPU computes correctly, or 8, for comparison.
    BatchNorm is folded into its convolution; one that comes after a ReLU can't be folded and stays in fp32. The file is
    identical byte for byte when written again. Raises `InputError` if the onnx extra is not installed or the file
    cannot be written.
    """
    require("onnx", "onnxscript", "onnxruntime")
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Pixels(CalibrationDataReader):  # type: ignore[misc]
        """All calibration images as one batch; several batches would give the same ranges."""

        def __init__(self) -> None:
            self.batches = iter([{"pixels": to_pixels(images[:NUM_CALIBRATION_IMAGES])}])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        export_onnx(Path(folder) / "fp32.onnx", checkpoint)
        fp32 = onnx.load(Path(folder) / "fp32.onnx")
        with silence(), _no_logging():
            quantize_static(
                fp32,
                Path(folder) / "int8.onnx",
                Pixels(),
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                reduce_range=weight_bits == 7,
                nodes_to_exclude=[node.name for node in fp32.graph.node if node.op_type in _UNQUANTISED],
            )
        model = onnx.load(Path(folder) / "int8.onnx")
    clear_notes(model)
    onnx.helper.set_model_props(model, onnx_properties(checkpoint))
    write_whole(path, model.SerializeToString(deterministic=True))


@contextlib.contextmanager
def _no_logging() -> Iterator[None]:
    """Suppress the advice that the quantiser logs through the root logger, which its first warning would configure."""
    handler, disabled = logging.NullHandler(), logging.root.manager.disable
    logging.root.addHandler(handler)
    logging.disable()
    try:
        yield
    finally:
        logging.disable(disabled)
        logging.root.removeHandler(handler)
