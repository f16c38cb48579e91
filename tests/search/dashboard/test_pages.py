"""The page of a study in a real browser: as a file and live, with pointer and keyboard, on a phone and in the dark."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from studies.pareto import most_accurate
from studies.records import read_front
from studies.storage import Store
from tests.search.conftest import SmallStudy
from tests.search.dashboard.conftest import Visit
from tests.stores import WORKER, begin, make_search, results, train_one

WITHIN = 8_000
"""Milliseconds within which a page shows what is new: it asks every two seconds."""


@pytest.fixture(params=["file", "live"])
def address(request: pytest.FixtureRequest, watched_study: SmallStudy, report_file: Path, serve_here) -> str:
    if request.param == "file":
        return report_file.as_uri()
    return f"http://127.0.0.1:{serve_here(watched_study.url)}/"


def front_of(study: SmallStudy) -> list[Any]:
    return read_front(Store.open_read_only(study.url).database, study.name)


def test_the_page_shows_the_front_and_stays_where_it_is(
    address: str, watched_study: SmallStudy, visit: Callable[..., Visit]
) -> None:
    visited = visit(address)
    page, front = visited.page, front_of(watched_study)
    assert visited.front() == [point.trial for point in front]
    cells = page.locator("#front-table tbody tr")
    shown = [re.split(r"[\t\n]+", cells.nth(row).inner_text()) for row in range(cells.count())]
    assert shown == [
        [str(point.trial), f"{point.num_params:,}", f"{100 * point.val_accuracy:.2f} %", point.notation]
        for point in front
    ]
    best = most_accurate(front)
    assert best is not None
    page.wait_for_selector("#net-layers")
    assert page.locator("#net-title").inner_text() == f"Trial {best.trial}, on the front"
    assert page.locator("#net .notation").inner_text() == best.notation
    assert page.locator(".confusion td.right").count() == 10
    assert f"trial {best.trial} is the most accurate" in page.locator("#answer").inner_text()
    assert page.locator(".digit").first.evaluate("image => image.naturalWidth") == 28
    assert visited.complaints == []
    own = address.rpartition("/")[0]
    assert {url for url in visited.requests if not url.startswith((own, "data:"))} == set()


def wait_for_net(page: Page, trial: int) -> None:
    told = "title => document.getElementById('net-title')?.innerText === title"
    page.wait_for_function(told, arg=f"Trial {trial}, on the front")


def test_a_net_is_chosen_by_pointer_keyboard_and_table(
    address: str, watched_study: SmallStudy, visit: Callable[..., Visit]
) -> None:
    visited = visit(address)
    page, front = visited.page, front_of(watched_study)
    first, second = front[0], front[1]
    page.locator(f'.front-point[data-trial="{first.trial}"]').click()
    wait_for_net(page, first.trial)
    layers = page.locator("#net-layers tbody tr")
    assert layers.count() == len(first.notation.split())
    page.locator(f'.front-point[data-trial="{second.trial}"]').focus()
    assert second.notation in page.locator(".tip").inner_text(), "what has the focus is told"
    page.keyboard.press("Enter")
    wait_for_net(page, second.trial)
    assert page.locator(f'.front-point[data-trial="{second.trial}"]').get_attribute("aria-pressed") == "true"
    page.locator("button.trial", has_text=re.compile(f"^{first.trial}$")).click()
    wait_for_net(page, first.trial)
    point = page.locator(f'.front-point[data-trial="{second.trial}"]')
    point.scroll_into_view_if_needed()
    point.hover()
    assert second.notation in page.locator(".tip").inner_text()
    assert visited.complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(1_100, "light"), (1_100, "dark"), (360, "light")])
def test_the_page_is_accessible_and_fits(
    report_file: Path, visit: Callable[..., Visit], width: int, scheme: str
) -> None:
    page = visit(report_file.as_uri(), width=width, scheme=scheme).page
    page.wait_for_selector("#net-layers")
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:3]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    labels = page.locator("#front-chart .label")
    boxes = [labels.nth(index).bounding_box() for index in range(labels.count())]
    overlaps = [(a, b) for index, a in enumerate(boxes) for b in boxes[:index] if _overlap(a, b)]
    assert overlaps == []


def _overlap(a: Any, b: Any) -> bool:
    return all(
        a[place] < b[place] + b[size] and b[place] < a[place] + a[size]
        for place, size in (("x", "width"), ("y", "height"))
    )


def test_the_page_can_be_printed(report_file: Path, visit: Callable[..., Visit]) -> None:
    page = visit(report_file.as_uri(), scheme="dark").page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF")


def test_a_running_study_updates_itself(tmp_path: Path, serve_here, visit: Callable[..., Visit]) -> None:
    search = make_search(tmp_path)
    visited = visit(f"http://127.0.0.1:{serve_here(search.store.url)}/")
    assert "No trial is complete yet." in visited.page.locator("#front-chart").inner_text()
    train_one(search, 8, [0.6, 0.9])
    visited.page.wait_for_selector('.front-point[data-trial="0"]', timeout=WITHIN)
    train_one(search, 4, [0.6, 0.95])
    visited.page.wait_for_selector('.front-point[data-trial="1"]', timeout=WITHIN)
    assert visited.front() == [1], "the larger and worse net is gone"
    assert visited.complaints == []


def test_a_killed_search_leaves_a_page_that_says_where_it_stood(tmp_path: Path, serve_here, visit) -> None:
    search = make_search(tmp_path)
    train_one(search, 8, [0.6, 0.9])
    slot = search.slots.claim(10, WORKER)
    assert slot is not None
    trial = begin(search, 9)
    slot = search.slots.assign(slot, trial.number, 199)
    search.store_epoch(slot, results(0.7)[0])
    page = visit(f"http://127.0.0.1:{serve_here(search.store.url)}/").page
    told = page.locator("#state").inner_text()
    assert re.search(
        r"1 trial trained; no search is running, and 1 trial stopped on the way\. Its workers gave their last sign "
        r"of life at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. The same command goes on",
        told,
    ), told
    assert page.locator("#unfinished tbody tr").inner_text().split() == ["1", "interrupted", "199", "1", "70.00", "%"]


def test_with_a_token_a_browser_sees_everything_and_keeps_it(watched_study: SmallStudy, serve_here, visit) -> None:
    token = "a-token-of-our-own"
    address = f"http://127.0.0.1:{serve_here(watched_study.url, token=token)}/"
    visited = visit(f"{address}?token={token}")
    assert visited.page.url == address, "the token does not stay in the address"
    assert visited.front() == [point.trial for point in front_of(watched_study)]
    visited.page.goto(f"{address}dashboard/")
    visited.page.wait_for_selector(f"text={watched_study.name}", timeout=20_000)
    assert visited.complaints == []


def test_what_the_page_asks_for_is_what_the_report_holds(
    watched_study: SmallStudy, report_file: Path, serve_here
) -> None:
    address = f"http://127.0.0.1:{serve_here(watched_study.url)}"
    text = report_file.read_text(encoding="utf-8")
    held = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    with urllib.request.urlopen(f"{address}/study.json", timeout=30) as answer:
        overview = json.loads(answer.read())
        tag = answer.headers["ETag"]
    assert {key: overview[key] for key in ("front", "trials", "counts", "curves", "spent")} == {
        key: held["overview"][key] for key in ("front", "trials", "counts", "curves", "spent")
    }
    for trial, detail in held["details"].items():
        with urllib.request.urlopen(f"{address}/trials/{trial}.json", timeout=30) as answer:
            served = json.loads(answer.read())
        assert {**detail, "mistakes": None} == {**served, "mistakes": None}
    request = urllib.request.Request(f"{address}/study.json", headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError, match="304"):
        urllib.request.urlopen(request, timeout=30)
