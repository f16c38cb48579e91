"""Which requests a dashboard answers: those to its own name, with its token, that change nothing unless they may."""

import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from space.errors import InputError

LOOPBACK = "127.0.0.1"
OWN_NAMES = (LOOPBACK, "localhost", "[::1]")
"""Names by which this machine calls itself. A page from elsewhere can point a name of its own at this machine."""
EVERYWHERE = ("0.0.0.0", "::")
"""Addresses that stand for all of a machine's."""
HTTP_PORT = 80
"""The port that browsers leave out of a request's host."""
TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")
"""A token: long enough to make guessing hopeless, and of characters that addresses and cookies hold as they are."""
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:@\[\]]+)(?::(\d+))?")
"""The host and the port of a request."""
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OVERRIDES = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE")
"""Headers by which some servers let a request claim another method than its own."""
HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),  # an address may hold the token
]


@dataclass(frozen=True)
class Rules:
    """What a dashboard answers. Raises `InputError` if it would be open to others without a token."""

    port: int
    host: str = LOOPBACK
    """The address that it listens on."""
    token: str | None = None
    writable: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65_535:
            raise InputError(f"--port must be from 1 to 65535, not {self.port}")
        if not self.host.strip():
            raise InputError(f"--host must be a name or an address of this machine, not {self.host!r}")
        if self.token is None and not is_loopback(self.host):
            raise InputError(
                f"--host {self.host} lets other machines in, so it needs a secret: SEARCH_DASHBOARD_TOKEN or --token"
            )
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise InputError(
                "--token must be at least 16 letters, digits and characters of '-._~', which are not shown here"
            )

    def is_own(self, host: str) -> bool:
        """Return whether a request's host is a name of this server, such as ``localhost:8080``."""
        found = HOST.fullmatch(host.lower())
        if found is None or (found[2] or str(HTTP_PORT)) != str(self.port):
            return False
        name = found[1]
        if name in OWN_NAMES or is_loopback(self.host):
            return name in OWN_NAMES or name.strip("[]") == self.host.lower()
        if self.host in EVERYWHERE and _is_address(name.strip("[]")):
            return True  # unlike a name, an address can't be pointed at this machine by others
        return name.strip("[]") in (self.host.lower(), socket.gethostname().lower())

    def knows(self, given: str | None) -> bool:
        """Whether a request gave the token, where there is one."""
        assert self.token is not None
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    @property
    def cookie(self) -> str:
        """Cookies belong to a host, whatever its port, so the name holds that."""
        return f"search_token_{self.port}"


def is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def guarded(app: WSGIApplication, rules: Rules) -> WSGIApplication:
    """Wrap an application so that it is never reached by requests that the rules refuse.

    These get status 401 for a wrong or missing token and 403 otherwise, with a JSON object that holds the reason, as
    optuna-dashboard's pages show it. An address that holds the token, as the dashboard prints it, leads to the same
    without it, and the browser keeps the token in a cookie.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, *HEADERS], *more)

        def refuse(status: str, reason: str, *headers: tuple[str, str]) -> Iterable[bytes]:
            start(status, [("Content-Type", "application/json"), *headers])
            return [json.dumps({"reason": reason}).encode()]

        if not rules.is_own(environ.get("HTTP_HOST", "")):
            return refuse("403 Forbidden", f"requests must be addressed to {_addresses(rules)}")
        queried = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if rules.token is not None and not any(map(rules.knows, [queried.get("token"), *_tokens(environ, rules)])):
            reason = "this dashboard needs its token: open the address that it printed when it was started"
            return refuse("401 Unauthorized", reason, ("WWW-Authenticate", "Bearer"))
        if (refusal := find_refusal(environ, rules)) is not None:
            return refuse("403 Forbidden", refusal)
        if rules.token is not None and "token" in queried:
            del queried["token"]
            where = environ.get("PATH_INFO", "/") + (f"?{urlencode(queried)}" if queried else "")
            kept = f"{rules.cookie}={rules.token}; Path=/; HttpOnly; SameSite=Strict"
            start("303 See Other", [("Location", f"/{where.lstrip('/')}"), ("Set-Cookie", kept)])
            return []
        return app(environ, start)

    return answer


def find_refusal(environ: WSGIEnvironment, rules: Rules) -> str | None:
    """Return why a request that has the token is refused; None if it may be answered.

    One that a page sent must come from a page of this server, and one that may change something needs ``writable``.
    """
    if any(name in environ for name in OVERRIDES):
        return "requests may not override their method"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and not (origin.startswith("http://") and rules.is_own(origin.removeprefix("http://"))):
        return "only the dashboard's own pages may ask it"
    if environ["REQUEST_METHOD"] in READING_METHODS or rules.writable:
        return None
    return "this dashboard is read-only; one that was started with --writable can change studies"


def _tokens(environ: WSGIEnvironment, rules: Rules) -> list[str]:
    """The tokens that a request's headers hold."""
    found = []
    kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer":
        found.append(token)
    try:
        cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
    except CookieError:
        return found
    return [*found, *(morsel.value for name, morsel in cookies.items() if name == rules.cookie)]


def _addresses(rules: Rules) -> str:
    names = OWN_NAMES if is_loopback(rules.host) else (*OWN_NAMES, socket.gethostname())
    return " or ".join(f"{name}:{rules.port}" for name in names)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
