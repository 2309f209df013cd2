"""Looking at files from outside in a process apart, with little memory and little time: when a file breaks it, the
file is refused and nothing else happens.

A small server that has the libraries loaded is started for the first look, and ends when it has had nothing to do for
a minute. It forks a child for each look: the process that asks runs threads and must not fork. Who asks sends the
server one end of a pair of sockets; through it the child reads what is wanted and answers, both in JSON.
"""

import atexit
import contextlib
import gc
import json
import logging
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobs.process.linux import die_with_parent, volunteer_for_oom
from store.errors import Refused
from store.settings import ROOT, plain_environment

log = logging.getLogger(__name__)

# Reading 64 MB of CSV took 180 MB; a small table with very many columns takes more.
MEMORY = 512 << 20
SECONDS = 60
# All bytes of a bigger file are looked at once, however few of its rows are profiled.
BYTES_PER_SECOND = 20 << 20
IDLE_SECONDS = 60
WATCH_SECONDS = 0.02
LONGEST_ANSWER = 64 << 20
MOST_FILES = 1024

_TOO_BIG = (
    f"The file needs more than {MEMORY >> 20} MB of memory to be looked at; make its columns fewer or its texts "
    "shorter, and try again."
)
_TOO_SLOW = "The file takes too long to be looked at; it may be damaged. Save the table as CSV again and try once more."
_BROKEN = "The file made its reader stop ({}); save the table as CSV again and try once more."
_BECAUSE = {
    signal.SIGKILL: _TOO_BIG,
    signal.SIGABRT: _TOO_BIG,
    signal.SIGALRM: _TOO_SLOW,
    signal.SIGXCPU: _TOO_SLOW,
}

# Two at a time: together they stay under a gigabyte, however many files arrive at once.
_at_once = threading.BoundedSemaphore(2)
_lock = threading.Lock()
_server: "_Server | None" = None


def look(path: Path, size: int, dialect: Mapping[str, Any] | None, first_bytes: int | None) -> dict[str, Any]:
    """How a file is written and what is in its columns, as the database remembers it; or the reason to refuse it."""
    seconds = SECONDS + size // BYTES_PER_SECOND
    request = {
        "path": str(path.absolute()),
        "size": size,
        "dialect": dict(dialect or {}),
        "first_bytes": first_bytes,
        "seconds": seconds,
    }
    with _at_once:
        answer = _asked(request) or _asked(request)  # a server may just have ended, having had nothing to do
    if answer is None:
        raise Refused("Files cannot be looked at now; try again in a moment.", "file")
    return _read(answer)


def make_ready() -> None:
    """Start the server now, so that it is there when the file is."""
    with _lock:
        _running_server()


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    if "found" in answer:
        return dict(answer["found"])
    if "refused" in answer:
        raise Refused(answer["refused"], answer["field"])
    if "trace" in answer:
        log.error("a file could not be looked at:\n%s", answer["trace"])
    raise Refused(answer["why"], "file")


def _asked(request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer; None when the server has ended."""
    ours, its = socket.socketpair()
    with _lock:
        server = _running_server()
    with ours, contextlib.suppress(OSError):
        with its:
            socket.send_fds(server.line, [b"?"], [its.fileno()])
        ours.sendall(json.dumps(request).encode() + b"\n")
        words = _received(ours, time.monotonic() + request["seconds"] + 10)
        # The server adds how its child ended; what the child itself said comes first and counts.
        if b"\n" in words:
            return json.loads(words.splitlines()[0])
    with _lock:
        server.end()
    return None


def _received(ours: socket.socket, end: float) -> bytes:
    words = bytearray()
    while (left := end - time.monotonic()) > 0:
        ours.settimeout(left)
        with contextlib.suppress(TimeoutError):
            part = ours.recv(1 << 16)
            words += part
            if not part or part.endswith(b"\n"):
                return bytes(words)
        if len(words) > LONGEST_ANSWER:
            raise Refused(_TOO_BIG, "file")
    raise Refused(_TOO_SLOW, "file")


class _Server:
    """The server, as seen by who asks it."""

    def __init__(self) -> None:
        self.line, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jobs.tabular.sandbox", str(its.fileno()), str(IDLE_SECONDS), str(MEMORY)],
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
        """Its children end with it."""
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
    """End the server, if there is one; the next look starts another."""
    global _server
    if _server is not None:
        _server.end()
        _server = None


def serve(requests: socket.socket, idle_seconds: float, memory: int) -> None:
    """Be the server: fork a child for every request, until nobody asks any more or whoever asked is gone."""
    from jobs.tabular.profile import profiler  # noqa: F401 - what every child needs

    gc.freeze()
    woken = _wake_when_a_child_ends()
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    poll.register(woken, select.POLLIN)
    children: dict[int, socket.socket] = {}
    most = _taken(os.getpid()) + memory
    while True:
        busy = bool(children)
        ready = [descriptor for descriptor, _event in poll.poll(1000 * (WATCH_SECONDS if busy else idle_seconds))]
        _say_how_they_ended(children, woken)
        _end_the_greedy(children, most)
        if requests.fileno() in ready:
            _word, descriptors, _flags, _address = socket.recv_fds(requests, 1, 1)
            if not descriptors:
                return
            asked = socket.socket(fileno=descriptors[0])
            children[_forked(asked)] = asked
        elif not ready and not busy:
            return


def _wake_when_a_child_ends() -> int:
    woken, waker = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    return woken


def _say_how_they_ended(children: dict[int, socket.socket], woken: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(woken, 4096)
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with children.pop(pid) as asked, contextlib.suppress(OSError):
                asked.setblocking(False)
                asked.send(_line({"why": _reason(status)}))


def _end_the_greedy(children: Iterable[int], most: int) -> None:
    """Watched rather than limited: readers reserve for every column what all columns need, and hardly touch it."""
    for pid in children:
        if _taken(pid) > most:
            os.kill(pid, signal.SIGKILL)


def _taken(pid: int) -> int:
    """Bytes of memory that a process has for itself; 0 where that is not told, as on a Mac."""
    try:
        _size, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    except OSError:
        return 0
    return (int(resident) - int(shared)) * resource.getpagesize()


def _reason(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return _BROKEN.format(f"code {os.WEXITSTATUS(status)}")
    sign = signal.Signals(os.WTERMSIG(status))
    return _BECAUSE.get(sign, _BROKEN.format(sign.name))


def _forked(asked: socket.socket) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            for first, last in ((3, asked.fileno()), (asked.fileno() + 1, MOST_FILES)):
                os.closerange(first, last)  # what the server shares with others
            with asked.makefile("rwb") as stream:
                request = json.loads(stream.readline())
                _limit(request["seconds"])
                stream.write(_answer(request))
        finally:
            os._exit(0)
    return pid


def _limit(seconds: int) -> None:
    """From here on this process has only so much time, and can write nothing but its answer."""
    die_with_parent()
    volunteer_for_oom()
    for sign in (signal.SIGCHLD, signal.SIGALRM):
        signal.signal(sign, signal.SIG_DFL)
    signal.alarm(seconds)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    for name, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(name, (most, most))


def _answer(request: dict[str, Any]) -> bytes:
    try:
        found = _found(Path(request["path"]), request["size"], request["dialect"], request["first_bytes"])
        return _line({"found": found})
    except Refused as refused:
        return _line({"refused": refused.sentence, "field": refused.field})
    except MemoryError:
        return _line({"why": _TOO_BIG})
    except Exception as error:  # noqa: BLE001 - whoever asked is told, and writes it down
        return _line({"why": _BROKEN.format(type(error).__name__), "trace": traceback.format_exc()})


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _found(path: Path, size: int, dialect: dict[str, Any], first_bytes: int | None) -> dict[str, Any]:
    from jobs.tabular import reader
    from jobs.tabular.profile.profiler import profile_of

    source = reader.inspect(path, dialect)
    profile = profile_of(source, source.batches(), size, first_bytes)
    return {"dialect": source.dialect.as_dict(), **profile.to_json()}


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3]))
