"""A model as C on Cortex-M processors: linked flash and RAM, and instructions for an image on an emulator.

    python -m benchmarks.cortex_m MODEL.safetensors [MODEL.safetensors ...] [--images 4]

Both kinds of C code, in integers and in floats, are compiled by arm-none-eabi-gcc with -Os and linked alone, with what
they need of the compiler's own library. Flash and RAM are what the model adds to a program that does nothing; data are
the constants that model.h states. QEMU then runs each on validation images and counts instructions (not cycles): the
microbit board, whose RAM is enlarged, for a Cortex-M0, and mps2-an386 for a Cortex-M4, without its unit for floats. The
logits must be those that the same code gives here. From Debian it needs gcc-arm-none-eabi and qemu-system-arm.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import load_checkpoint
from mnist_core.data import find_data_root, load_dataset
from mnist_core.formats.c_integer import export_integer_c
from mnist_core.formats.c_model import HEADER_FILE, SOURCE_FILE, CModel, number_lines, run_c
from mnist_core.formats.c_source import export_c
from mnist_core.formats.quantisation import quantise

COMPILER, SIZES, EMULATOR = "arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm"
FLAGS = ("-std=c99", "-Os", "-mthumb", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror")
LINKING = ("-nostartfiles", "-Wl,--gc-sections", "--specs=nosys.specs")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Processor:
    name: str
    board: tuple[str, ...]
    ticks_a_second: int
    """Of its timer, while the emulator counts a nanosecond for each instruction."""


PROCESSORS = (
    Processor("cortex-m0", ("-M", "microbit", "-global", "nrf51-soc.sram-size=65536"), 16_000_000),
    Processor("cortex-m4", ("-M", "mps2-an386"), 25_000_000),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--images", type=int, default=4, help="default: 4")
    options = parser.parse_args()
    for program in (COMPILER, SIZES, EMULATOR):
        if shutil.which(program) is None:
            sys.exit(f"error: there is no {program}; Debian has it in gcc-arm-none-eabi or qemu-system-arm")
    for path in options.models:
        _measure(path, options.images)


def _measure(path: Path, num_images: int) -> None:
    checkpoint = load_checkpoint(path)
    data = load_dataset(checkpoint.dataset, find_data_root(checkpoint.dataset))
    images = data.validation.images[:num_images]
    print(f"\n{checkpoint.candidate.num_params:,} parameters: {checkpoint.candidate.architecture}", flush=True)
    models = {
        "integers": export_integer_c(checkpoint, quantise(checkpoint, data.train.images), data.validation),
        "floats": export_c(checkpoint, data.validation),
    }
    print("processor  arithmetic   flash =  data + code    RAM  instructions for an image (least to most)")
    for processor in PROCESSORS:
        counts = {}
        for arithmetic, model in models.items():
            with tempfile.TemporaryDirectory() as name:
                flash, ram = _linked_sizes(model, processor, Path(name))
                counts[arithmetic] = _run(model, processor, images, Path(name))
            found, code = counts[arithmetic], flash - model.flash_bytes
            print(
                f"{processor.name}  {arithmetic:<10} {flash:>7,} {model.flash_bytes:>7,} {code:>6,} {ram:>6,}  "
                f"{mean(found):,.0f} ({min(found):,.0f} to {max(found):,.0f}), n = {len(found)}",
                flush=True,
            )
        times = mean(counts["floats"]) / mean(counts["integers"])
        print(f"{processor.name}  floats take {times:.1f} times as many instructions")


def _compile(model: CModel, processor: Processor, folder: Path, program: str, *defines: str) -> None:
    """Link ``model.c`` with the program of ``cortex_m.c`` into a file of a folder."""
    (folder / HEADER_FILE).write_text(model.header, encoding="utf-8")
    (folder / SOURCE_FILE).write_text(model.source, encoding="utf-8")
    command = [COMPILER, f"-mcpu={processor.name}", *FLAGS, f"-DLOGIT={model.logit_type}", *defines, "-I", str(folder)]
    sources = [str(HERE / "cortex_m.c"), str(folder / SOURCE_FILE)]
    link = [*LINKING, "-T", str(HERE / "cortex_m.ld"), "-lgcc", "-o", str(folder / program)]
    subprocess.run([*command, *sources, *link], check=True)


def _linked_sizes(model: CModel, processor: Processor, folder: Path) -> tuple[int, int]:
    """Return the bytes of flash and of RAM that a model adds to a program, its activations and nothing of the stack."""
    sizes = []
    for program, defines in (("empty", ["-DNO_MODEL"]), ("linked", [])):
        _compile(model, processor, folder, program, *defines)
        done = subprocess.run([SIZES, str(folder / program)], capture_output=True, text=True, check=True)
        text, variables, zeros = map(int, done.stdout.splitlines()[1].split()[:3])
        sizes.append((text + variables, variables + zeros))
    (empty_flash, empty_ram), (flash, ram) = sizes
    return flash - empty_flash, ram - empty_ram


def _run(model: CModel, processor: Processor, images: NDArray[np.uint8], folder: Path) -> list[float]:
    """Return the number of instructions for each image. Exits if the logits are not those that the code gives here."""
    pixels = number_lines([("images", images)])
    (folder / "images.h").write_text(f"static const uint8_t images[] = {{\n{pixels}\n}};\n", encoding="utf-8")
    _compile(model, processor, folder, "run", f"-DNUM_IMAGES={len(images)}", "-fno-strict-aliasing")
    emulator = [EMULATOR, *processor.board, "-nographic", "-monitor", "none", "-serial", "none", "-icount", "shift=0"]
    semihosting = ["-semihosting-config", "enable=on,target=native", "-kernel", str(folder / "run")]
    done = subprocess.run([*emulator, *semihosting], capture_output=True, text=True, timeout=600, check=False)
    lines = [[int(number, 16) for number in line.split()] for line in (done.stdout or done.stderr).splitlines()]
    here = run_c(model, images)
    logits = np.array([line[2:] for line in lines], np.uint32).view(here.dtype)
    same = (
        np.array_equal(logits, here) if model.logit_type != "float" else np.allclose(logits, here, rtol=1e-4, atol=1e-4)
    )
    if not same:
        sys.exit(f"error: the logits on {processor.name} are other than here:\n{logits}\n{here}")
    return [line[0] * 1e9 / processor.ticks_a_second for line in lines]


if __name__ == "__main__":
    main()
