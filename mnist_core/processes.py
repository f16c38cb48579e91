"""Starting processes that do not run the caller's script again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
