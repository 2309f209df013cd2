"""The six words for what happens to a step or a workflow, and the order in which work is done."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum, StrEnum


class Status(StrEnum):
    """What a step or a workflow is doing."""

    pending = "pending"
    running = "running"
    completed = "completed"
    failed = "failed"
    skipped = "skipped"
    cancelled = "cancelled"

    @property
    def over(self) -> bool:
        return self not in OPEN


# What has not ended.
OPEN = (Status.pending, Status.running)


class Priority(IntEnum):
    """Whose work is done first when workers are short: the lower number."""

    person = 0
    sweep = 10
    schedule = 20
    retraining = 30


def workflow_status(steps: Iterable[Status]) -> Status:
    """A workflow's status, worked out from its steps and nothing else."""
    seen = set(steps)
    if seen <= {Status.pending}:
        return Status.pending
    if seen & set(OPEN):
        return Status.running
    for worst in (Status.failed, Status.cancelled, Status.skipped):
        if worst in seen:
            return worst
    return Status.completed


def now() -> datetime:
    return datetime.now(UTC)
