"""Files on their way in: read from the network as they are written to disk, so that any size fits in little memory."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio import CapacityLimiter
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from store.errors import Refused

Made = TypeVar("Made")

BATCH = 1 << 20
# Uploads wait for each other rather than take every thread that answers requests, so none may stop and stay.
AT_ONCE = CapacityLimiter(8)
SILENCE_SECONDS = 60.0


class Interrupted(Refused):
    """The caller went away before the file had arrived."""


async def received(request: Request, name: str | None, take: Callable[[Iterator[bytes], str], Made]) -> Made:
    """Hand the sent file, in chunks, and its name to a plain function that runs in a thread."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
        form = _Form(request)
        sent_name, chunks = await form.file_name(), form.chunks()
    else:
        sent_name, chunks = "", request.stream()
    if not (file_name := name or sent_name):
        raise Refused("Say what the file is called: POST /api/datasets?name=customers.csv.", "name")
    return await anyio.to_thread.run_sync(lambda: take(_pulled(chunks), file_name), limiter=AT_ONCE)


def _pulled(chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    """In a thread: the chunks, each asked for when the one before has been written."""
    try:
        while batch := anyio.from_thread.run(_batch, chunks):
            yield batch
    except ClientDisconnect:
        raise Interrupted("The file did not arrive whole; nothing was kept.", "file") from None
    except TimeoutError:
        told = f"Nothing more of the file came for {SILENCE_SECONDS:g} s; nothing was kept."
        raise Interrupted(told, "file") from None


async def _batch(chunks: AsyncIterator[bytes]) -> bytes:
    parts, size = [], 0
    while size < BATCH:
        with anyio.fail_after(SILENCE_SECONDS):
            chunk = await anext(chunks, None)
        if chunk is None:
            break
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts)


class _Form:
    """The first file of a multipart form; Starlette's own reading of forms would keep a copy elsewhere first."""

    def __init__(self, request: Request) -> None:
        _, options = parse_options_header(request.headers["content-type"])
        if not options.get(b"boundary"):
            raise Refused("The form says no boundary; send it as multipart/form-data with one.", "file")
        self._stream = request.stream()
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_part_end": self._part_ends,
                },
            )
        except FormParserError:
            raise Refused("The boundary of the form is too long; at most 256 signs are read.", "file") from None
        self._header = (b"", b"")
        self._disposition = b""
        self._data_so_far: list[bytes] = []
        self._inside = False
        self._complete = False
        self._name: str | None = None

    async def file_name(self) -> str:
        """Read on until a file begins, and return what it is called."""
        while self._name is None:
            if not await self._read_on():
                raise Refused("The form has no file; send one in a field such as file.", "file")
        return self._name

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            data, self._data_so_far = self._data_so_far, []
            for chunk in data:
                yield chunk
            if self._complete:
                return
            if not await self._read_on():
                raise ClientDisconnect

    async def _read_on(self) -> bool:
        chunk = await anext(self._stream, None)
        if chunk is None:
            return False
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise Refused("The form cannot be read as multipart/form-data.", "file") from None
        return True

    def _part_begins(self) -> None:
        self._disposition = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_ends(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if self._name is None and b"filename" in options:
            self._name = options[b"filename"].decode("utf-8", "replace")
            self._inside = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._data_so_far.append(data[start:end])

    def _part_ends(self) -> None:
        if self._inside:
            self._inside, self._complete = False, True
