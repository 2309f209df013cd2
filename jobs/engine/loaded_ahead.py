"""Loaded ahead: processes for the steps of one pipeline of people's own, forked from one that has loaded its code."""

import contextlib
import signal
import time

from jobs.pipelines.preloaded import Loaded, OwnCode
from jobs.process.children import Child, Children, ChildrenGoneError, Ended, ForkedAhead, kill_group

KEEP_SECONDS = 2  # without a further step of the pipeline
RENEW_SECONDS = 1  # before it is not trusted any more


class LoadedAhead:
    """Processes for the steps of a pipeline. `parent` still waits for work: it loads the code and is forked."""

    def __init__(self, code: OwnCode, parent: Child) -> None:
        self.code = code
        self.parent = parent
        self.loaded: Loaded | None = None  # until its parent has said so
        with contextlib.suppress(OSError):  # a dead one shows when it is asked
            parent.line.send(code)
        self._children = ForkedAhead(parent.line, parent.pid)
        self._used = time.monotonic()
        self._spent = False

    def take(self) -> Child:
        """A child that has loaded the code."""
        child = self._children.take()
        self._spent = child.pid == self.parent.pid  # code that left more than memory is used once
        return child

    def wait(self, pid: int, others: Children) -> Ended:
        """Wait for a child's end, and return how it ended; `others` made the parent."""
        if pid == self.parent.pid:
            return others.wait(pid)
        try:
            return self._children.wait(pid)
        except ChildrenGoneError:  # it went with its parent
            kill_group(pid)
            return Ended(signal.SIGKILL, 0)

    def release(self, child: Child) -> None:
        """A child has done its work; the next one is prepared."""
        self._used = time.monotonic()
        if self._spent:
            child.line.close()
        else:
            self._children.release(child)

    @property
    def is_fresh(self) -> bool:
        """Whether it will do for the next step of the pipeline."""
        return not self._spent and (self.loaded is None or self.loaded.is_trusted(RENEW_SECONDS))

    @property
    def is_idle(self) -> bool:
        """Whether no step of the pipeline followed."""
        return time.monotonic() > self._used + KEEP_SECONDS

    def end(self) -> None:
        """None of them is needed any more, nor what is still loading code."""
        self._children.end()
        kill_group(self.parent.pid)
