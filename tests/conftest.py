"""What tests need of this machine: the real MNIST files, engines that train here, a PostgreSQL server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from benchmarks.postgres_server import PostgresServer, find_binaries, postgres_server
from mnist_core.device import may_have_accelerator, resolve_device
from mnist_core.engine import Engine, resolve_engine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-mnist",
        action="store_true",
        help="fail, not skip, where MNIST, a compiler, a browser or PostgreSQL is absent",
    )


def pytest_sessionstart() -> None:
    # A shell starts its background jobs with Ctrl-C ignored, and the processes that tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """What bitwise equality is promised for; and so small a network trains slower on several."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def default_engine() -> Engine:
    """What a run trains with where it is not told, compiled already."""
    return resolve_engine("auto", resolve_device("auto") if may_have_accelerator() else "cpu")


@pytest.fixture(scope="session")
def native_engine(pytestconfig: pytest.Config) -> Engine:
    found = resolve_engine("auto", "cpu")
    if found.library is None:
        skip_or_fail(pytestconfig, f"no native trainer: {found.reason}")
    return Engine(found.library)


def skip_or_fail(pytestconfig: pytest.Config, reason: str) -> NoReturn:
    """Skips the test, unless nothing may be skipped here."""
    if pytestconfig.getoption("--require-mnist") or os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=["torch", "native"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn; PyTorch in bfloat16 only where a test asks for ``torch-bfloat16``."""
    if request.param == "native":
        return request.getfixturevalue("native_engine")
    return Engine(None, bfloat16=request.param == "torch-bfloat16")


@pytest.fixture(scope="session")
def mnist_root(pytestconfig: pytest.Config) -> Path:
    """The data root, sought where the program seeks it, but never downloaded: tests must run offline."""
    environment = os.environ.get("SEARCH_DATA_ROOT")
    roots = [Path(environment)] if environment else [Path("data"), Path("../shared/data")]
    for root in roots:
        absolute = (pytestconfig.rootpath / root).resolve()
        if (absolute / "MNIST/raw/train-images-idx3-ubyte").is_file():
            return absolute
    skip_or_fail(pytestconfig, f"no MNIST/raw/train-images-idx3-ubyte under {' or '.join(map(str, roots))}")


@pytest.fixture(autouse=True)
def _mnist_where_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("mnist"):
        request.getfixturevalue("mnist_root")


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """A server of PostgreSQL, which lasts for all tests of a process."""
    binaries = find_binaries()
    if binaries is None:
        skip_or_fail(pytestconfig, "no PostgreSQL: neither /usr/lib/postgresql/*/bin/initdb nor initdb on the path")
    with postgres_server(binaries) as server:
        yield server
