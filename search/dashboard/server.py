"""Serving the page of a study, which follows it while it grows, and optuna-dashboard on the same address."""

import gzip
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import optuna_dashboard
import waitress

from search.dashboard.annotations import annotate, annotate_curves
from search.dashboard.guard import EVERYWHERE, LOOPBACK, Rules, guarded
from search.study_report.details import read_details
from search.study_report.overview import StudyReader
from search.study_report.page import render_page
from space.errors import InputError, SearchError
from studies.failures import store_failure
from studies.names import CURVES_SUFFIX, latest_name
from studies.storage import Store

NUM_THREADS = 8
"""Requests that are answered at a time; others wait."""
DATA_SHARE = 20
"""A study is read again after so many times as long as it took to read last, within these bounds:"""
LEAST_SECONDS, MOST_SECONDS = 1.0, 15.0
"""Times after which a study is read again at the earliest and at the latest."""
TRIAL = re.compile(r"/trials/(\d{1,18})\.json")
OPTUNA_STUDY = re.compile(r"/api/studies/\d+")
"""The path at which optuna-dashboard describes a study."""
NUM_GZIPPED = 10_000
"""Bytes from which on an answer is compressed."""


def serve(url: str, rules: Rules, *, tell: Callable[[str], None]) -> None:
    """Serve until interrupted, as the rules say; ``tell`` is given the lines that name the addresses.

    Raises `InputError` if the store does not exist or the address can't be used, and KeyboardInterrupt at the end.
    """
    store = Store.open(url) if rules.writable else Store.open_to_watch(url)
    server = open_server(store, rules)
    shown = LOOPBACK if rules.host in EVERYWHERE else rules.host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{rules.port}"
    token = "" if rules.token is None else f"?token={rules.token}"
    tell(f"the study's page on   {address}/{token}")
    tell(f"optuna-dashboard on   {address}/dashboard/{token}")
    tell(f"{'writable' if rules.writable else 'read-only'}; Ctrl-C ends it")
    server.run()  # returns only after an interrupt
    raise KeyboardInterrupt


def open_server(store: Store, rules: Rules) -> Any:
    """Return a server that listens already, whose ``run`` serves and whose ``close`` ends that."""
    dashboard = optuna_dashboard.wsgi(store.storage, artifact_store=store.artifacts)
    app = guarded(LivePage(store, dashboard), rules)
    place = f"--port {rules.port}" if rules.host == LOOPBACK else f"--host {rules.host} with --port {rules.port}"
    try:
        return waitress.create_server(app, host=rules.host, port=rules.port, threads=NUM_THREADS, ident=None)
    except OSError as error:
        raise InputError(f"{place} can't be used: {error.strerror}") from None
    except ValueError:  # waitress found no such address
        raise InputError(f"{place} can't be used: this machine has no such address") from None


class LivePage:
    """A WSGI application that answers for the page, and leaves all other paths to another application."""

    def __init__(self, store: Store, others: WSGIApplication) -> None:
        self._store = store
        self._others = others
        self._studies: dict[str, _Study] = {}
        self._lock = threading.Lock()
        page = render_page("Search", {"live": True})
        self._page = page.encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.setdefault("HTTP_ACCEPT_ENCODING", "identity")  # optuna-dashboard fails without it
        path, is_reading = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if is_reading and path == "/":
            return _answer(environ, start_response, self._page, "text/html; charset=utf-8")
        if environ["REQUEST_METHOD"] == "GET" and OPTUNA_STUDY.fullmatch(path):
            return self._explained(environ, start_response)
        trial = TRIAL.fullmatch(path)
        if not is_reading or not (trial or path == "/study.json"):
            return self._others(environ, start_response)
        try:
            study = self._study(dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("study"))
            body, tag = study.details(int(trial[1])) if trial else study.overview()
        except SearchError as error:
            status = "404 Not Found" if isinstance(error, InputError) else "500 Internal Server Error"
            return _refuse(start_response, status, str(error))
        except Exception as error:
            if failure := store_failure(error):
                return _refuse(start_response, "503 Service Unavailable", failure)
            raise
        if tag is not None and environ.get("HTTP_IF_NONE_MATCH") == tag:
            # Without a length the server would add the end of a chunked body, where there may be none.
            start_response("304 Not Modified", [("ETag", tag), ("Content-Length", "0")])
            return []
        return _answer(environ, start_response, body, "application/json", tag)

    def _explained(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what optuna-dashboard answers for a study, with notes and plots if it is one of ours."""
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def note_start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            begun.append((status, headers))
            return lambda _: None

        body = b"".join(self._others(environ, note_start))
        status, headers = begun[-1]
        if status.startswith("200"):
            described = json.loads(body)
            self._explain(described)
            body = _json(described)
            return _answer(environ, start_response, body, "application/json")
        start_response(status, headers)
        return [body]

    def _explain(self, described: dict[str, Any]) -> None:
        name = str(described["name"])
        searched = name.removesuffix(CURVES_SUFFIX)
        with suppress(SearchError):  # a damaged study is shown as far as optuna-dashboard can
            if searched != name and searched in self._store.study_names():
                annotate_curves(described, searched)
            elif name in self._store.study_names():
                annotate(described, *self._study(name).annotations())

    def _study(self, name: str | None) -> "_Study":
        with self._lock:
            names = self._store.study_names()
            # One that was deleted may be begun anew under its name.
            self._studies = {known: study for known, study in self._studies.items() if known in names}
            if name is None and not names:
                raise InputError("the store has no study yet")
            name = self._store.resolve_study_name(latest_name(self._store.database) if name is None else name)
            if name not in self._studies:
                self._studies[name] = _Study(self._store, name, self._store.study_names)
            return self._studies[name]


class _Study:
    def __init__(self, store: Store, name: str, study_names: Callable[[], list[str]]) -> None:
        self._reader = StudyReader(store, name)
        self._study_names = study_names
        self._lock = threading.Lock()
        self._again = 0.0
        self._overview: dict[str, Any] = {}
        self._of_front: dict[int, dict[str, Any]] = {}

    def overview(self) -> tuple[bytes, str]:
        """Return the study's state as JSON, at most about a second old, and a tag that changes with it."""
        with self._lock:
            self._read()
            return self._body, self._tag

    def annotations(self) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
        """Return the study's state and the details of the trials on its front."""
        with self._lock:
            self._read()
            front = [point["trial"] for point in self._overview["front"]]
            ids = self._reader.summaries.ids_of(number for number in front if number not in self._of_front)
            self._of_front |= read_details(self._reader.store, self._reader.name, ids)
            return self._overview, {number: self._of_front[number] for number in front if number in self._of_front}

    def _read(self) -> None:
        if time.monotonic() >= self._again:
            _ = self._reader.images  # which are loaded once, and count for nothing in what comes after
            started = time.monotonic()
            self._overview = {**self._reader.read(), "studies": self._study_names()}
            self._tag = f'"{hashlib.sha256(_json(self._overview | {"read": ""})).hexdigest()[:16]}"'
            self._body = _json(self._overview)
            ended = time.monotonic()
            self._again = ended + min(MOST_SECONDS, max(LEAST_SECONDS, DATA_SHARE * (ended - started)))

    def details(self, number: int) -> tuple[bytes, None]:
        """Return the details of a trained trial as JSON. Raises `InputError` if there is no such trial."""
        with self._lock:
            self._read()
            ids = self._reader.summaries.ids_of([number]) or {
                trial: id for trial, id in self._reader.summaries.unfinished.items() if trial == number
            }
            found = read_details(self._reader.store, self._reader.name, ids, self._reader.images)
        if number not in found:
            raise InputError(f"study {self._reader.name!r} has no trained trial {number}")
        return _json(found[number]), None


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _answer(
    environ: WSGIEnvironment, start_response: StartResponse, body: bytes, kind: str, tag: str | None = None
) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Cache-Control", "no-store"), *([] if tag is None else [("ETag", tag)])]
    if len(body) >= NUM_GZIPPED and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
        body = gzip.compress(body, compresslevel=1)
        headers.append(("Content-Encoding", "gzip"))
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _refuse(start_response: StartResponse, status: str, reason: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps({"reason": reason}).encode()]
