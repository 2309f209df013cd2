"""Output: how prints, warnings and logging reach the log of a step, while it runs and after its process died."""

import contextlib
import io
import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

from jobs.pipelines import StepContext
from jobs.pipelines.printing import Printing, in_order
from jobs.process.printed import Printed, flush
from store import steps
from store.steps import Claim, LogLine

log = logging.getLogger(__name__)

HELP_SECONDS = 2.0
FILL_SECONDS = 0.2


@contextlib.contextmanager
def logging_output(context: StepContext, *, own_process: bool) -> Iterator[None]:
    """Let prints, warnings and records of logging reach the step's log.

    In a process of its own, what is printed gets there through the pipe that is its standard output and error."""

    def show(message: Warning | str, category: type[Warning], *_where: object) -> None:
        context.log(f"{category.__name__}: {message}", "warning")

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        if own_process:
            with _last_resort(context):
                try:
                    yield
                finally:
                    flush()  # while what is printed is read
        else:
            stream = _LogStream(context)
            with contextlib.redirect_stdout(stream):
                yield
                stream.write("\n")  # a last line may have no end


@contextlib.contextmanager
def _last_resort(context: StepContext) -> Iterator[None]:
    """Log records with their level as long as nobody has said where they go; Python would print them. The functions
    of the module, such as logging.warning, call basicConfig if the root logger has no handler."""
    records, basic_config, last_resort = _Records(context), logging.basicConfig, logging.lastResort

    def configure(**choices: Any) -> None:
        if choices or logging.root.handlers:
            basic_config(**choices)
        else:
            logging.root.addHandler(records)

    logging.lastResort, logging.basicConfig = records, configure
    try:
        yield
    finally:
        logging.lastResort, logging.basicConfig = last_resort, basic_config


class _Records(logging.Handler):
    """Records as lines of the step's log."""

    def __init__(self, context: StepContext) -> None:
        super().__init__(logging.WARNING)
        self._context = context

    def emit(self, record: logging.LogRecord) -> None:
        self._context.log(self.format(record), record.levelname.lower())


class _LogStream(io.TextIOBase):
    """What a step prints becomes lines of its log."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self._partial = ""

    def write(self, text: str) -> int:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            if line.strip():
                self._context.log(line.rstrip())
        return len(text)


class Overheard:
    """What a step's process has printed and nobody has recorded, as its worker sees it."""

    def __init__(self, claim: Claim, source: int) -> None:
        self._claim = claim
        self._printed = Printed(source, takes_first=True)
        self._printing = Printing(self._printed)
        self._size = 0

    def help(self) -> None:
        """Record what waits when the process has not for a while, though its pipe is half full or more: native code
        that holds Python's lock while it waits for room in the pipe keeps the process from emptying it."""
        before, self._size = self._size, self._printed.waiting()
        stuck, end = self._size == before and self._is_full(), time.monotonic() + HELP_SECONDS
        while stuck:
            seen = self._printing.look(whole=True)
            try:
                steps.beat(self._claim, lines=in_order([], seen))
            except (Exception, steps.Fenced):
                log.exception("could not record what a step printed")
                return
            self._printing.recorded(seen)
            stuck = seen.more or (time.monotonic() < end and self._is_stuck())

    def _is_stuck(self) -> bool:
        """Whether the pipe fills again and stays so; a process that can read it would record it within that time."""
        time.sleep(FILL_SECONDS)
        size = self._printed.waiting()
        time.sleep(FILL_SECONDS)
        return self._is_full() and self._printed.waiting() == size

    def _is_full(self) -> bool:
        return self._printed.waiting() >= self._printed.capacity // 2

    def last_words(self) -> list[LogLine]:
        """What is left, of a process that died or that was helped."""
        return self._printing.rest()

    def close(self) -> None:
        self._printed.close()
