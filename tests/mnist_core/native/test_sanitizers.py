"""The native trainer under sanitizers, in short, with vectors of AVX2.

benchmarks/sanitizers.py does the same on many more networks, and with wider vectors.
"""

from pathlib import Path

import pytest

from benchmarks.sanitizers import AS_WITH_AVX2, check


@pytest.mark.usefixtures("native_engine")  # where there is a compiler
def test_no_access_out_of_bounds_and_nothing_undefined(tmp_path: Path) -> None:
    done = check(tmp_path, num_networks=25, seed=1, flags=AS_WITH_AVX2)
    assert (done.returncode, done.stdout, done.stderr) == (0, "25 networks\n", "")
