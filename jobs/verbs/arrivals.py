"""Arrivals: large files that were dropped on a page. They lie on disk until the page takes them; it is given a ticket
instead of the bytes, which Streamlit would hold in memory."""

import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from store import files
from store.errors import NotFoundError
from store.files import Incoming
from store.messages import Message

# What a page does not take within this time, as its browser is gone, is removed.
KEPT_SECONDS = 900.0
_MARK = b"trainyard arrival "
_LENGTH = len(_MARK) + 43


@dataclass(frozen=True)
class _Arrival:
    incoming: Incoming
    held: ExitStack
    since: float = field(default_factory=time.monotonic)


_arrivals: dict[bytes, _Arrival] = {}
_lock = threading.Lock()


def receive(chunks: Iterable[bytes], size: int) -> bytes:
    """Write a file to disk as it arrives, and return the ticket for it."""
    _remove_old_ones()
    files.check_room(size)
    with ExitStack() as held:
        incoming = held.enter_context(files.incoming())
        for chunk in chunks:
            incoming.write(chunk)
        ticket = _MARK + secrets.token_urlsafe(32).encode()
        with _lock:
            _arrivals[ticket] = _Arrival(incoming, held.pop_all())
    return ticket


@contextmanager
def taken(file: BinaryIO) -> Iterator[Incoming | BinaryIO]:
    """Give the file that a ticket stands for, once, or the given file if it is no ticket."""
    start = file.read(_LENGTH + 1)
    file.seek(0)
    if len(start) != _LENGTH or not start.startswith(_MARK):
        yield file
        return
    with _lock:
        arrival = _arrivals.pop(start, None)
    if arrival is None:
        raise NotFoundError(Message("arrival_gone"), "file")
    with arrival.held:
        yield arrival.incoming


def drop(ticket: bytes) -> None:
    """Remove the file of a ticket that reaches no page."""
    with _lock:
        arrival = _arrivals.pop(ticket, None)
    if arrival:
        arrival.held.close()


def _remove_old_ones() -> None:
    for ticket, arrival in list(_arrivals.items()):
        if time.monotonic() - arrival.since > KEPT_SECONDS:
            drop(ticket)
