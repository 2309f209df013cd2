"""The words for what happens to a step or a workflow, and the order in which work is done."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum, StrEnum


class Status(StrEnum):
    """What a step or a workflow is doing. A step that is `waiting` waits for a person's answer."""

    pending = "pending"
    running = "running"
    completed = "completed"
    failed = "failed"
    skipped = "skipped"
    cancelled = "cancelled"
    waiting = "waiting"

    @property
    def over(self) -> bool:
        return self not in OPEN


# What has not ended.
OPEN = (Status.pending, Status.running, Status.waiting)


class Need(StrEnum):
    """What a step needs of another one: that it completed, or only that it ended."""

    completed = "completed"
    ended = "ended"


class StepRole(StrEnum):
    """What a step is for beside doing its function: a flow's own function, a question to a person, or a value that is
    worked out once."""

    driver = "driver"
    question = "question"
    once = "once"


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


def flow_status(steps: Iterable[Status], driver: Status, *, begun: bool) -> Status:
    """The status of a flow's workflow: open while any step is, and then as its driver ended, which may have handled
    what failed."""
    seen = {driver, *steps}
    if seen & set(OPEN):
        return Status.running if begun or Status.running in seen else Status.pending
    return driver


def now() -> datetime:
    return datetime.now(UTC)
