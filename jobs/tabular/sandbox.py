"""The sandbox, as its user sees it: people's files are analysed in a process of their own, with little memory and time.
A file that breaks that process is refused, and nothing else happens.

A small server that has the libraries loaded is started for the first file, and ends after a minute without one. It
forks a child for each file: the user runs threads and must not fork. The user sends the server one end of a pair of
sockets; through it the child reads the request and answers, both in JSON.

multiprocessing's forkserver was tried: as fast and as big, but it hands on the user's environment with its passwords,
imports the user's main module, Streamlit, into every child, needs a second process, and never ends while its user runs.
"""

import atexit
import contextlib
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from jobs.tabular.sandbox_server import Answer, Request
from store.datasets import Description
from store.errors import RequestError
from store.messages import Message
from store.settings import ROOT, plain_environment

log = logging.getLogger(__name__)

# Reading 64 MB of CSV took 180 MB; a small table with very many columns takes more.
MEMORY = 512 << 20
SECONDS = 60
# All bytes of a bigger file are read once, however few of its rows are profiled.
BYTES_PER_SECOND = 20 << 20
IDLE_SECONDS = 60
LONGEST_ANSWER = 64 << 20
SERVER = "jobs.tabular.sandbox_server"

# Two at a time: together they stay under a gigabyte, however many files arrive at once.
_at_once = threading.BoundedSemaphore(2)
_lock = threading.Lock()
_server: "_Server | None" = None


def look(path: Path, size: int, dialect: Mapping[str, object] | None, first_bytes: int | None) -> Description:
    """Return how a file is written and its profile, as the database stores them; or refuse the file."""
    request: Request = {
        "path": str(path.absolute()),
        "size": size,
        "dialect": dict(dialect or {}),
        "first_bytes": first_bytes,
        "seconds": SECONDS + size // BYTES_PER_SECOND,
    }
    with _at_once:
        answer = _request(request) or _request(request)  # an idle server may have ended just before the first
    if answer is None:
        raise RequestError(Message("sandbox_away"), "file")
    return _read(answer)


def make_ready() -> None:
    """Start the server now, so that it is there when the file is."""
    with _lock:
        _running_server()


def _read(answer: Answer) -> Description:
    if "described" in answer:
        return answer["described"]
    if "trace" in answer:
        log.error("a file could not be analysed:\n%s", answer["trace"])
    raise RequestError(Message.from_json(answer["refused"]), answer["field"])


def _request(request: Request) -> Answer | None:
    """Return the server's answer; None when the server has ended."""
    ours, its = socket.socketpair()
    with _lock:
        server = _running_server()
    with ours, contextlib.suppress(OSError):
        with its:
            socket.send_fds(server.line, [b"?"], [its.fileno()])
        ours.sendall(json.dumps(request).encode() + b"\n")
        received = _received(ours, time.monotonic() + request["seconds"] + 10)
        # The server adds how its child ended; the child's own answer comes first and counts.
        if b"\n" in received:
            answer: Answer = json.loads(received.splitlines()[0])
            return answer
    with _lock:
        server.end()
    return None


def _received(ours: socket.socket, end: float) -> bytes:
    received = bytearray()
    while (left := end - time.monotonic()) > 0:
        ours.settimeout(left)
        with contextlib.suppress(TimeoutError):
            part = ours.recv(1 << 16)
            received += part
            if not part or part.endswith(b"\n"):
                return bytes(received)
        if len(received) > LONGEST_ANSWER:
            raise RequestError(Message("file_needs_memory", {"memory": MEMORY}), "file")
    raise RequestError(Message("file_too_slow"), "file")


class _Server:
    """The server, as its user sees it."""

    def __init__(self) -> None:
        self.line, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-m", SERVER, str(its.fileno()), str(IDLE_SECONDS), str(MEMORY)],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                cwd=ROOT,
                env=plain_environment() | {"OPENBLAS_NUM_THREADS": "1"},
            )
        self.pid = self._process.pid

    def runs(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """End the server, and its children with it."""
        self.line.close()
        self._process.kill()
        self._process.wait()


def _running_server() -> _Server:
    global _server
    if _server is None or not _server.runs():
        end()
        _server = _Server()
    return _server


@atexit.register
def end() -> None:
    """End the server, if there is one; the next file starts another."""
    global _server
    if _server is not None:
        _server.end()
        _server = None
