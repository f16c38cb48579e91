"""A PostgreSQL server of one's own in a temporary folder, on loopback and a free port, for benchmarks and tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

USER = "search"
_STARTERS = ("postgres", "nobody")
"""Users as whom root starts a server, which refuses to run as root: the first that there is."""


def find_binaries() -> Path | None:
    """Return the folder of the newest installed PostgreSQL's programs, or None if there is none."""
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").is_file()]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


class PostgresServer:
    """A running server; anyone on this machine may connect to it as `USER`, without a password."""

    def __init__(self, binaries: Path, folder: Path, port: int, owner: str | None) -> None:
        self._binaries = binaries
        self._folder = folder
        self.port = port
        self._owner = owner

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute a statement outside a transaction."""
        address = self.url(database).replace("postgresql:", "postgresql+psycopg:", 1)
        engine = create_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-t", "60", "-D", str(self._data), "-l", str(self._folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """End the server: ``fast`` ends all connections, ``immediate`` is like a crash."""
        self._run("pg_ctl", "stop", "-w", "-t", "60", "-m", mode, "-D", str(self._data))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def cpu_seconds(self) -> float:
        """Return the processor time of the server and of the connections that have ended."""
        pid = (self._data / "postmaster.pid").read_text().split()[0]
        # The four times are fields 14 to 17; the name of the program, which may hold spaces, ends with a bracket.
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def initialise(self, *, survives_power_cut: bool) -> None:
        self._run(
            *("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        )
        settings = [
            "listen_addresses = '127.0.0.1'",
            f"port = {self.port}",
            "unix_socket_directories = ''",
            "max_connections = 300",
            f"fsync = {'on' if survives_power_cut else 'off'}",
        ]
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *settings, ""]))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        done = subprocess.run(
            command, user=self._owner, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")


@contextmanager
def postgres_server(binaries: Path, *, survives_power_cut: bool = False) -> Iterator[PostgresServer]:
    """Make and start a server, and end and remove it at last."""
    owner = next((name for name in _STARTERS if _is_user(name)), None) if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if owner is not None:
        shutil.chown(folder, owner)
    server = PostgresServer(binaries, folder, _free_port(), owner)
    try:
        server.initialise(survives_power_cut=survives_power_cut)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
