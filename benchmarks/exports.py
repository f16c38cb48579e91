"""Every export of a net against PyTorch on all validation images.

    python -m benchmarks.exports "6s:br ap sep8s:br ap sep14v:br gap fc10+" [--epochs N] [--engine NAME]

Trains the net on MNIST, writes it in each format and runs each file. Prints the bytes of each (for C those of the
constants), the number of validation images for which it names another class than PyTorch, and the largest difference of
a logit. Files in int8 are compared twice: with the fp32 model, which shows what rounding costs, and with what numpy
computes in the same integers (for C), or onnxruntime in fp32 from the same rounded numbers (for ONNX), which shows
whether they compute what they say. Exits with 1 if a format in fp32 differs by more than rounding, or C with integers
from numpy at all.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from benchmarks.onnx_int8 import onnx_logits
from mnist_core.checkpoint import Checkpoint, checkpoint_logits, cpu_weights, load_checkpoint, save_checkpoint
from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.engine import ENGINE_NAMES, resolve_engine
from mnist_core.formats.c_integer import export_integer_c
from mnist_core.formats.c_model import run_c
from mnist_core.formats.c_source import export_c
from mnist_core.formats.integer_net import LOGIT_BITS, integer_logits
from mnist_core.formats.onnx import export_onnx
from mnist_core.formats.onnx_int8 import export_onnx_int8
from mnist_core.formats.pixels import to_pixels
from mnist_core.formats.quantisation import quantise
from mnist_core.formats.torch_program import export_program, load_program
from mnist_core.model import build_model
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig

TOLERANCE = 1e-4
"""Largest difference of a logit that rounding explains, relative to the largest logit."""


@dataclass(frozen=True, eq=False)
class Comparison:
    name: str
    num_bytes: int
    against: str
    logits: NDArray[Any]
    """(N, num_classes)"""
    expected: NDArray[Any]
    exact: bool
    """Whether only rounding may make a difference."""
    tolerance: float = TOLERANCE

    @property
    def num_differing(self) -> int:
        return int((self.logits.argmax(1) != self.expected.argmax(1)).sum())

    @property
    def largest(self) -> float:
        return float(np.abs(self.logits - self.expected).max())

    @property
    def fails(self) -> bool:
        return self.exact and not self.largest <= self.tolerance * float(np.abs(self.expected).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notation")
    parser.add_argument("--epochs", type=int, default=2, help="default: 2")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="auto", help="default: auto")
    options = parser.parse_args()
    architecture = ArchitectureSpec.from_text(options.notation)
    candidate = CandidateSpec(architecture, TrainingConfig(epochs=options.epochs))
    data = load_dataset("mnist", find_data_root("mnist"))
    print(f"{candidate.num_params:,} parameters: {architecture}", flush=True)
    checkpoint = _trained(candidate, data, options.engine)
    print(f"\n{'format':<12} {'bytes':>7}  {'against':<25} {'other class':>11}  {'largest difference of a logit'}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for row in _comparisons(checkpoint, data, Path(folder)):
            verdict = "  FAILED" if row.fails else ""
            print(
                f"{row.name:<12} {row.num_bytes:>7,}  {row.against:<25} {row.num_differing:>11,}  "
                f"{row.largest:.2g}{verdict}",
                flush=True,
            )
            failed |= row.fails
    sys.exit(int(failed))


def _trained(candidate: CandidateSpec, data: Dataset, engine_name: str) -> Checkpoint:
    engine = resolve_engine(engine_name, "cpu").for_candidate(candidate)
    model = build_model(candidate.architecture, seed=0)
    val_accuracy = None
    for result in train(model, data, candidate.training, seed=0, engine=engine):
        val_accuracy = result.val_accuracy
        print(
            f"epoch {result.epoch} of {candidate.training.epochs} with {engine.name}: {100 * val_accuracy:.2f} % of "
            f"{len(data.validation):,} validation images",
            flush=True,
        )
    return Checkpoint.trained_on(data, candidate, cpu_weights(model), val_accuracy=val_accuracy, seed=0)


def _comparisons(checkpoint: Checkpoint, data: Dataset, folder: Path) -> Iterator[Comparison]:
    images = data.validation.images
    expected = checkpoint_logits(checkpoint, images).numpy()

    path = folder / "model.safetensors"
    save_checkpoint(path, checkpoint)
    logits = checkpoint_logits(load_checkpoint(path), images).numpy()
    yield Comparison("safetensors", path.stat().st_size, "PyTorch", logits, expected, exact=True)

    path = folder / "model.pt2"
    export_program(path, checkpoint)
    with torch.inference_mode():
        logits = load_program(path).module()(torch.from_numpy(to_pixels(images))).numpy()
    yield Comparison("pt2", path.stat().st_size, "PyTorch", logits, expected, exact=True)

    levels = onnxruntime.GraphOptimizationLevel
    path = folder / "model.onnx"
    export_onnx(path, checkpoint)
    logits = onnx_logits(path, images, levels.ORT_ENABLE_ALL)
    yield Comparison("onnx", path.stat().st_size, "PyTorch", logits, expected, exact=True)

    path = folder / "model-int8.onnx"
    export_onnx_int8(path, checkpoint, data.train.images)
    logits, as_written = (onnx_logits(path, images, level) for level in (levels.ORT_ENABLE_ALL, levels.ORT_DISABLE_ALL))
    yield Comparison("onnx-int8", path.stat().st_size, "PyTorch", logits, expected, exact=False)
    # Activations are rounded too, and one that lies between two steps may be rounded either way.
    yield Comparison("onnx-int8", path.stat().st_size, "the file step by step", logits, as_written, exact=False)

    model = export_c(checkpoint, data.validation)
    yield Comparison("c", model.flash_bytes, "PyTorch", run_c(model, images), expected, exact=True)

    layers = quantise(checkpoint, data.train.images)
    model = export_integer_c(checkpoint, layers, data.validation)
    logits, in_numpy = (found / 2.0**LOGIT_BITS for found in (run_c(model, images), integer_logits(layers, images)))
    yield Comparison("c-int8", model.flash_bytes, "PyTorch", logits, expected, exact=False)
    yield Comparison("c-int8", model.flash_bytes, "numpy", logits, in_numpy, exact=True, tolerance=0.0)


if __name__ == "__main__":
    main()
