"""The scripts and styles of the pages, sent packed: Streamlit leaves that to a proxy, and not everybody has one."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = "/static/"
LEVEL = 6
SMALLEST = 1_000
MOST_FILES = 1_000
TEXTS = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file as it is sent: its headers, and its bytes."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class Packed:
    """Sends files that never change as gzip to whoever accepts that; each is packed once and kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files: dict[str, PackedFile] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _may_be_packed(scope):
            await self._app(scope, receive, send)
        elif known := self._files.get(scope["path"]):
            await _send(known, send)
        else:
            await self._app(scope, receive, _Packing(self._files, scope["path"], send))


class _Packing:
    """Takes an answer of the app on its way: one that can be packed is collected, packed and kept."""

    def __init__(self, files: dict[str, PackedFile], path: str, send: Send) -> None:
        self._files, self._path, self._send = files, path, send
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._is_worth_it(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._parts.append(message.get("body", b""))
            if not message.get("more_body"):
                packed = await anyio.to_thread.run_sync(_pack, self._start["headers"], b"".join(self._parts))
                self._files[self._path] = packed
                await _send(packed, self._send)

    def _is_worth_it(self, start: Message) -> bool:
        """Only what never changes is kept, so that one reader's work serves all, and addresses of nothing take none."""
        headers = Headers(raw=start["headers"])
        return (
            start["status"] == 200
            and "immutable" in headers.get("cache-control", "")
            and headers.get("content-type", "").startswith(TEXTS)
            and int(headers.get("content-length", 0)) >= SMALLEST
            and "content-encoding" not in headers
            and len(self._files) < MOST_FILES
        )


def _may_be_packed(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(FOLDER):
        return False
    headers = Headers(scope=scope)
    return _accepts_gzip(headers) and not {"range", "if-none-match", "if-modified-since"} & set(headers)


def _accepts_gzip(headers: Headers) -> bool:
    for offered in headers.get("accept-encoding", "").split(","):
        name, _, weight = offered.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _pack(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> PackedFile:
    packed = gzip.compress(body, LEVEL, mtime=0)
    sent = MutableHeaders(raw=list(headers))
    sent["content-encoding"] = "gzip"
    sent["content-length"] = str(len(packed))
    sent.add_vary_header("Accept-Encoding")
    if "etag" in sent and not sent["etag"].startswith("W/"):
        sent["etag"] = f"W/{sent['etag']}"  # equal in content, not byte by byte
    if "accept-ranges" in sent:
        del sent["accept-ranges"]
    return PackedFile(sent.raw, packed)


async def _send(file: PackedFile, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(file.headers)})
    await send({"type": "http.response.body", "body": file.body})
