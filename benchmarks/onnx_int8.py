"""Correctness on this CPU, and cost, of int8 ONNX models with weights of 7 and of 8 bits.

    python -m benchmarks.onnx_int8 MODEL.safetensors [MODEL.safetensors ...]

Prints for each model the file's size in bytes, its accuracy on validation images with onnxruntime in int8 on this CPU,
the accuracy of the same file computed step by step in fp32, and the difference between the logits of the two, which
shows whether this CPU saturates. Then prints the accuracy lost against fp32 in points, as mean and standard deviation
over the models.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint, checkpoint_logits, load_checkpoint
from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.evaluation import BATCH_SIZE
from mnist_core.formats.onnx_int8 import export_onnx_int8
from mnist_core.formats.pixels import to_pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    print(f"CPU with VNNI instructions: {'yes' if _has_vnni() else 'no'}")
    lost: dict[tuple[int, str], list[float]] = {}
    for path in parser.parse_args().models:
        checkpoint = load_checkpoint(path)
        data = load_dataset(checkpoint.dataset, find_data_root(checkpoint.dataset))
        labels = data.validation.labels
        fp32 = float((checkpoint_logits(checkpoint, data.validation.images).argmax(1).numpy() == labels).mean())
        print(f"\n{checkpoint.candidate.num_params:,} parameters: {checkpoint.candidate.architecture}")
        print(f"  fp32: {100 * fp32:.2f} %")
        for bits in (8, 7):
            num_bytes, in_int8, by_the_file = _measure(checkpoint, data, bits)
            accuracies = {
                "in int8 here": float((in_int8.argmax(1) == labels).mean()),
                "as the file says": float((by_the_file.argmax(1) == labels).mean()),
            }
            shown = ", ".join(f"{100 * accuracy:.2f} % {name}" for name, accuracy in accuracies.items())
            apart = np.abs(in_int8 - by_the_file).mean() / by_the_file.std()
            print(f"  {bits} bits: {num_bytes:,} bytes, {shown}, logits apart by {100 * apart:.2f} % of their spread")
            for name, accuracy in accuracies.items():
                lost.setdefault((bits, name), []).append(100 * (fp32 - accuracy))
    print("\npoints lost against fp32, mean (standard deviation):")
    for (bits, name), points in lost.items():
        spread = f" ({statistics.stdev(points):.3f})" if len(points) > 1 else ""
        print(f"  {bits} bits, {name:<16}  {statistics.mean(points):+.3f}{spread}, n = {len(points)}")


def _measure(checkpoint: Checkpoint, data: Dataset, bits: int) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """Return the file's size and the logits of the validation images, computed in int8 and in fp32."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx_int8(path, checkpoint, data.train.images, weight_bits=bits)
        levels = onnxruntime.GraphOptimizationLevel
        in_int8, by_the_file = (
            onnx_logits(path, data.validation.images, level)
            for level in (levels.ORT_ENABLE_ALL, levels.ORT_DISABLE_ALL)
        )
        return path.stat().st_size, in_int8, by_the_file


def onnx_logits(path: Path, images: NDArray[np.uint8], level: object) -> NDArray[np.float32]:
    """Return (N, num_classes) logits by onnxruntime for (N, height, width, channels) bytes, optimised to ``level``."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    batches = [
        session.run(["logits"], {"pixels": to_pixels(images[first : first + BATCH_SIZE])})[0]
        for first in range(0, len(images), BATCH_SIZE)
    ]
    return np.concatenate(batches)


def _has_vnni() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_vnni", "avx_vnni"}.isdisjoint(flags)


if __name__ == "__main__":
    main()
