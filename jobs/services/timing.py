"""How long to wait after failures, and doing something again and again."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

BACK_OFF_SECONDS = 10.0
DUTY_BACK_OFF_SECONDS = 5.0


def back_off(failures: int, most: float = BACK_OFF_SECONDS) -> float:
    """How long to wait after so many failures in a row: longer each time, up to a limit."""
    return min(2.0 ** min(failures, 10), most)  # a larger exponent would overflow a float one day


@dataclass
class Duty:
    """Something that is done every few seconds; when it fails, the next try comes a little later."""

    name: str
    every: float
    work: Callable[[], object]
    failures: int = 0
    due: float = 0.0

    def attend(self) -> None:
        """Do it, if it is due. An error is logged and never ends the caller."""
        if time.monotonic() < self.due:
            return
        try:
            self.work()
            self.failures = 0
        except Exception:
            log.exception("%s failed; trying again soon", self.name)
            self.failures += 1
        pause = back_off(self.failures - 2, DUTY_BACK_OFF_SECONDS) if self.failures else self.every
        self.due = time.monotonic() + pause
