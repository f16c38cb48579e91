"""optuna-dashboard on a store that a search made, over HTTP: ours with model files, and the plain command."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna_dashboard
import pytest

from search.dashboard import guarded
from studies.storage import Store

START_SECONDS = 90
PORT = 8080
READ_ONLY = "this dashboard is read-only; one that was started with --writable can change studies"
ADDRESSED = "requests must be addressed to 127.0.0.1:{port} or localhost:{port} or [::1]:{port}"
NO_OVERRIDE = "requests may not override their method"
OWN_PAGES = "only the dashboard's own pages may change studies"


@pytest.fixture
def serve(search) -> Iterator[Callable[..., str]]:
    """Starts a server in the test's folder and gives its address once it answers; Ctrl-C ends it, cleanly."""
    processes: list[subprocess.Popen[str]] = []

    def start(*line: str) -> str:
        port = free_port()
        process = subprocess.Popen(
            [*line, "--port", str(port)],
            cwd=search.folder,
            env=search.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, process.communicate()
            try:
                get(f"{address}/api/meta")
                return address
            except OSError:
                assert time.monotonic() < deadline, "it does not answer"
                time.sleep(0.2)

    yield start
    for process in processes:
        os.killpg(process.pid, signal.SIGINT)
        try:
            stdout, stderr = process.communicate(timeout=20)
        finally:
            process.kill()
        if process.args[1:3] == ["-m", "search"]:
            assert process.returncode in (0, 130)
            assert stdout == f"optuna-dashboard on http://127.0.0.1:{process.args[-1]}/, read-only (Ctrl-C ends it)\n"
            assert "Traceback" not in stderr


def test_our_dashboard_serves_studies_and_models_to_this_machine_alone(
    search, search_here, copied_study, serve
) -> None:
    address = serve(*search.line("dashboard"))
    check_studies(address, search_here.json("front"))
    check_artifacts(address, copied_study.folder / "studies.db.artifacts")
    port = address.rpartition(":")[2]
    check_refusals(int(port), copied_study.folder)
    bound = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
    assert f"0100007F:{int(port):04X}" in bound
    assert f"00000000:{int(port):04X}" not in bound


def test_plain_optuna_dashboard_serves_the_same_store(search_here, copied_study, serve) -> None:
    program = Path(sys.executable).with_name("optuna-dashboard")
    address = serve(str(program), "sqlite:///studies.db", "--artifact-dir", "studies.db.artifacts")
    check_studies(address, search_here.json("front"))
    check_artifacts(address, copied_study.folder / "studies.db.artifacts")


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """Send a request to a server on this machine; gives the status and what its JSON says."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content else None


def check_refusals(port: int, folder: Path) -> None:
    """A request for another host, or one that would change the store, is refused, and the store stays as it was."""
    before = {path.name: path.stat().st_size for path in (folder / "studies.db.artifacts").iterdir()}
    addressed = ADDRESSED.format(port=port)
    assert ask(port, "GET", "/api/studies", Host="localhost:" + str(port))[0] == 200
    assert ask(port, "GET", "/api/studies", Host="attacker.example") == (403, {"reason": addressed})
    assert ask(port, "DELETE", "/api/studies/1", Host="attacker.example") == (403, {"reason": addressed})
    assert ask(port, "DELETE", "/api/studies/1") == (403, {"reason": READ_ONLY})
    assert ask(port, "POST", "/api/studies/1/rename") == (403, {"reason": READ_ONLY})
    assert ask(port, "GET", "/api/studies/1", X_HTTP_Method_Override="DELETE") == (403, {"reason": NO_OVERRIDE})
    names = [study["study_name"] for study in ask(port, "GET", "/api/studies")[1]["study_summaries"]]
    assert sorted(names) == ["digits-3000", "digits-3000.curves"]
    assert {path.name: path.stat().st_size for path in (folder / "studies.db.artifacts").iterdir()} == before


def call(app: Any, **environ: str) -> tuple[int, str | None]:
    """Call a WSGI application; gives the status and the reason that it states."""
    setup_testing_defaults(environ)
    statuses: list[str] = []
    body = b"".join(app(environ, lambda status, *_: statuses.append(status)))
    return int(statuses[0].split()[0]), json.loads(body)["reason"] if body else None


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("204 No Content", [])
    return []


@pytest.mark.parametrize(
    ("port", "host", "is_own"),
    [
        (PORT, "127.0.0.1:8080", True),
        (PORT, "localhost:8080", True),
        (PORT, "LocalHost:8080", True),
        (PORT, "[::1]:8080", True),
        (PORT, "localhost", False),
        (PORT, "localhost:8081", False),
        (PORT, "", False),
        (PORT, "attacker.example:8080", False),
        (PORT, "localhost.attacker.example:8080", False),
        (PORT, "localhost:8080@attacker.example", False),
        (PORT, "localhost:8080,attacker.example", False),
        (PORT, "::1:8080", False),
        (80, "localhost", True),
        (80, "[::1]:80", True),
        (80, "attacker.example", False),
    ],
)
def test_requests_are_answered_only_under_the_servers_own_names(port: int, host: str, is_own: bool) -> None:
    for writable in (False, True):
        expected = (204, None) if is_own else (403, ADDRESSED.format(port=port))
        assert call(guarded(echo, port, writable=writable), HTTP_HOST=host) == expected


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH", "TRACE", "delete", "MERGE"])
def test_a_request_that_may_change_something_needs_a_writable_dashboard(method: str) -> None:
    own = {"HTTP_HOST": f"localhost:{PORT}", "REQUEST_METHOD": method}
    assert call(guarded(echo, PORT, writable=False), **own) == (403, READ_ONLY)
    assert call(guarded(echo, PORT, writable=True), **own) == (204, None)


@pytest.mark.parametrize("header", ["X_HTTP_METHOD_OVERRIDE", "X_HTTP_METHOD", "X_METHOD_OVERRIDE"])
def test_no_request_claims_another_method(header: str) -> None:
    own = {"HTTP_HOST": f"localhost:{PORT}", f"HTTP_{header}": "DELETE"}
    for writable in (False, True):
        assert call(guarded(echo, PORT, writable=writable), **own) == (403, NO_OVERRIDE)


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost:3000", False),
        ("https://localhost:8080", False),
        ("http://attacker.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_pages_of_others_may_not_change_what_is_writable(origin: str, is_own: bool) -> None:
    app = guarded(echo, PORT, writable=True)
    own = {"HTTP_HOST": f"localhost:{PORT}", "HTTP_ORIGIN": origin}
    assert call(app, **own, REQUEST_METHOD="DELETE") == ((204, None) if is_own else (403, OWN_PAGES))
    assert call(app, **own) == (204, None), "reading is left to the browser's own rules"


def test_a_writable_dashboard_deletes_the_study_that_a_page_asks_it_to(copied_study) -> None:
    store = Store.open(copied_study.url)
    app = guarded(optuna_dashboard.wsgi(store.storage, artifact_store=store.artifacts), PORT, writable=True)
    curves = next(study for study in store.storage.get_all_studies() if study.study_name.endswith(".curves"))
    page = {"HTTP_HOST": f"localhost:{PORT}", "HTTP_ORIGIN": f"http://localhost:{PORT}", "REQUEST_METHOD": "DELETE"}
    assert call(app, **page, PATH_INFO=f"/api/studies/{curves._study_id}") == (204, None)
    assert [study.study_name for study in store.storage.get_all_studies()] == ["digits-3000"]


def check_studies(address: str, front: list[dict[str, Any]]) -> None:
    ids = {study["study_name"]: study["study_id"] for study in get_json(f"{address}/api/studies")["study_summaries"]}
    assert set(ids) == {"digits-3000", "digits-3000.curves"}

    study = get_json(f"{address}/api/studies/{ids['digits-3000']}")
    assert study["directions"] == ["maximize", "minimize"]
    assert study["objective_names"] == ["val_accuracy", "num_params"]
    points = {trial["number"]: trial["values"] for trial in study["best_trials"]}
    assert points == {point["trial"]: [point["val_accuracy"], point["num_params"]] for point in front}
    assert len(study["trials"]) == 6
    for trial in study["trials"]:
        attributes = {attribute["key"]: attribute["value"] for attribute in trial["user_attrs"]}
        assert {"notation", "num_params", "val_accuracy", "outcome", "seconds"} <= set(attributes)
        assert {"stage1_width1", "batch_size", "max_lr"} <= {param["name"] for param in trial["params"]}

    curves = get_json(f"{address}/api/studies/{ids['digits-3000.curves']}")
    assert (curves["directions"], curves["objective_names"]) == (["maximize"], ["val_accuracy"])
    assert curves["has_intermediate_values"]
    assert len(curves["trials"]) == 6
    values = {trial["number"]: trial.get("values") for trial in study["trials"]}
    for trial in curves["trials"]:
        curve = trial["intermediate_values"]
        assert [value["step"] for value in curve] == list(range(1, len(curve) + 1))
        assert trial["values"] == [curve[-1]["value"]]
        attributes = {attribute["key"]: attribute["value"] for attribute in trial["user_attrs"]}
        if trial["state"] == "Complete":
            assert values[int(attributes["trial"])][0] == curve[-1]["value"]


def check_artifacts(address: str, folder: Path) -> None:
    """Every completed trial's model file can be downloaded."""
    assert get_json(f"{address}/api/meta")["artifact_is_available"]
    summaries = get_json(f"{address}/api/studies")["study_summaries"]
    study_id = next(study["study_id"] for study in summaries if study["study_name"] == "digits-3000")
    complete = [
        trial for trial in get_json(f"{address}/api/studies/{study_id}")["trials"] if trial["state"] == "Complete"
    ]
    assert complete
    for trial in complete:
        (artifact,) = trial["artifacts"]
        assert artifact["filename"] == f"trial-{trial['number']}.safetensors"
        served = get(f"{address}/artifacts/{study_id}/{trial['trial_id']}/{artifact['artifact_id']}")
        assert served == (folder / artifact["artifact_id"]).read_bytes()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read()


def get_json(url: str) -> Any:
    return json.loads(get(url))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
