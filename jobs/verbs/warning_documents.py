"""The form in which programs get what to know about a workflow."""

from typing import Any

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

CLOSED = ConfigDict(extra="forbid")


@with_config(CLOSED)
class RemedyOut(TypedDict):
    """What helps: rerun from `step` with `params`."""

    text: str
    step: str
    params: dict[str, Any]


@with_config(CLOSED)
class WarningOut(TypedDict):
    """What to know about a workflow, the weightiest first: a code with its values, its sentence, and what helps."""

    code: str
    values: dict[str, Any]
    level: str
    column: str | None
    text: str
    remedy: RemedyOut | None
