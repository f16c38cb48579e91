"""The dashboard over HTTP: what optuna-dashboard shows beside the page, and all that is refused."""

import hashlib
import json
import os
import re
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
from optuna.storages import InMemoryStorage

from search.dashboard.guard import Rules, guarded
from search.dashboard.server import open_server
from space.errors import InputError
from studies.creation import discard
from studies.storage import Store
from tests.search.dashboard.conftest import free_port
from tests.stores import create_search, make_search, train_one

START_SECONDS = 90
PORT = 8080
READ_ONLY = "this dashboard is read-only; one that was started with --writable can change studies"
ADDRESSED = "requests must be addressed to 127.0.0.1:{port} or localhost:{port} or [::1]:{port}"
NO_OVERRIDE = "requests may not override their method"
OWN_PAGES = "only the dashboard's own pages may ask it"


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
            address = f"http://127.0.0.1:{process.args[-1]}"
            assert stdout.splitlines() == [
                f"the study's page on   {address}/",
                f"optuna-dashboard on   {address}/dashboard/",
                "read-only; Ctrl-C ends it",
            ]
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


def test_a_trial_is_shown_to_a_page_that_was_open_before_the_dashboard(watched_study, serve_here) -> None:
    front = Store.open_read_only(watched_study.url).load_study(watched_study.name).best_trials
    status, details = ask(serve_here(watched_study.url), "GET", f"/trials/{front[0].number}.json")
    assert (status, len(details["val"])) == (200, 4)


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
        assert call(guarded(echo, Rules(port, writable=writable)), HTTP_HOST=host) == expected


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH", "TRACE", "delete", "MERGE"])
def test_a_request_that_may_change_something_needs_a_writable_dashboard(method: str) -> None:
    own = {"HTTP_HOST": f"localhost:{PORT}", "REQUEST_METHOD": method}
    assert call(guarded(echo, Rules(PORT)), **own) == (403, READ_ONLY)
    assert call(guarded(echo, Rules(PORT, writable=True)), **own) == (204, None)


@pytest.mark.parametrize("header", ["X_HTTP_METHOD_OVERRIDE", "X_HTTP_METHOD", "X_METHOD_OVERRIDE"])
def test_no_request_claims_another_method(header: str) -> None:
    own = {"HTTP_HOST": f"localhost:{PORT}", f"HTTP_{header}": "DELETE"}
    for writable in (False, True):
        assert call(guarded(echo, Rules(PORT, writable=writable)), **own) == (403, NO_OVERRIDE)


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
    app = guarded(echo, Rules(PORT, writable=True))
    own = {"HTTP_HOST": f"localhost:{PORT}", "HTTP_ORIGIN": origin}
    assert call(app, **own, REQUEST_METHOD="DELETE") == ((204, None) if is_own else (403, OWN_PAGES))
    assert call(app, **own) == ((204, None) if is_own else (403, OWN_PAGES)), "nor may they read"


def test_a_writable_dashboard_deletes_the_study_that_a_page_asks_it_to(copied_study) -> None:
    store = Store.open(copied_study.url)
    app = guarded(optuna_dashboard.wsgi(store.storage, artifact_store=store.artifacts), Rules(PORT, writable=True))
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


TOKEN = "a-token-of-our-own"


def routes_that_change() -> list[tuple[str, str]]:
    """Every method and path by which optuna-dashboard changes a store, with numbers in place of its parameters."""
    app = optuna_dashboard._app.create_app(InMemoryStorage(), artifact_store=None)
    routes = {(route.method, re.sub(r"<[^>]+>", "1", route.rule)) for route in app.routes}
    return sorted(route for route in routes if route[0] not in ("GET", "HEAD", "OPTIONS"))


def test_every_request_that_would_change_something_is_refused(watched_study, serve_here) -> None:
    port = serve_here(watched_study.url)
    store = watched_study.folder / "studies.db"
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    requests = [*routes_that_change(), *[(method, "/study.json") for method in ("POST", "PUT", "DELETE", "PATCH")]]
    assert len(requests) >= 20
    for method, path in requests:
        assert ask(port, method, path) == (403, {"reason": READ_ONLY}), (method, path)
    assert hashlib.sha256(store.read_bytes()).hexdigest() == before
    assert ask(port, "GET", "/api/studies")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/study.json", "/trials/0.json", "/dashboard/", "/api/studies", "/api/meta", "/static/bundle.js",
     "/artifacts/1/1/x", "/csv/1", "/favicon.ico", "/no-such-page"],
)  # fmt: skip
def test_without_the_token_nothing_is_told(path: str, watched_study, serve_here, token_port) -> None:
    wrong = [
        {},
        {"Authorization": "Bearer a-token-of-others"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"search_token_{token_port}=a-token-of-others"},
        {"Cookie": f"search_token={TOKEN}"},
    ]
    for headers in wrong:
        assert ask(token_port, "GET", path, **headers)[0] == 401
        assert ask(token_port, "POST", path, **headers)[0] == 401
    assert ask(token_port, "GET", f"{path}?token=a-token-of-others")[0] == 401
    assert ask(token_port, "GET", path, Host="attacker.example", Authorization=f"Bearer {TOKEN}")[0] == 403


@pytest.fixture(scope="module")
def token_port(watched_study, serve_here) -> int:
    return serve_here(watched_study.url, token=TOKEN)


def test_with_the_token_all_is_told_and_nothing_changed(token_port: int) -> None:
    for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"Cookie": f"search_token_{token_port}={TOKEN}"}):
        assert ask(token_port, "GET", "/study.json", **headers)[0] == 200
        assert ask(token_port, "GET", "/api/studies", **headers)[0] == 200
        assert ask(token_port, "DELETE", "/api/studies/1", **headers) == (403, {"reason": READ_ONLY})
    assert ask(token_port, "GET", f"/dashboard/?x=1&token={TOKEN}")[0] == 303


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"host": "0.0.0.0"}, "--host 0.0.0.0 lets other machines in, so it needs a secret"),
        ({"host": "::"}, "--host :: lets other machines in, so it needs a secret"),
        ({"host": "example.org"}, "--host example.org lets other machines in, so it needs a secret"),
        ({"host": " "}, "--host must be a name or an address of this machine, not ' '"),
        ({"token": "short"}, "--token must be at least 16 letters, digits and characters of '-._~'"),
        ({"token": "sixteen letters;"}, "--token must be at least 16 letters, digits and characters of '-._~'"),
        ({"port": 0}, "--port must be from 1 to 65535, not 0"),
    ],
)
def test_rules_that_let_others_in_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)) as refused:
        Rules(**{"port": PORT, **settings})
    assert settings.get("token", "nothing") not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "asked", "is_own"),
    [
        ("0.0.0.0", "192.0.2.7:8080", True),
        ("0.0.0.0", "[2001:db8::7]:8080", True),
        ("0.0.0.0", "localhost:8080", True),
        ("0.0.0.0", f"{socket.gethostname()}:8080", True),
        ("0.0.0.0", "attacker.example:8080", False),
        ("192.0.2.7", "192.0.2.7:8080", True),
        ("192.0.2.7", "192.0.2.8:8080", False),
        ("192.0.2.7", "192.0.2.7:8081", False),
        ("localhost", "192.0.2.7:8080", False),
        ("127.0.0.2", "127.0.0.2:8080", True),
        ("::1", "[::1]:8080", True),
    ],
)
def test_other_addresses_have_names_of_their_own(host: str, asked: str, is_own: bool) -> None:
    rules = Rules(PORT, host, TOKEN)
    status, _ = call(guarded(echo, rules), HTTP_HOST=asked, HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    assert status == (204 if is_own else 403)


def test_a_port_that_is_taken_is_named(watched_study) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port} can't be used: Address already in use"):
            open_server(Store.open_to_watch(watched_study.url), Rules(port))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.7"])
def test_an_address_of_another_machine_is_named(host: str, watched_study) -> None:
    with pytest.raises(InputError, match=f"--host {host} with --port {PORT} can't be used"):
        open_server(Store.open_to_watch(watched_study.url), Rules(PORT, host, TOKEN))


def test_a_study_that_is_begun_anew_is_shown_anew(tmp_path, serve_here) -> None:
    search = make_search(tmp_path)
    train_one(search, 8, [0.6, 0.9])
    port = serve_here(search.store.url)
    assert ask(port, "GET", "/study.json")[1]["num_trained"] == 1
    discard(search.store, search.name)
    assert ask(port, "GET", "/study.json") == (404, {"reason": "the store has no study yet"})
    create_search(tmp_path)
    assert ask(port, "GET", "/study.json")[1]["num_trained"] == 0


def test_of_several_studies_the_one_that_was_made_last_is_shown(tmp_path, serve_here) -> None:
    for name in ("zzz", "aaa"):
        search = make_search(tmp_path, name)
    assert ask(serve_here(search.store.url), "GET", "/study.json")[1]["study"] == "aaa"


def test_a_client_that_takes_no_compressed_answers_gets_files_too(watched_study, serve_here) -> None:
    connection = HTTPConnection("127.0.0.1", serve_here(watched_study.url), timeout=30)
    for path in ("/static/bundle.js", "/favicon.ico", "/"):
        connection.putrequest("GET", path, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Encoding"], len(answer.read()) > 100) == (200, None, True), path
    connection.close()


def test_a_study_or_trial_that_is_not_there_is_named(watched_study, serve_here) -> None:
    port = serve_here(watched_study.url)
    assert ask(port, "GET", "/study.json?study=none")[0] == 404
    assert ask(port, "GET", "/trials/99.json") == (404, {"reason": "study 'digits-3000' has no trained trial 99"})
