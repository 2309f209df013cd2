"""Origins: refuses, before every route, ours and Streamlit's, what a foreign page has sent.

The name in the address bar must be one of ours, or another site could point its own name at this machine; and nothing
is changed on behalf of a foreign page, whether or not people sign in.
"""

import ipaddress
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.language import sentence
from store import messages

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = ("", "0.0.0.0", "::")
# Stands for an address from a forwarding header while no proxy is configured: uvicorn believes that header when it
# comes from this machine, so the address may be forged.
FORWARDED = "forwarded"
HEADERS = {
    "content-security-policy": "frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The host names that are ours. An address in numbers cannot be a foreign site's name, so where the app listens
    to other machines every such address is accepted."""

    exact: frozenset[str]
    endings: tuple[str, ...] = ()
    numbers: bool = False
    every: bool = False

    def has(self, host: str) -> bool:
        return (
            self.every
            or host in self.exact
            or host.endswith(self.endings or ("\0",))
            or (self.numbers and _is_number(host))
        )


def names(address: str, allowed: Iterable[str] = ()) -> Names:
    """The names by which an app that listens on this address is called."""
    patterns = [_plain(pattern) for pattern in allowed]
    exact = {*LOOPBACK, _plain(address), *patterns} - {""}
    open_to_others = not is_loopback(address)
    if open_to_others:
        exact |= {_plain(socket.gethostname()), _plain(socket.getfqdn())}
    return Names(frozenset(exact), _endings(patterns), numbers=open_to_others, every="*" in patterns)


def written_down(allowed: Iterable[str]) -> Names:
    """Only the names that the operator wrote down: a proxy may serve our pages under them."""
    patterns = [_plain(pattern) for pattern in allowed]
    return Names(frozenset(patterns) - {"", *LOOPBACK}, _endings(patterns))


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an app that listens on this address."""
    if address in ANY_ADDRESS:
        return False
    return address == "localhost" or (_is_number(address) and ipaddress.ip_address(address).is_loopback)


class Guard:
    """Refuses foreign hosts and foreign changes, and adds the headers that browsers act on."""

    def __init__(self, app: ASGIApp, ours: Names, trusted: Names, proxied: bool = False) -> None:
        self._app = app
        self._proxied = proxied
        self._ours = ours
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if not self._proxied and "x-forwarded-for" in Headers(scope=scope):
            scope = {**scope, "client": (FORWARDED, 0)}
        if refusal := self._refusal(scope):
            await _refuse(scope, send, *refusal)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":  # answered by whatever answers GET, without the body
            await self._app({**scope, "method": "GET"}, receive, _without_body(_with_headers(scope, send)))
        else:
            await self._app(scope, receive, _with_headers(scope, send))

    def _refusal(self, scope: Scope) -> tuple[int, messages.Message] | None:
        headers = Headers(scope=scope)
        if not self._ours.numbers and not _came_to_loopback(scope):  # as uvicorn allows, whatever server.address says
            return 403, messages.Message("this_machine_only")
        if not scope["path"].isprintable():
            return 400, messages.Message("address_unprintable")
        host = headers.get("host", "")
        if not self._ours.has(_host_name(host)):
            return 400, messages.Message("host_unknown", {"host": host[:100]})
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        other_site = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if other_site or self._is_foreign(headers.get("origin"), host, scope["scheme"]):
            return 403, messages.Message("other_site")
        return None

    def _is_foreign(self, origin: str | None, host: str, scheme: str) -> bool:
        """Whether a page of another origin asks; programs send no Origin. A proxy may serve https before our http."""
        if origin is None:
            return False
        origin_scheme, netloc = _split(origin)
        if netloc.lower() == host.lower() and (self._proxied or origin_scheme == scheme.replace("ws", "http")):
            return False
        name = _host_name(netloc)
        return not name or not self._trusted.has(name)


def _with_headers(scope: Scope, send: Send) -> Send:
    is_api = scope["path"].startswith("/api/")

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if is_api:
                headers.setdefault("cache-control", "no-store")
                headers.setdefault("content-security-policy", "default-src 'none'")
            for name, value in HEADERS.items():
                # Two policies both hold, so a route with a stricter one keeps it.
                headers.append(name, value) if name == "content-security-policy" else headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _without_body(send: Send) -> Send:
    async def send_without_body(message: Message) -> None:
        if message["type"] == "http.response.start" or not message.get("more_body"):
            await send({**message, "body": b""} if "body" in message else message)

    return send_without_body


async def _refuse(scope: Scope, send: Send, status: int, message: messages.Message) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence(message)[:120]})
        return
    send = _with_headers(scope, send)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send(
        {"type": "http.response.body", "body": json.dumps({"detail": sentence(message), **message.as_json()}).encode()}
    )


def _came_to_loopback(scope: Scope) -> bool:
    """Whether a connection came in where only this machine can reach, however the server was started."""
    at = (scope.get("server") or ("",))[0] or ""
    return not _is_number(at) or ipaddress.ip_address(at).is_loopback


def _host_name(netloc: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is not a proper one."""
    try:
        parts = urlsplit(f"//{netloc}")
        _ = parts.port  # checks that it is a number
        proper = not (parts.username or parts.password or parts.path or parts.query or parts.fragment)
        return _plain(parts.hostname or "") if proper else ""
    except ValueError:
        return ""


def _split(origin: str) -> tuple[str, str]:
    try:
        parts = urlsplit(origin)
        return parts.scheme.lower(), parts.netloc
    except ValueError:
        return "", ""


def _endings(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(pattern[1:] for pattern in patterns if pattern.startswith("*."))


def _plain(name: str) -> str:
    return name.strip().lower().rstrip(".").strip("[]")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        return False
