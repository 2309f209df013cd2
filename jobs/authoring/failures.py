"""Failures: what a flow gets, as an exception, when it asks for what a step has left that failed."""

import sys
from functools import reduce
from typing import Any

from jobs.language import sentence
from jobs.pipelines.errors import StepError
from store.messages import Message

# The engine's own codes, as the exceptions by which Python programs know them.
BUILT_IN: dict[str, type[Exception]] = {
    "timeout": TimeoutError,
    "timeout_at": TimeoutError,
    "timeout_killed": TimeoutError,
    "not_answered": TimeoutError,
    "out_of_memory": MemoryError,
    "disk_full": OSError,
}


AS_RAISED = ("error", "retryable")


class TaskFailed(StepError):  # noqa: N818 - the name that a flow catches
    """A step failed for good. It is also an error of the type that the step raised, so that a flow can catch that."""

    def __init__(self, step: str, why: Message) -> None:
        self.step = step
        self.why = why
        super().__init__(Message("task_failed", {"step": step, "reason": why.as_json()}))

    def __str__(self) -> str:
        """What the step's own error said, as a flow that catches it expects."""
        return str(self.why.values["reason"]) if self.why.code in AS_RAISED else sentence(self.why)


def task_failed(step: str, why: Message) -> TaskFailed:
    """The exception for a step that failed."""
    kind = BUILT_IN.get(why.code) or _kind(str(why.values.get("type", "")))
    if kind is None or issubclass(TaskFailed, kind):
        return TaskFailed(step, why)
    try:
        both: type[TaskFailed] = type("TaskFailed", (TaskFailed, kind), {"__module__": __name__})
        return both(step, why)
    except TypeError:  # two classes that Python cannot join
        return TaskFailed(step, why)


def _kind(source: str) -> type[Exception] | None:
    """A class of exceptions that is loaded here; what a step wrote about itself never makes this process load any."""
    module, _, name = source.partition(":")
    found: Any = sys.modules.get(module)
    try:
        found = reduce(getattr, name.split("."), found)
    except AttributeError:
        return None
    return found if isinstance(found, type) and issubclass(found, Exception) else None
