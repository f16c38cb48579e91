"""Serving optuna-dashboard on a study store: to this machine alone, and read-only unless it is told otherwise."""

import json
import threading
from collections.abc import Iterable
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import optuna_dashboard

from space.errors import InputError
from studies.storage import Store

HOST = "127.0.0.1"
"""Address of this machine only, since the dashboard has no passwords."""
OWN_NAMES = (HOST, "localhost", "[::1]")
"""Names by which this machine calls itself. A page from elsewhere can point a name of its own at this machine."""
HTTP_PORT = 80
"""The port that browsers leave out of a request's host."""
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OVERRIDES = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE")
"""Headers by which some servers let a request claim another method than its own."""


def serve(url: str, port: int, *, writable: bool) -> None:
    """Serve until interrupted; requests that would change the store are refused unless ``writable``.

    Raises `InputError` if the store does not exist or the port can't be used.
    """
    if not 1 <= port <= 65_535:
        raise InputError(f"--port must be from 1 to 65535, not {port}")
    store = Store.open(url) if writable else Store.open_to_watch(url)
    dashboard = optuna_dashboard.wsgi(store.storage, artifact_store=store.artifacts)
    try:
        server = make_server(HOST, port, guarded(dashboard, port, writable=writable))
    except OSError as error:
        raise InputError(f"--port {port} can't be used: {error.strerror}") from None
    kind = "writable" if writable else "read-only"
    print(f"optuna-dashboard on http://{HOST}:{port}/, {kind} (Ctrl-C ends it)", flush=True)
    # Runs in a thread, since the server's request handler swallows a Ctrl-C that arrives in it; here it always counts.
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    thread.join()


def guarded(app: WSGIApplication, port: int, *, writable: bool) -> WSGIApplication:
    """Wrap an application served on ``port`` so that it is never reached by requests that `find_refusal` refuses.

    These get status 403 and a JSON object with the reason, as the dashboard's pages show it.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        reason = find_refusal(environ, port, writable=writable)
        if reason is None:
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "application/json")])
        return [json.dumps({"reason": reason}).encode()]

    return answer


def find_refusal(environ: WSGIEnvironment, port: int, *, writable: bool) -> str | None:
    """Return why a request is refused; None if it may be answered.

    A request must be addressed to this server by its own name, which keeps out pages whose name was pointed at this
    machine. One that may change something needs ``writable`` and, if a page sent it, a page of this server.
    """
    hosts = {f"{name}:{port}" for name in OWN_NAMES} | ({*OWN_NAMES} if port == HTTP_PORT else set())
    if environ.get("HTTP_HOST", "").lower() not in hosts:
        return f"requests must be addressed to {' or '.join(f'{name}:{port}' for name in OWN_NAMES)}"
    if any(name in environ for name in OVERRIDES):
        return "requests may not override their method"
    if environ["REQUEST_METHOD"] in READING_METHODS:
        return None
    if not writable:
        return "this dashboard is read-only; one that was started with --writable can change studies"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
        return "only the dashboard's own pages may change studies"
    return None
