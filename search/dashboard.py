"""Serving optuna-dashboard on a study store."""

import socket
import threading

import optuna_dashboard

from space.errors import InputError
from studies.storage import Store

HOST = "127.0.0.1"
"""Address of this machine only, since the dashboard has no passwords and can change studies."""


def serve(url: str, port: int) -> None:
    """Serve until interrupted. Raises `InputError` if the store does not exist or the port can't be used."""
    _check_port(port)
    store = Store.open(url)
    print(f"optuna-dashboard on http://{HOST}:{port}/ (Ctrl-C ends it)", flush=True)
    # Runs in a thread, since the server's request handler swallows a Ctrl-C that arrives in it; here it always counts.
    server = threading.Thread(
        target=optuna_dashboard.run_server,
        args=(store.storage,),
        kwargs={"host": HOST, "port": port, "artifact_store": store.artifacts},
        daemon=True,
    )
    server.start()
    server.join()


def _check_port(port: int) -> None:
    if not 1 <= port <= 65_535:
        raise InputError(f"--port must be from 1 to 65535, not {port}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(f"--port {port} can't be used: {error.strerror}") from None
