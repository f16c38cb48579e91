"""Starting processes that do not run the caller's script again."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType


@contextmanager
def without_main_module() -> Iterator[None]:
    """Hide the ``__main__`` module from processes that are started within the block by multiprocessing's ``spawn``.

    A new process would otherwise import it first: a script that has no ``if __name__ == "__main__":`` would start the
    same work again, and one from stdin can't be found. What the processes run must stand in an importable module;
    pickling anything of ``__main__`` within the block fails.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def succeeds_in_process(function: Callable[..., None], *arguments: object, seconds: float) -> bool:
    """Call a function in another process, which prints nothing; returns whether it ended without an error in time."""
    process = multiprocessing.get_context("spawn").Process(target=_silently, args=(function, *arguments))
    with without_main_module():
        process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode == 0


def _silently(function: Callable[..., None], *arguments: object) -> None:
    # Progress bars and tracebacks are hidden: the parent reports an error in one line.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with redirect_stdout(sys.stderr):
        function(*arguments)
