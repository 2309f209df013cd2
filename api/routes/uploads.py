"""Files on their way in: read from the network as they are written to disk, so that any size fits in little memory."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio import CapacityLimiter
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from store import actors
from store.actors import Actor
from store.errors import InvalidError, UnavailableError
from store.messages import Message

Made = TypeVar("Made")

BATCH = 1 << 20
# More digits are no size of a file.
LONGEST_SIZE = 19
# Uploads have threads of their own, so that they never take those that answer requests.
AT_ONCE = CapacityLimiter(8)
OF_ONE_PERSON = 2
SILENCE_SECONDS = 60.0
# The first minute is free; from then on a file has to arrive at this rate, or it would hold its place for ever.
LEAST_BYTES_A_SECOND = 1_000_000 / 60

_arriving: Counter[str] = Counter()


class InterruptedUploadError(InvalidError):
    """The upload stopped before the file had arrived."""


async def received(request: Request, name: str | None, take: Callable[[Iterator[bytes], str], Made]) -> Made:
    """Hand the sent file, in chunks, and its name to a plain function that runs in a thread."""
    with _slot(actors.current()):
        stream = _paced(request.stream())
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
            form = _Form(request.headers["content-type"], stream)
            sent_name, chunks = await form.file_name(), form.chunks()
        else:
            sent_name, chunks = "", stream
        if not (file_name := name or sent_name):
            raise InvalidError(Message("upload_unnamed"), "name")
        with contextlib.closing(_Batches(chunks)) as batches:
            return await anyio.to_thread.run_sync(lambda: take(_pulled(batches), file_name), limiter=AT_ONCE)


def announced_size(headers: Headers) -> int | None:
    """How many bytes a body is said to have, where that is said."""
    size = headers.get("content-length", "")
    return int(size) if size.isdecimal() and len(size) < LONGEST_SIZE else None


def is_json(headers: Headers) -> bool:
    """Whether a body is said to be JSON."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


@contextlib.contextmanager
def _slot(actor: Actor) -> Iterator[None]:
    """A place for one upload; refuses at once where all are taken, or this person has their share."""
    who = actor.name or actor.address
    if _arriving[who] >= OF_ONE_PERSON:
        raise UnavailableError(Message("uploads_of_one_person", {"count": OF_ONE_PERSON}), "file")
    if _arriving.total() >= AT_ONCE.total_tokens:
        raise UnavailableError(Message("uploads_too_many"), "file")
    _arriving[who] += 1
    try:
        yield
    finally:
        _arriving[who] -= 1
        if not _arriving[who]:
            del _arriving[who]


def _pulled(batches: "_Batches") -> Iterator[bytes]:
    """In a thread: the chunks; the next one arrives while one is written."""
    while batch := anyio.from_thread.run(batches.next):
        yield batch


class _Batches:
    """The chunks in batches, of which one arrives ahead."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._coming = asyncio.create_task(self._batch())

    async def next(self) -> bytes:
        """Return the next batch, empty at the end."""
        if batch := await self._coming:
            self._coming = asyncio.create_task(self._batch())
        return batch

    def close(self) -> None:
        """Take nothing further; how that ends is of no interest any more."""
        self._coming.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._coming.cancel()

    async def _batch(self) -> bytes:
        parts, size = [], 0
        while size < BATCH and (chunk := await anext(self._chunks, None)) is not None:
            parts.append(chunk)
            size += len(chunk)
        return b"".join(parts)


async def _paced(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream, as long as it keeps arriving fast enough."""
    started, size = anyio.current_time(), 0
    while True:
        left = SILENCE_SECONDS + size / LEAST_BYTES_A_SECOND - (anyio.current_time() - started)
        try:
            with anyio.fail_after(min(SILENCE_SECONDS, max(left, 0))):
                chunk = await anext(stream, None)
        except ClientDisconnect:
            raise InterruptedUploadError(Message("upload_cut_short"), "file") from None
        except TimeoutError:
            raise InterruptedUploadError(_too_slow(anyio.current_time() - started), "file") from None
        if chunk is None:
            return
        size += len(chunk)
        yield chunk


def _too_slow(seconds: float) -> Message:
    if seconds > 1.5 * SILENCE_SECONDS:
        return Message("upload_too_slow")
    return Message("upload_silent", {"seconds": SILENCE_SECONDS})


class _Form:
    """The first file of a multipart form; Starlette's own reading of forms would keep a copy elsewhere first."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        _, options = parse_options_header(content_type)
        if not options.get(b"boundary"):
            raise InvalidError(Message("form_without_boundary"), "file")
        self._stream = stream
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
            raise InvalidError(Message("form_boundary_too_long", {"most": 256}), "file") from None
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
                raise InvalidError(Message("form_without_file"), "file")
        return self._name

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            data, self._data_so_far = self._data_so_far, []
            for chunk in data:
                yield chunk
            if self._complete:
                return
            if not await self._read_on():
                raise InterruptedUploadError(Message("upload_cut_short"), "file")

    async def _read_on(self) -> bool:
        chunk = await anext(self._stream, None)
        if chunk is None:
            return False
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise InvalidError(Message("form_unreadable"), "file") from None
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
