"""Printed: what a process, and all that it starts, writes to its standard output and error.

It waits in a pipe until it is recorded. A file would hold it as well, but a full pipe makes who writes wait, so that a
flood takes neither memory nor disk, and programs may open /dev/stdout again. tee(2) shows what is in the pipe without
taking it out, and it is taken out once it is recorded: so the pipe holds exactly what is in no log yet, and the worker,
which has the same end, finds the last words of a process that died in it.
"""

import contextlib
import ctypes
import faulthandler
import fcntl
import io
import logging
import os
import select
import struct
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator

CAPACITY = 1 << 18  # a full one is emptied within 50 ms
PATIENCE_SECONDS = 0.1
SPLICE_F_NONBLOCK = 2
LINE_BUFFERED = 1
MOST_REPEATED = 1 << 16
# What our own messages in the process of a step come from; anything else that logs there belongs to the step.
OWN_LOGGERS = ("jobs", "store", "rq")

_libc = ctypes.CDLL(None)
_tee = getattr(_libc, "tee", None)
if _tee:
    _tee.argtypes, _tee.restype = [ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint], ctypes.c_ssize_t
_c_stdout: ctypes.c_void_p | None = None
with contextlib.suppress(ValueError):  # other libraries name it otherwise
    _c_stdout = ctypes.c_void_p.in_dll(_libc, "stdout")
_own_errors: int | None = None


class Printed:
    """What is in the pipe. `source` is the end from which is read; `target`, where there is one, writes into it. Of two
    processes that record it, one `takes_first`, so that they do not record the same."""

    def __init__(self, source: int, target: int | None = None, *, takes_first: bool = False) -> None:
        self.source, self.target = source, target
        self._takes_first = takes_first or not _tee  # without tee: not on Linux
        self.capacity = CAPACITY
        with contextlib.suppress(OSError, AttributeError):
            self.capacity = fcntl.fcntl(source, fcntl.F_GETPIPE_SZ)
        self._ahead = b""  # was taken out, and is not recorded
        self.taken = 0  # bytes, since the beginning
        self._copy: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def waiting(self) -> int:
        """How many bytes wait to be recorded."""
        return len(self._ahead) + int(struct.unpack("i", fcntl.ioctl(self.source, termios.FIONREAD, bytes(4)))[0])

    def written(self) -> int:
        """How many bytes were written so far."""
        with self._lock:
            return self.taken + self.waiting()

    def write_whole(self, data: bytes) -> bool:
        """Write among what is printed; False when it is so long that what others write might get into it."""
        if self.target is None or len(data) > select.PIPE_BUF:
            return False
        os.write(self.target, data)
        return True

    def close_target(self) -> None:
        if self.target is not None:
            os.close(self.target)
            self.target = None

    def show(self) -> bytes:
        """What waits to be recorded."""
        if self._takes_first:
            if len(self._ahead) < self.capacity:
                self._ahead += self._read(self.capacity)
            return self._ahead
        if self._copy is None:
            self._copy = _pipe(self.capacity)
        assert _tee is not None
        shown = _tee(self.source, self._copy[1], self.capacity, SPLICE_F_NONBLOCK)
        return self._ahead + (os.read(self._copy[0], shown) if shown > 0 else b"")

    def take(self, recorded: bytes) -> None:
        """Take out what was shown first, as it is recorded."""
        with self._lock:
            rest = recorded[len(self._ahead) :]
            found = self._read(len(rest))
            self.taken += len(recorded)
            self._ahead = self._ahead[len(recorded) :]
            if found != rest:  # another process recorded some of it meanwhile, and this is what came after it
                self._ahead += found

    def _read(self, most: int) -> bytes:
        try:
            return os.read(self.source, most) if most else b""
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for each in (self.source, *(self._copy or ())):
            os.close(each)


class Capture:
    """A pipe into which this process writes instead of its standard output and error."""

    def __init__(self, begun: bytes = b"") -> None:
        """`begun` is what it, or what it was forked from, has written already."""
        flush()
        source, target = _pipe(CAPACITY)
        os.set_blocking(source, False)
        self._kept = _divert(target)
        self.printed = Printed(source, target)
        os.write(target, begun[: self.printed.capacity])

    def end(self) -> None:
        """Write where this process wrote before. What still runs may finish its line within a moment, and no later."""
        if self.printed.target is None:
            return
        _restore(self._kept)
        self.printed.close_target()
        nobody_writes = select.poll()
        nobody_writes.register(self.printed.source, 0)
        nobody_writes.poll(1000 * PATIENCE_SECONDS)


@contextlib.contextmanager
def repeatable() -> Iterator[bytearray]:
    """Gather what is written while the body runs, to be written again by each process that is forked later."""
    flush()
    gathered = bytearray()
    with tempfile.TemporaryFile() as file:
        kept = _divert(file.fileno())
        try:
            yield gathered
        finally:
            flush()
            _restore(kept)
            gathered += os.pread(file.fileno(), MOST_REPEATED, 0)


def flush() -> None:
    """Write what Python's streams and those of C still hold back."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # people's code may have put anything in its place, or closed it
            stream.flush()
    if _c_stdout:
        _libc.fflush(_c_stdout)  # not all files: a thread may be waiting in another one, and hold its lock


def prepare() -> None:
    """Get ready to run people's code: our own messages go on to where they went until now, and anything else is
    written at the end of each line, as to a terminal, so that it keeps its order and survives a crash."""
    global _own_errors
    if _own_errors is None:
        _own_errors = os.dup(2)
        _keep_own_messages(_own_errors)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    if _c_stdout:
        _libc.setvbuf(_c_stdout, None, LINE_BUFFERED, 0)
    if not faulthandler.is_enabled():
        faulthandler.enable(file=2, all_threads=False)


def own_errors() -> int | None:
    """Where a process of our own that this one starts writes its errors; None for where this one does."""
    return _own_errors


def _keep_own_messages(errors: int) -> None:
    """Give the loggers of Trainyard a handler of their own, and the root logger none, as in any new process: so
    logging.basicConfig of people's code has its effect."""
    root = logging.getLogger()
    handler = logging.StreamHandler(os.fdopen(errors, "w", errors="backslashreplace", closefd=False))
    handler.setFormatter(root.handlers[0].formatter if root.handlers else None)
    for name in OWN_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logger.level or root.level)
        logger.handlers, logger.propagate = [handler], False
    for each in [*root.handlers]:
        root.removeHandler(each)
    root.setLevel(logging.WARNING)


def _divert(target: int) -> tuple[int, int]:
    """Let standard output and error lead elsewhere; returns where they led."""
    kept = os.dup(1), os.dup(2)
    for number in (1, 2):
        os.dup2(target, number)
    return kept


def _restore(kept: tuple[int, int]) -> None:
    for number, each in zip((1, 2), kept, strict=True):
        os.dup2(each, number)
        os.close(each)


def _pipe(capacity: int) -> tuple[int, int]:
    source, target = os.pipe()
    with contextlib.suppress(OSError, AttributeError):  # more than one user may have, or not Linux
        fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, capacity)
    return source, target
