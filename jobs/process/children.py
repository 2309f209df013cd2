"""A nursery: a process beside a worker that does nothing but fork children ahead and tell how they ended.

After a fork, every page that parent or child touches is copied. A worker that forked its own children would copy its
working set anew for each of them; one that leaves this to a process that touches nothing stays fast.
"""

import contextlib
import logging
import os
import signal
from collections.abc import Callable
from itertools import chain
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

from jobs.process.linux import die_with_parent, volunteer_for_oom

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
MORE = "more"


class Gone(Exception):  # noqa: N818 - what happened, told to its user
    """The nursery is gone, and its children went with it."""


class Nursery:
    """The nursery, as its worker sees it. It ends with the worker, however that ends, and its children with it."""

    def __init__(self, be: Callable[[Connection], Any]) -> None:
        """`be` is what a child does with its end of the line to the worker; then it ends."""
        self._line, its = Pipe()
        self._ended: dict[int, tuple[int, int]] = {}
        self._ready: list[tuple[int, Connection]] = []
        worker = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._line.close()
            _look_after_children(its, worker, be)
        its.close()
        self._asked = False
        self.ask()

    def ask(self) -> None:
        """Have a child ready soon, if none is."""
        if not self._asked:
            with contextlib.suppress(OSError):  # that it is gone shows when something is heard of it
                self._line.send(MORE)
            self._asked = True

    def child(self) -> tuple[int, Connection]:
        """A child that waits, by its number, and the line to it. One that died while it waited is passed over."""
        self._ended.clear()  # nobody asked how those before it ended
        while True:
            self.ask()
            while not self._ready:
                self._hear()
            self._asked = False
            pid, line = self._ready.pop()
            if not line.poll():
                return pid, line
            line.close()

    def how_it_ended(self, pid: int) -> tuple[int, int]:
        """How a child ended, as the kernel says it, and how many KB of memory it had used; waits for its end."""
        while pid not in self._ended:
            self._hear()
        return self._ended.pop(pid)

    def end(self) -> None:
        """No further children; the one that waits ends as well."""
        self._line.close()
        for _pid, line in self._ready:
            line.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _hear(self) -> None:
        try:
            pid, ending = self._line.recv()
            if ending:
                self._ended[pid] = ending
            else:
                self._ready.append((pid, Connection(recv_handle(self._line))))
        except (EOFError, OSError):
            raise Gone from None


def end_of(pid: int) -> list[int]:
    """Something that becomes readable when a process has ended, whoever still holds its lines; on Linux."""
    with contextlib.suppress(AttributeError, OSError):
        return [os.pidfd_open(pid)]
    return []


def _look_after_children(line: Connection, worker: int, be: Callable[[Connection], Any]) -> None:
    """In the nursery: fork when asked, and tell who ended, until the worker is gone."""
    try:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, signal.SIG_IGN)  # it ends with its worker, who may have something to finish
        _stay_with(worker)
        ends: dict[int, list[int]] = {}
        wanted = short = False
        with contextlib.suppress(EOFError, OSError):
            while True:
                told = wait([line, *chain(*ends.values())], LOOK_SECONDS if wanted or not all(ends.values()) else None)
                for pid, status, used in _ended():
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(pid, signal.SIGKILL)  # its own children, if it had any, must not outlive it
                    for end in ends.pop(pid, []):
                        os.close(end)
                    line.send((pid, (status, used)))
                if line in told:
                    line.recv()
                    wanted = True
                if wanted:
                    try:
                        pid = _forked(line, be)
                    except ConnectionError:  # the worker is gone
                        raise
                    except OSError:  # no room for another process just now; those that work go on
                        if not short:
                            log.exception("no child yet; trying again")
                        short = True
                        continue
                    wanted = short = False
                    ends[pid] = end_of(pid)
    except BaseException:
        log.exception("nursery ended")
    os._exit(0)


def _forked(line: Connection, be: Callable[[Connection], Any]) -> int:
    ours, its = Pipe()
    nursery = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_a_child(its, nursery, be, [line, ours])
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)  # it does so itself; whoever is first
    line.send((pid, None))
    send_handle(line, ours.fileno(), nursery)
    ours.close()
    its.close()
    return pid


def _be_a_child(line: Connection, nursery: int, be: Callable[[Connection], Any], others: list[Connection]) -> None:
    status = 1
    try:
        for other in others:
            other.close()
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _stay_with(nursery)
        volunteer_for_oom()
        be(line)
        status = 0
    except BaseException:
        log.exception("child ended")
    finally:
        os._exit(status)


def _stay_with(parent: int) -> None:
    """End when the parent does, and at once if it already has."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def _ended() -> list[tuple[int, int, int]]:
    found = []
    with contextlib.suppress(ChildProcessError):
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            found.append((ended[0], ended[1], ended[2].ru_maxrss))
    return found
