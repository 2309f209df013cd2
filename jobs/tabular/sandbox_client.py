"""A sandbox, as its user sees it: a process of its own, with little memory and time, does what could break the user's.

A small server that has the libraries loaded is started for the first request, and ends after a minute without one. It
forks a child for each request: the user runs threads and must not fork. The user sends the server one end of a pair of
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
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.process.printed import own_errors
from jobs.tabular.sandbox_server import Answer
from store.errors import RequestError, UnavailableError
from store.messages import Message
from store.settings import ROOT, plain_environment

log = logging.getLogger(__name__)

IDLE_SECONDS = 60
# How long a request waits for others to end.
PATIENCE_SECONDS = 600.0
LONGEST_ANSWER = 64 << 20
SERVER = "jobs.tabular.sandbox_server"


class Places:
    """So many may do something at once; others wait, and are refused when no place becomes free in time."""

    def __init__(self, count: int, patience: float) -> None:
        self._free, self.patience = threading.BoundedSemaphore(count), patience

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place during the body."""
        if not self._free.acquire(timeout=self.patience):
            raise UnavailableError(Message("sandbox_busy"), "file")
        try:
            yield
        finally:
            self._free.release()


class Sandbox:
    """One kind of work, done by the children of one server."""

    def __init__(self, work: str, memory: int, at_once: int, patience: float = PATIENCE_SECONDS) -> None:
        """`work` is the module that says what a child does, with at most so many bytes of `memory`; a request waits
        for its turn as many seconds as its user has `patience`."""
        self._work, self.memory, self.idle_seconds = work, memory, float(IDLE_SECONDS)
        self.places = Places(at_once, patience)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        atexit.register(self.end)

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Return what the child made of a request, which says how many `seconds` it may take; or refuse it."""
        with self.places.taken():
            answer = self._request(request) or self._request(request)  # an idle server may have ended just before
        return _done(answer)

    @contextlib.contextmanager
    def talk(self, request: Mapping[str, Any]) -> Iterator["Talk"]:
        """Let a child begin with a request while the user goes on and says more. The child may go on after its answer,
        and ends with a user who leaves before."""
        with self._begun(request) as (_server, ours):
            yield Talk(ours, request["seconds"], self.memory)

    def make_ready(self) -> None:
        """Start the server now, so that it is there when the request is."""
        with self._lock:
            self._running_server()

    @property
    def pid(self) -> int | None:
        """The process of the server, if there is one."""
        return self._server.pid if self._server else None

    def end(self) -> None:
        """End the server, if there is one; the next request starts another."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def _request(self, request: Mapping[str, Any]) -> Answer | None:
        """Return the server's answer; None when the server has ended."""
        with self._begun(request) as (server, ours), contextlib.suppress(OSError):
            if answer := _received(ours, request["seconds"], self.memory):
                return answer
        with self._lock:
            server.end()
        return None

    @contextlib.contextmanager
    def _begun(self, request: Mapping[str, Any]) -> Iterator[tuple["_Server", socket.socket]]:
        """Send the request, and give the server and the line to its child; one that has ended does not answer."""
        ours, its = socket.socketpair()
        with self._lock:
            server = self._running_server()
        with ours:
            with contextlib.suppress(OSError):
                with its:
                    socket.send_fds(server.line, [b"?"], [its.fileno()])
                ours.sendall(json.dumps(request).encode() + b"\n")
            yield server, ours

    def _running_server(self) -> "_Server":
        if self._server is None or not self._server.runs():
            self.end()
            self._server = _Server(self._work, self.memory, self.idle_seconds)
        return self._server


class Talk:
    """The line to a child that works while its user says more."""

    def __init__(self, line: socket.socket, seconds: int, memory: int) -> None:
        self._line, self._seconds, self._memory = line, seconds, memory

    def say(self, word: bytes) -> None:
        """Say a word that may get lost when the child is slow to listen."""
        with contextlib.suppress(OSError):
            self._line.send(word, socket.MSG_DONTWAIT)

    def finish(self, word: bytes) -> None:
        """Say the last word, which does not get lost."""
        with contextlib.suppress(OSError):
            self._line.settimeout(self._seconds)
            self._line.sendall(word)

    def answer(self) -> Any:
        """Return what the child made of the request; or refuse it."""
        with contextlib.suppress(OSError):
            return _done(_received(self._line, self._seconds, self._memory))
        return _done(None)


def _received(line: socket.socket, seconds: int, memory: int) -> Answer | None:
    """Return what a child answers, or its server; None when the server has ended."""
    received = bytearray()
    end = time.monotonic() + seconds + 10
    while (left := end - time.monotonic()) > 0:
        line.settimeout(left)
        with contextlib.suppress(TimeoutError):
            part = line.recv(1 << 16)
            received += part
            if b"\n" in part:  # the server adds how its child ended; the child's own answer comes first and counts
                answer: Answer = json.loads(received.splitlines()[0])
                return answer
            if not part:
                return None
        if len(received) > LONGEST_ANSWER:
            raise RequestError(Message("file_needs_memory", {"memory": memory}), "file")
    raise RequestError(Message("file_too_slow"), "file")


def _done(answer: Answer | None) -> Any:
    if answer is None:
        raise RequestError(Message("sandbox_away"), "file")
    if "done" in answer:
        return answer["done"]
    if "trace" in answer:
        log.error("a request could not be worked on:\n%s", answer["trace"])
    raise RequestError(Message.from_json(answer["refused"]), answer["field"])


class _Server:
    """The server, as its user sees it."""

    def __init__(self, work: str, memory: int, idle_seconds: float) -> None:
        self.line, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-m", SERVER, str(its.fileno()), str(idle_seconds), str(memory), work],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=own_errors(),
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
