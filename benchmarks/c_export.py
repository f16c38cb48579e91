"""Checks of a trained model as C: clean compilation, agreement with PyTorch, size and speed.

    python -m benchmarks.c_export MODEL.safetensors

Both the float and the int8 code are compiled as C99 with warnings as errors, run their self-test under the address and
undefined-behaviour sanitizers, have their size measured, and classify all validation images. The first ten images on
which they disagree with PyTorch are listed with PyTorch's two highest logits, which show a near-tie or a fault.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import checkpoint_logits, load_checkpoint
from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.formats.c_source import HEADER_FILE, SOURCE_FILE, CModel, export_c, run_c
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
    for weights in ("float", "int8"):
        model = export_c(checkpoint, data.validation, weights=weights)
        print(f"\n{weights}: flash {model.flash_bytes:,} bytes of constants, RAM {model.ram_bytes:,} bytes")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / HEADER_FILE).write_text(model.header, encoding="utf-8")
            (folder / SOURCE_FILE).write_text(model.source, encoding="utf-8")
            _compile_clean(folder)
            _test_under_sanitizers(folder)
        _compare(model, data, torch_logits)


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


def _compare(model: CModel, data: Dataset, torch_logits: NDArray[np.float32]) -> None:
    started = time.perf_counter()
    logits = run_c(model, data.validation.images)
    seconds = time.perf_counter() - started
    labels, predicted, expected = data.validation.labels, logits.argmax(1), torch_logits.argmax(1)
    num_right, torch_right = int((predicted == labels).sum()), int((expected == labels).sum())
    print(
        f"  {num_right:,} of {len(labels):,} validation images right, PyTorch {torch_right:,}; compiled and run in "
        f"{seconds:.1f} s"
    )
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
