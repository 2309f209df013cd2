"""Steps and questions of flows as JSON: the types of what commands print and the API answers."""

from typing import Any

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from jobs.verbs.artifact_documents import StepOutputOut

CLOSED = ConfigDict(extra="forbid")


@with_config(CLOSED)
class StepBriefOut(TypedDict):
    """A step of a workflow in a list, without its result. In a flow, `role` is driver, question or once where a step is
    no call of a function, `turn` how often the driver was taken up again, `handled` whether the flow went on after it
    failed."""

    name: str
    key: str
    status: str
    attempt: int
    job_id: str
    started_at: str | None
    ended_at: str | None
    seconds: float | None
    reused_from: int | None
    params: dict[str, Any]
    error: str | None
    error_code: str | None
    progress: float | None
    progress_words: str | None
    seconds_left: float | None
    scores: dict[str, float | None]
    label: str | None
    group: str | None
    role: str | None
    turn: int
    handled: bool


@with_config(CLOSED)
class StepOut(StepBriefOut):
    """A step of a workflow, with its result and the artifacts that it left."""

    result: Any
    outputs: list[StepOutputOut]


@with_config(CLOSED)
class QuestionOut(TypedDict):
    """What a flow asks a person. `value` is the JSON schema of an answer, `until` when it must be given, `refused` why
    the answer before was no good. `answered_via` is page, api, command or link; without one, the time was over and the
    default counts. `link` is the address under which anybody who has it can answer; it is for those who may answer
    themselves, while the question is open."""

    workflow_id: int
    step: str
    question: str
    value: dict[str, Any]
    status: str
    until: str | None
    refused: str | None
    answer: Any
    answered_by: str | None
    answered_via: str | None
    answered_at: str | None
    link: str | None
