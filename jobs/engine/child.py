"""The process of a step, from its first line on: it waits, does one step, and says how it ended."""

import contextlib
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any, cast

from rq.timeouts import UnixSignalDeathPenalty

from jobs.engine import runner
from jobs.engine.runner import Assignment, Grown, Resolved
from jobs.pipelines.code_hash import CodeIdentity
from jobs.pipelines.errors import TimedOut
from jobs.pipelines.preloaded import OwnCode, Preloaded
from jobs.process.children import serve, serve_once
from jobs.process.printed import Capture, prepare, repeatable
from store.codes import Place
from store.settings import settings


class TimeLimit(UnixSignalDeathPenalty):
    """Ends a step that takes too long. RQ raises an Exception, which `except Exception` in a step swallows; TimedOut is
    none."""

    def handle_death_penalty(self, signum: int, frame: Any) -> None:
        raise TimedOut(self._timeout)


def be_a_child(line: Connection) -> None:
    """Wait for one step, do it, and say how it ended. A pipeline may come instead: its code is loaded ahead."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    _go_to_the_project()
    with contextlib.suppress(EOFError):  # not needed any more
        order = line.recv()
        if isinstance(order, OwnCode):
            _load_ahead(line, order)
        else:
            _do(order, line)


def _go_to_the_project() -> None:
    """Be in the folder of the author's modules, as the process is that describes them."""
    where = settings()
    _ = where.folder, where.files  # they may be given relative to the folder of before
    with contextlib.suppress(OSError):
        os.chdir(where.project)


def _go_to(place: Place | None) -> None:
    """Be where a script was started, as long as that is there: its files are given relative to that."""
    if place:
        for folder in (place.folder, place.unpacked()[0]):
            with contextlib.suppress(OSError):
                os.chdir(folder)
                return


def _load_ahead(line: Connection, wanted: OwnCode) -> None:
    """Load a pipeline's code, say which it is, and be what the processes of its next steps are forked from."""
    _go_to(wanted.place)
    with repeatable() as printed:
        code = Preloaded(wanted)
    line.send(code.loaded)

    def one_step(line: Connection) -> None:
        with contextlib.suppress(EOFError):  # not needed any more
            _do(line.recv(), line, bytes(printed))

    def forked(line: Connection) -> None:
        code.forked()
        one_step(line)

    if code.may_be_forked:
        serve(line, os.getppid(), forked, code.before_fork)
    serve_once(line, one_step)


def _do(assignment: Assignment, line: Connection, printed: bytes = b"") -> None:
    """Do a step, and those that follow it in its chunk."""
    _do_one(assignment, line, printed)
    while assignment.may_be_followed:
        assignment = line.recv()
        _do_one(assignment, line, b"")


def _do_one(assignment: Assignment, line: Connection, printed: bytes) -> None:
    """Do a step, and say how it ended. Its worker gets the end of the pipe with what is printed, which begins with what
    loading the code has, and answers which fingerprint the code has."""
    _go_to(assignment.claim.place)
    capture = Capture(printed)
    send_handle(line, capture.printed.source, os.getppid())

    def resolve(code: CodeIdentity) -> Resolved:
        line.send(code)
        return cast(Resolved, line.recv())

    def hand_over() -> bool:
        line.send(Grown())
        return cast(bool, line.recv())

    line.send(runner.execute(assignment, resolve, TimeLimit, capture=capture, hand_over=hand_over))
