"""A trained model, its analysis and the report on it, and what is on a page."""

import base64
import csv
import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mnist_core.checkpoint import load_checkpoint
from mnist_core.data import Dataset, load_dataset
from search.analysis.analyse import FACTS_FILE, PAGE_FILE, write_analysis
from search.analysis.charts import draw_charts
from search.analysis.facts import Analysis, Subject, analyse_model, sample_inputs
from search.analysis.page import render_page
from search.training.request import TrainRequest, train_model

NOTATION = "6s:brd0.05 p 8v:br gap fc10+"

VOID = {"meta", "img", "br", "use"}


class Page(HTMLParser):
    """What is on a page: texts by the nearest id around them, rows of tables, attributes; checked to be well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.svg_texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self._open

    @property
    def images(self) -> list[bytes]:
        sources = [value for tag, name, value in self.attributes if (tag, name) == ("img", "src")]
        return [base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True) for source in sources]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        around = self._open[-1][1] if self._open else ""
        if tag not in VOID:
            self._open.append((tag, dict(attrs).get("id") or around))
        if tag == "tr":
            self.rows.setdefault(around, []).append([])
        elif tag in ("td", "th"):
            self.rows[around][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not self._open or not data.strip():
            return
        tags, around = [tag for tag, _ in self._open], self._open[-1][1]
        if "svg" in tags:
            self.svg_texts.setdefault(around, []).append(data.strip())
        else:
            self.texts[around] = self.texts.get(around, "") + data
        if {"td", "th"} & {*tags}:
            self.rows[around][-1][-1] += data


@dataclass(frozen=True)
class Report:
    folder: Path

    @property
    def html(self) -> str:
        return (self.folder / PAGE_FILE).read_text(encoding="utf-8")

    @property
    def page(self) -> Page:
        return Page(self.html)

    @property
    def facts(self) -> dict:
        return json.loads((self.folder / FACTS_FILE).read_text(encoding="utf-8"))

    def table(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((self.folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="session")
def data() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, environment) -> Path:
    """The folder of a training of seven epochs, which leave it some mistakes."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train_model(TrainRequest(model=NOTATION, out=folder, epochs=7, batch_size=16, dataset="digits", quiet=True))
    return folder


@pytest.fixture(scope="session")
def report(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return analyse(trained / "last.safetensors", tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="session")
def analysis(trained: Path, data: Dataset) -> Analysis:
    checkpoint = load_checkpoint(trained / "last.safetensors")
    return analyse_model(Subject(checkpoint, "A net", "Of <nowhere> & here", (), 8_000, "a limit"), data)


def analyse(model: object, out: Path, **options: object) -> Report:
    defaults = {"study": None, "storage": "sqlite:///none.db", "data_root": None, "force": False}
    write_analysis(str(model), out, **{**defaults, **options})
    return Report(out)


def make_page(analysis: Analysis) -> Page:
    return Page(render_page(analysis, draw_charts(analysis), sample_inputs(analysis)[0]))
