"""Processes that do not run the script again that starts them."""

import subprocess
import sys
from pathlib import Path

import pytest

from mnist_core.processes import without_main_module

ROOT = Path(__file__).resolve().parents[2]

# What a new process runs comes from the standard library, which any process can import.
SCRIPT = """
import multiprocessing, os
from mnist_core.processes import without_main_module

print("begun", flush=True)
process = multiprocessing.get_context("spawn").Process(target=os._exit, args=(7,))
with without_main_module():
    process.start()
process.join()
print("ended with", process.exitcode)
"""


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_a_script_without_a_guard_runs_once(source: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "script.py" if source == "file" else "-"],
        input=SCRIPT,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("begun\nended with 7\n", "")


def test_the_main_module_is_there_again_also_after_an_error() -> None:
    main = sys.modules["__main__"]
    with pytest.raises(OSError, match="no memory"), without_main_module():
        assert sys.modules["__main__"] is not main
        raise OSError("no memory")
    assert sys.modules["__main__"] is main
