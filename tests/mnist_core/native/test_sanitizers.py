"""The native trainer under sanitizers, in short, with vectors of 16 bytes, for which fewest kernels are compiled.

benchmarks/sanitizers.py does the same on many more networks, and with wider vectors.
"""

import platform
from pathlib import Path

import pytest

from benchmarks.sanitizers import check

NARROWEST = ("-mno-avx",) if platform.machine() == "x86_64" else ()


@pytest.mark.usefixtures("native_engine")  # where there is a compiler
def test_no_access_out_of_bounds_and_nothing_undefined(tmp_path: Path) -> None:
    done = check(tmp_path, num_networks=25, seed=1, flags=NARROWEST)
    assert (done.returncode, done.stdout, done.stderr) == (0, "25 networks\n", "")
