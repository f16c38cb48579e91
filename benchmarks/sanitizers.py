"""The native trainer under the address and undefined-behaviour sanitizers, on random networks.

python -m benchmarks.sanitizers [--networks N] [--seed N]

Every network is trained for one epoch and evaluated, on batches of a random size: with this machine's vectors, and then
with those of AVX2 at most. At the first fault the command prints the sanitizer's report and ends with exit code 1.
"""

import argparse
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mnist_core.native.compiler import FOLDER, find_compiler
from mnist_core.native.trainer import layer_specs
from space.architecture import ArchitectureSpec
from space.errors import InputError

# Without optimisation the program runs slower, but compiling it, which takes most of the time, takes a third.
FLAGS = ("-std=c++17", "-O0", "-g1", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

AS_WITH_AVX2 = ("-mno-avx512f",) if platform.machine() == "x86_64" else ()
"""Vectors of 32 bytes at most, as on machines without AVX-512."""

SHAPES = ("1x28x28", "3x32x32", "4x9x40", "2x40x7")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=int, default=500, help="default: 500")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for flags in dict.fromkeys([(), AS_WITH_AVX2]):
        with tempfile.TemporaryDirectory() as folder:
            done = check(Path(folder), options.networks, options.seed, flags)
        print(*flags, done.stdout.strip() or "no network was checked")
        if done.returncode != 0:
            print(done.stderr)
            sys.exit(done.returncode)


def check(folder: Path, num_networks: int, seed: int, flags: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Compile in ``folder`` with flags beside the usual ones, and run; the exit code is 0 if no fault was found."""
    program = folder / "sanitized_trainer"
    source = Path(__file__).with_name("sanitized_trainer.cpp")
    subprocess.run([find_compiler().path, *FLAGS, *flags, f"-I{FOLDER}", str(source), "-o", str(program)], check=True)
    generator = random.Random(seed)
    lines = "\n".join(_line(random_network(generator), generator) for _ in range(num_networks))
    return subprocess.run([str(program)], input=lines, capture_output=True, text=True, check=False)


def random_network(generator: random.Random) -> ArchitectureSpec:
    """Draw a network that the native trainer supports: any kernels, paddings, biases, orders, dropout, pools, heads."""
    while True:
        tokens: list[str] = []
        for _ in range(generator.randint(1, 5)):
            kernel = generator.choice((1, 3, 3, 5))
            padding = "" if kernel == 1 else f"p{generator.randrange(1, kernel)}" if generator.random() < 0.7 else "v"
            ops = generator.choice(("", ":r", ":b", ":br", ":rb"))
            rate = generator.choice(("", "", "d0.3"))
            after = f"{ops or ':' if rate else ops}{rate}"
            size = "" if kernel == 3 else f"k{kernel}"
            separable = "sep" if kernel > 1 and generator.random() < 0.4 else ""
            width, stride = generator.randint(1, 9), generator.choice(("", "", "/2"))
            tokens.append(f"{separable}{width}{size}{padding}{stride}{generator.choice(('', '+'))}{after}")
            if generator.random() < 0.4:
                tokens.append(generator.choice(("p", "p3", "p4", "ap", "ap3")))
        tokens.append(generator.choice(("gap", "flat")))
        tokens += generator.choice(([], ["fc10"], ["fc7+:r", "fc10+"]))
        try:
            return ArchitectureSpec.from_text(" ".join([generator.choice(SHAPES), *tokens]))
        except InputError:  # its maps shrink to nothing
            continue


def _line(architecture: ArchitectureSpec, generator: random.Random) -> str:
    specs = layer_specs(architecture)
    assert specs is not None
    batch_size = generator.randint(2, 40)
    num_images = generator.randint(2, 3 * batch_size)
    numbers = [*architecture.input_shape, len(specs)]
    numbers += [getattr(spec, name) for spec in specs for name, _ in spec._fields_]
    return " ".join(map(str, [batch_size, num_images, *numbers]))


if __name__ == "__main__":
    main()
