"""Checks of a trained model as C: clean compilation, agreement with PyTorch, size and speed.

    python -m benchmarks.c_export MODEL.safetensors

The code that computes in floats and that which computes in integers are each compiled as C99 with warnings as errors,
run their self-test under the address and undefined-behaviour sanitizers, have their size measured, and classify all
validation images. Integers are also compared, bit for bit, with the same arithmetic in numpy. The first ten images on
which they disagree with PyTorch are listed with PyTorch's two highest logits, which show a near-tie or a fault.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import checkpoint_logits, load_checkpoint
from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.formats.c_integer import export_integer_c
from mnist_core.formats.c_model import HEADER_FILE, SOURCE_FILE, CModel, run_c
from mnist_core.formats.c_source import export_c
from mnist_core.formats.integer_net import LOGIT_BITS, integer_logits
from mnist_core.formats.quantisation import quantise
from mnist_core.native.compiler import find_compiler

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    checkpoint = load_checkpoint(parser.parse_args().model)
    data = load_dataset(checkpoint.dataset, find_data_root(checkpoint.dataset))
    print(f"{checkpoint.candidate.num_params:,} parameters: {checkpoint.candidate.architecture}")
    torch_logits = checkpoint_logits(checkpoint, data.validation.images).numpy()
    layers = quantise(checkpoint, data.train.images)
    models = {
        "floats": export_c(checkpoint, data.validation),
        "integers": export_integer_c(checkpoint, layers, data.validation),
    }
    for arithmetic, model in models.items():
        print(f"\n{arithmetic}: flash {model.flash_bytes:,} bytes of constants, RAM {model.ram_bytes:,} bytes")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / HEADER_FILE).write_text(model.header, encoding="utf-8")
            (folder / SOURCE_FILE).write_text(model.source, encoding="utf-8")
            _compile_clean(folder)
            _test_under_sanitizers(folder)
        logits = _run(model, data.validation.images)
        if arithmetic == "integers":
            same = np.array_equal(logits, integer_logits(layers, data.validation.images))
            print(f"  logits are {'equal to' if same else 'OTHER THAN'} those of numpy, bit for bit")
            logits = logits / 2.0**LOGIT_BITS
        _compare(logits, data, torch_logits)


def _compile_clean(folder: Path) -> None:
    compiler = [find_compiler().path, "-x", "c"]
    for level in ("-O0", "-Os", "-O2"):
        subprocess.run(
            [*compiler, *WARNINGS, level, "-c", SOURCE_FILE, "-o", f"model{level}.o"], cwd=folder, check=True
        )
    print(f"  compiles without a warning: {' '.join(WARNINGS)} at -O0, -Os and -O2")
    table = subprocess.run(["size", "model-Os.o"], cwd=folder, capture_output=True, text=True, check=True).stdout
    names, numbers = (line.split() for line in table.splitlines())
    print(
        f"  size at -Os: {', '.join(f'{name} {number}' for name, number in zip(names[:3], numbers[:3], strict=True))}"
    )


def _test_under_sanitizers(folder: Path) -> None:
    compiler = [find_compiler().path, "-x", "c"]
    command = [*compiler, *WARNINGS, *SANITIZERS, "-DMODEL_SELF_TEST", SOURCE_FILE, "-o", "self_test"]
    subprocess.run(command, cwd=folder, check=True)
    subprocess.run([str(folder / "self_test")], check=True, capture_output=True)
    print("  the self-test passes under address and undefined-behaviour sanitizers")


def _run(model: CModel, images: NDArray[np.uint8]) -> NDArray[Any]:
    started = time.perf_counter()
    logits = run_c(model, images)
    print(f"  compiled and run on {len(images):,} images in {time.perf_counter() - started:.1f} s")
    return logits


def _compare(logits: NDArray[Any], data: Dataset, torch_logits: NDArray[np.float32]) -> None:
    labels, predicted, expected = data.validation.labels, logits.argmax(1), torch_logits.argmax(1)
    num_right, torch_right = int((predicted == labels).sum()), int((expected == labels).sum())
    print(f"  {num_right:,} of {len(labels):,} validation images right, PyTorch {torch_right:,}")
    differing = np.flatnonzero(predicted != expected)
    largest = float(np.abs(logits - torch_logits).max())
    print(f"  another class than PyTorch's: {len(differing)} images; largest difference of a logit: {largest:.2g}")
    for index in differing[:10]:
        second, first = np.sort(torch_logits[index])[-2:]
        print(
            f"    image {index}: C says {predicted[index]}, PyTorch {expected[index]} by {first - second:.2g} "
            f"({first:.5f} against {second:.5f}); it is a {labels[index]}"
        )


if __name__ == "__main__":
    main()
