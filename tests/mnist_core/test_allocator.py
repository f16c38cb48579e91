import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_core.allocator import keep_freed_memory

ROOT = Path(__file__).parents[2]
MEGABYTES = 150
PADDING = 64
"""MB by which the heap grows more than it must: fewer calls of the kernel for what comes next."""

# In a process of its own, since what is set stays set. Prints by how many MB a block makes the process and its heap
# grow, and how many of them the process still has when the block is freed.
PROGRAM = f"""
import ctypes
from mnist_core.allocator import keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
PREPARE
before, end = resident(), libc.sbrk(0)
block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t({MEGABYTES} << 20)))
ctypes.memset(block, 1, {MEGABYTES} << 20)
grown, heap = resident() - before, libc.sbrk(0) - end >> 20
libc.free(block)
print(grown, heap, resident() - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or platform.machine() != "x86_64", reason="of glibc, and pages of 4 KB"
)
@pytest.mark.parametrize(("prepare", "is_kept"), [("", False), ("keep_freed_memory()", True)])
def test_a_freed_block_stays_with_the_process(prepare: str, is_kept: bool) -> None:
    command = [sys.executable, "-c", PROGRAM.replace("PREPARE", prepare)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    grown, heap, kept = map(int, printed.split())
    assert grown == pytest.approx(MEGABYTES, abs=2)
    assert heap == pytest.approx(MEGABYTES + PADDING if is_kept else 0, abs=2)
    assert kept == pytest.approx(MEGABYTES if is_kept else 0, abs=2)


def no_library(name: str) -> None:
    raise OSError(f"{name}: cannot open shared object file")


def test_a_linux_without_glibc_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", no_library)
    keep_freed_memory()
    # A library of that name which lacks the function.
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_no_library_is_sought_on_other_systems(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sought: list[str] = []
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(ctypes, "CDLL", sought.append)
    keep_freed_memory()
    assert sought == []
