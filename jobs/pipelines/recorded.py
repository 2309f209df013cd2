"""Recorded: the numbers that a step records, as they are read."""

from collections.abc import Sequence

from jobs.pipelines.errors import StepError
from jobs.pipelines.params import short
from store.messages import Message
from store.steps import LogLine, Point
from store.text import LARGEST_INTEGER, LONGEST_NAME, is_integer


def refusal(points: Sequence[Point], lines: Sequence[LogLine]) -> Message:
    """What a log says of numbers and lines that the database refused."""
    return Message("records_refused", {"numbers": len(points), "lines": len(lines)})


def read_epoch(epoch: int) -> int:
    """A number of an epoch, or a refusal."""
    try:
        number = int(epoch)
    except (TypeError, ValueError, OverflowError):
        raise StepError(Message("epoch_not_whole", {"given": short(epoch)})) from None
    if number != epoch:
        raise StepError(Message("epoch_not_whole", {"given": short(epoch)}))
    if not is_integer(number):
        raise StepError(Message("epoch_too_large", {"epoch": str(number), "most": LARGEST_INTEGER}))
    return number


def read_measurement(name: str, value: float) -> float:
    """A number, or a refusal."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise StepError(Message("metric_not_number", {"name": name[:LONGEST_NAME], "given": short(value)})) from None
