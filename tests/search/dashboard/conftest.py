"""Dashboards that answer in this process, and a browser to look at them with."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from search.dashboard.guard import Rules
from search.dashboard.server import open_server
from studies.storage import Store
from tests.conftest import skip_or_fail
from tests.search.conftest import SmallStudy

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def serve_here() -> Iterator[Callable[..., int]]:
    """Starts a dashboard on a store in this process, and gives its port."""
    servers = []

    def start(url: str, *, token: str | None = None, host: str = "127.0.0.1") -> int:
        port = free_port()
        server = open_server(Store.open_to_watch(url), Rules(port, host, token))
        threading.Thread(target=server.run, daemon=True).start()
        servers.append(server)
        return port

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def watched_study(small_study: SmallStudy, tmp_path_factory: pytest.TempPathFactory) -> SmallStudy:
    """A copy of the small study, since a reader of a log leaves files beside it."""
    folder = tmp_path_factory.mktemp("watched") / "study"
    shutil.copytree(small_study.folder, folder)
    return SmallStudy(folder, small_study.arguments, small_study.made)


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    """One for all tests of a file: starting it takes longer than they do."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        skip_or_fail(pytestconfig, f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, and what it did."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and requests that failed."""
    requests: list[str] = field(default_factory=list)

    def front(self) -> list[int]:
        """Numbers of the trials that the chart shows as the front."""
        points = self.page.locator(".front-point")
        return [int(str(points.nth(index).get_attribute("data-trial"))) for index in range(points.count())]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens an address in a browser that remembers nothing, and waits until the chart is drawn."""
    contexts = []

    def open_page(address: str, *, width: int = 1_100, scheme: str = "light") -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        found = Visit(page)
        page.on("console", lambda message: found.complaints.append(message.text))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("requestfailed", lambda request: found.complaints.append(f"{request.url}: {request.failure}"))
        page.on("request", lambda request: found.requests.append(request.url))
        page.goto(address)
        page.wait_for_selector(".front-point, #front-chart .lead")
        return found

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def report_file(watched_study: SmallStudy) -> Path:
    from search.study_report.report import write_report

    out = watched_study.folder / "report.html"
    write_report(out, study=None, storage=watched_study.url, target=0.5, max_params=None, force=False)
    return out
