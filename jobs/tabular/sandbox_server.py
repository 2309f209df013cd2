"""The server of a sandbox: forks a child for each request, watches its memory and time, and reports how it ended.

It runs as `python -m jobs.tabular.sandbox_server`, without threads, so that it can fork. What its children do is a
module that its user names: `jobs.tabular.sandbox_look` or `jobs.tabular.predict.work`.
"""

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from io import BufferedRWPair
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, TypedDict

from jobs.process.children import Forked, end_of
from store.errors import RequestError
from store.messages import Message, StoredMessage

WATCH_SECONDS = 0.02
MOST_FILES = 1024


class Work(Protocol):
    """What the children of a server do, as a module."""

    # The bytes of the biggest file that a child may write.
    FILE_SIZE: int

    def prepare(self) -> None:
        """In the server: import what every child needs."""

    def done(self, request: Mapping[str, Any], line: BufferedRWPair) -> object:
        """In a child: do what is requested; refuse it, or return what JSON can hold. An iterator gives the answer
        first, and is then exhausted. `line` brings what the user says beside the request."""


class Answer(TypedDict, total=False):
    """What was done; or why it was refused and by which field, and the trace where the child crashed."""

    done: Any
    refused: StoredMessage
    field: str | None
    trace: str


def serve(requests: socket.socket, idle_seconds: float, memory: int, work: Work) -> None:
    """Fork a child for every request, until none comes for a while or the user has ended."""
    work.prepare()
    gc.freeze()
    most = _memory_of(os.getpid()) + memory
    analyses: list[_Analysis] = []
    while True:
        ends = {end: analysis for analysis in analyses for end in analysis.ends}
        ready = _wait([requests.fileno(), *ends], WATCH_SECONDS if analyses else idle_seconds)
        for analysis in [each for each in analyses if each.has_ended()]:
            analyses.remove(analysis)
            analysis.report(memory)
        for analysis in analyses:
            analysis.end_above(most)
        if requests.fileno() in ready:
            _word, descriptors, _flags, _address = socket.recv_fds(requests, 1, 1)
            if not descriptors:
                return
            analyses.append(_Analysis(socket.socket(fileno=descriptors[0]), memory, work))
        elif not ready and not analyses:
            return


def _wait(descriptors: list[int], seconds: float) -> list[int]:
    poll = select.poll()
    for each in descriptors:
        poll.register(each, select.POLLIN)
    return [descriptor for descriptor, _event in poll.poll(1000 * seconds)]


class _Analysis:
    """A child that does what one request says, as the server sees it."""

    def __init__(self, line: socket.socket, memory: int, work: Work) -> None:
        """`line` leads to the user, who sends the request through it and waits for the answer."""
        self._line = line
        self._children = Forked(partial(_work, line, memory, work))
        child = self._children.take()
        child.line.close()
        self.pid = child.pid
        self.ends = end_of(child.pid)

    def has_ended(self) -> bool:
        """Return whether the child has ended."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end_above(self, most: int) -> None:
        """Kill a child that takes too much memory. It is watched rather than limited: readers reserve for every column
        what all columns need, and hardly touch it."""
        if _memory_of(self.pid) > most:
            os.kill(self.pid, signal.SIGKILL)

    def report(self, memory: int) -> None:
        """Tell the user how the child ended; what the child itself has answered comes before."""
        status = self._children.wait(self.pid).status
        for end in self.ends:
            os.close(end)
        with self._line, contextlib.suppress(OSError):
            self._line.setblocking(False)
            self._line.send(_refusal(_reason(status, memory)))


def _memory_of(pid: int) -> int:
    """Return the bytes of memory that a process has for itself; 0 where the system does not say, as on a Mac."""
    try:
        _size, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    except OSError:
        return 0
    return (int(resident) - int(shared)) * resource.getpagesize()


def _reason(status: int, memory: int) -> Message:
    if not os.WIFSIGNALED(status):
        return Message("file_crashed_reader", {"reason": f"code {os.WEXITSTATUS(status)}"})
    sign = signal.Signals(os.WTERMSIG(status))
    if sign in (signal.SIGKILL, signal.SIGABRT):
        return Message("file_needs_memory", {"memory": memory})
    if sign in (signal.SIGALRM, signal.SIGXCPU):
        return Message("file_too_slow")
    return Message("file_crashed_reader", {"reason": sign.name})


def _work(line: socket.socket, memory: int, work: Work, unused: Connection) -> None:
    """In the child: read the request, do it, write the answer."""
    unused.close()
    for first, last in ((3, line.fileno()), (line.fileno() + 1, MOST_FILES)):
        os.closerange(first, last)  # what the server shares with others
    with line.makefile("rwb") as stream:
        request = json.loads(stream.readline())
        _limit(request["seconds"], request.get("most_written", work.FILE_SIZE))
        for answer in _answers(request, stream, memory, work):
            stream.write(answer)
            stream.flush()


def _limit(seconds: int, file_size: int) -> None:
    """Give this process so much time from here on, and let it write no bigger file."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    for name, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, file_size)):
        resource.setrlimit(name, (most, most))


def _answers(request: Mapping[str, Any], line: BufferedRWPair, memory: int, work: Work) -> Iterator[bytes]:
    """Yield the answer, and whatever comes after it, which nobody reads."""
    try:
        done = work.done(request, line)
        for each in done if isinstance(done, Iterator) else (done,):
            yield _answer({"done": each})
    except RequestError as refused:
        yield _refusal(refused.message, refused.field)
    except MemoryError:
        yield _refusal(Message("file_needs_memory", {"memory": memory}))
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, its log the trace
        message = Message("file_crashed_reader", {"reason": type(error).__name__})
        yield _answer({"refused": message.as_json(), "field": "file", "trace": traceback.format_exc()})


def _refusal(message: Message, field: str | None = "file") -> bytes:
    return _answer({"refused": message.as_json(), "field": field})


def _answer(answer: Answer) -> bytes:
    return json.dumps(answer).encode() + b"\n"


if __name__ == "__main__":
    serve(
        socket.socket(fileno=int(sys.argv[1])),
        float(sys.argv[2]),
        int(sys.argv[3]),
        import_module(sys.argv[4]),
    )
