"""Child processes, one for each piece of work: forked ahead of time by a process of their own, or plainly.

After a fork, every page that parent or child touches is copied. A worker that forked its own children would copy its
working set anew for each of them; with a fork server beside it, which touches nothing, it stays fast (47 against 69 ms
for three empty steps). `Forked` does without, where a system cannot or an operator does not want it.
"""

import contextlib
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, Protocol

from jobs.process.linux import die_with_parent, volunteer_for_oom

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05

Body = Callable[[Connection], Any]


class ChildrenGoneError(Exception):
    """The fork server died, and its children with it."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process that waits for work, and the line to it."""

    pid: int
    line: Connection


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, as the kernel reports it, and how many KB of memory it had used at most."""

    status: int
    most_kb: int


class Children(Protocol):
    """Where children come from. One at a time is used."""

    def prepare(self) -> None:
        """Have a child ready soon, if none is."""

    def await_one(self) -> None:
        """Wait until a child is ready."""

    def take(self) -> Child:
        """A child that waits. One that died while it waited is passed over."""

    def wait(self, pid: int) -> Ended:
        """Wait for a child's end, and return how it ended."""

    def release(self, child: Child) -> None:
        """A child has done its work; it and what it started end. The next one is prepared."""

    def end(self) -> None:
        """No further children; one that waits ends as well."""


class ForkedAhead:
    """Children of a fork server. It ends with its user, however that ends, and its children with it."""

    def __init__(self, line: Connection, pid: int) -> None:
        """`line` leads to a process that serves, or soon will."""
        self.pid = pid
        self._line = line
        self._ended: dict[int, Ended] = {}
        self._ready: list[Child] = []
        self._requested = False
        self.prepare()

    def prepare(self) -> None:
        if not self._requested:
            with contextlib.suppress(OSError):  # a dead server shows when something is read from it
                self._line.send("fork")
            self._requested = True

    def await_one(self) -> None:
        self.prepare()
        while not self._ready or self._ready[-1].line.poll():
            if self._ready:  # it has ended, as nothing was asked of it
                self._take_ready().line.close()
                self.prepare()
            self._read()

    def take(self) -> Child:
        self._ended.clear()  # the ends of earlier children are of no interest any more
        self.await_one()
        return self._take_ready()

    def _take_ready(self) -> Child:
        self._requested = False
        return self._ready.pop()

    def wait(self, pid: int) -> Ended:
        while pid not in self._ended:
            self._read()
        return self._ended.pop(pid)

    def release(self, child: Child) -> None:
        child.line.close()
        kill_group(child.pid)  # the server does so too, unless it ends before it has seen the child end
        self.prepare()

    def end(self) -> None:
        self._line.close()
        for child in self._ready:
            child.line.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _read(self) -> None:
        try:
            pid, ended = self._line.recv()
            if ended:
                self._ended[pid] = ended
            else:
                self._ready.append(Child(pid, Connection(recv_handle(self._line))))
        except (EOFError, OSError):
            raise ChildrenGoneError from None


def forked_ahead(body: Body) -> ForkedAhead:
    """Start a fork server. `body` is what a child does with its end of the line; then it ends."""
    line, its = Pipe()
    user = os.getpid()
    pid = os.fork()
    if pid == 0:
        line.close()
        serve(its, user, body)
    its.close()
    return ForkedAhead(line, pid)


class Forked:
    """Children that their user forks itself, when it needs one. Slower, and nothing but fork and wait."""

    def __init__(self, body: Body, before: Callable[[], None] = lambda: None) -> None:
        """`before` is called before each fork, to close what a child must not share."""
        self._body, self._before = body, before

    def prepare(self) -> None:
        """Nothing: a child is forked when it is taken."""

    def await_one(self) -> None:
        """Nothing: a child is forked when it is taken."""

    def take(self) -> Child:
        self._before()
        ours, its = Pipe()
        user, pid = os.getpid(), os.fork()
        if pid == 0:
            _be_a_child(its, user, self._body, [ours])
        its.close()
        _lead_a_group(pid)
        return Child(pid, ours)

    def wait(self, pid: int) -> Ended:
        _, status, used = os.wait4(pid, 0)
        kill_group(pid)
        return Ended(status, used.ru_maxrss)

    def release(self, child: Child) -> None:
        child.line.close()
        kill_group(child.pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)

    def end(self) -> None:
        """Nothing: no child waits."""


def end_of(pid: int) -> list[int]:
    """A descriptor that becomes readable when a process has ended, also while others hold its lines; on Linux."""
    with contextlib.suppress(AttributeError, OSError):
        return [os.pidfd_open(pid)]
    return []


def serve(line: Connection, user: int, body: Body, before: Callable[[], None] = lambda: None) -> None:
    """Be the fork server: fork on request, and report children that ended, until the user ends. `before` is called
    before each fork."""
    try:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, signal.SIG_IGN)  # it ends with its user, who may have something to finish
        _stay_with(user)
        ends: dict[int, list[int]] = {}
        wanted = short = False
        with contextlib.suppress(EOFError, OSError):
            while True:
                pause = LOOK_SECONDS if wanted or not all(ends.values()) else None
                woken = wait([line, *chain(*ends.values())], pause)
                for pid, ended in _all_ended():
                    kill_group(pid)
                    for end in ends.pop(pid, []):
                        os.close(end)
                    line.send((pid, ended))
                if line in woken:
                    line.recv()
                    wanted = True
                if wanted:
                    try:
                        before()
                        pid = _fork_for(line, body)
                    except ConnectionError:  # the user has ended
                        raise
                    except OSError:  # no room for another process right now; those that work go on
                        if not short:
                            log.exception("no child yet; trying again")
                        short = True
                        continue
                    wanted = short = False
                    ends[pid] = end_of(pid)
    except BaseException:
        log.exception("fork server ended")
    os._exit(0)


def serve_once(line: Connection, body: Body) -> None:
    """Answer the first request with this process itself, for one that must not be forked."""
    line.recv()
    ours, its = Pipe()
    line.send((os.getpid(), None))
    send_handle(line, ours.fileno(), os.getppid())
    ours.close()
    body(its)


def _fork_for(line: Connection, body: Body) -> int:
    ours, its = Pipe()
    server, pid = os.getpid(), os.fork()
    if pid == 0:
        _be_a_child(its, server, body, [line, ours])
    _lead_a_group(pid)
    line.send((pid, None))
    send_handle(line, ours.fileno(), server)
    ours.close()
    its.close()
    return pid


def _be_a_child(line: Connection, parent: int, body: Body, others: list[Connection]) -> None:
    """In the child: do the work, and never return."""
    status = 1
    try:
        for other in others:
            other.close()
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _stay_with(parent)
        volunteer_for_oom()
        body(line)
        status = 0
    except BaseException:
        log.exception("child ended")
    finally:
        os._exit(status)


def _lead_a_group(pid: int) -> None:
    """Give a child its group from here too: it does so itself, perhaps later than the first signal."""
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


def kill_group(pid: int) -> None:
    """What a child started must not outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _stay_with(parent: int) -> None:
    """End when the parent does, and at once if it already has."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def _all_ended() -> list[tuple[int, Ended]]:
    ended = []
    with contextlib.suppress(ChildProcessError):
        while (each := os.wait4(-1, os.WNOHANG))[0]:
            ended.append((each[0], Ended(each[1], each[2].ru_maxrss)))
    return ended
