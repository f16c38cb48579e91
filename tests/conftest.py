"""Where the real MNIST files are, for the tests that need them."""

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-mnist", action="store_true", help="fail, not skip, where MNIST is absent")


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
