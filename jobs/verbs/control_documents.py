"""Documents of controls: what one would do to a step, and what became of workflows in bulk."""

from typing import Any

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

CLOSED = ConfigDict(extra="forbid")


@with_config(CLOSED)
class CellPlanOut(TypedDict):
    """What would happen to a step: it runs, or is reused from a workflow."""

    key: str
    name: str
    params: dict[str, Any]
    reused_from: int | None


@with_config(CLOSED)
class OutcomeOut(TypedDict):
    """What became of one of several workflows; `error` says why it was refused."""

    workflow_id: int
    started: int | None
    error: str | None
    error_code: str | None


@with_config(CLOSED)
class AttemptOut(TypedDict):
    """One try of a step. `code` says how it ended, and is null while it runs."""

    key: str
    number: int
    worker: str | None
    began_at: str
    ended_at: str | None
    seconds: float | None
    code: str | None
    text: str | None


@with_config(CLOSED)
class LimitOut(TypedDict):
    """How many steps with a tag may run at the same time, how many do, and how many wait for that."""

    tag: str
    most: int
    running: int
    waiting: int
    set_at: str
    set_by: str | None
