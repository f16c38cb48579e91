"""Where the real MNIST files are, for the tests that need them, and the engines that train here."""

import os
import signal
from pathlib import Path

import pytest

from mnist_core.device import may_have_accelerator, resolve_device
from mnist_core.engine import TORCH, Engine, resolve_engine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-mnist", action="store_true", help="fail, not skip, where MNIST is absent")


def pytest_sessionstart() -> None:
    # A shell starts its background jobs with Ctrl-C ignored, and the processes that tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def default_engine() -> Engine:
    """What a run trains with where it is not told, compiled already."""
    return resolve_engine("auto", resolve_device("auto") if may_have_accelerator() else "cpu")


@pytest.fixture(scope="session")
def native_engine() -> Engine:
    found = resolve_engine("auto", "cpu")
    if found.library is None:
        if os.environ.get("CI"):
            pytest.fail(found.reason)
        pytest.skip(found.reason)
    return found


@pytest.fixture(params=["torch", "native"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return TORCH if request.param == "torch" else request.getfixturevalue("native_engine")


@pytest.fixture(scope="session")
def mnist_root(pytestconfig: pytest.Config) -> Path:
    """The data root, sought where the program seeks it, but never downloaded: tests must run offline."""
    environment = os.environ.get("SEARCH_DATA_ROOT")
    roots = [Path(environment)] if environment else [Path("data"), Path("../shared/data")]
    for root in roots:
        absolute = (pytestconfig.rootpath / root).resolve()
        if (absolute / "MNIST/raw/train-images-idx3-ubyte").is_file():
            return absolute
    message = f"no MNIST/raw/train-images-idx3-ubyte under {' or '.join(map(str, roots))}"
    if pytestconfig.getoption("--require-mnist") or os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def _mnist_where_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("mnist"):
        request.getfixturevalue("mnist_root")
