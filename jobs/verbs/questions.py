"""The verbs for questions of flows: what waits for a person, and giving an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.pipelines.params import Param
from store import steps
from store.errors import RequestError
from store.messages import Message
from store.steps import Step, turns
from store.tables import Status, StepRole

ANSWER = "answer"
BY_LINK = "link"


@dataclass(frozen=True, slots=True)
class Question:
    """What a flow asks; `fields` are what an answer consists of, which is one value where it is `single`."""

    workflow_id: int
    step: str
    text: str
    fields: tuple[Param, ...]
    single: bool
    until: datetime | None
    refused: Message | None  # why the answer before was no good
    is_open: bool
    status: Status
    step_id: int
    attempt: int
    answer: Any = None
    answered_by: str | None = None
    answered_via: str | None = None  # none where nobody did, and the default counts
    answered_at: datetime | None = None


def questions(workflow_id: int) -> list[Question]:
    """What a workflow asks and has asked, in order."""
    return [question_of(step) for step in steps.of_workflow(workflow_id) if step.role == StepRole.question]


def open_everywhere(most: int) -> tuple[int, list[Question]]:
    """How many questions wait for an answer in all workflows, and the first of them."""
    total, first = turns.asked(most)
    return total, [question_of(step) for step in first]


def asking(workflow_ids: Sequence[int]) -> set[int]:
    """Those of these workflows that wait for an answer."""
    return turns.asking(workflow_ids)


def open_among(own: Sequence[Step]) -> list[Question]:
    """The questions among some steps that wait for an answer."""
    return [question_of(step) for step in own if step.role == StepRole.question and step.status is Status.waiting]


def question_of(step: Step) -> Question:
    """A step that is a question."""
    given = step.params
    left = step.result or {}
    return Question(
        step.workflow_id,
        step.key,
        str(given.get("question", "")),
        tuple(_param(each) for each in given.get("fields", [])),
        bool(given.get("single")),
        step.deadline,
        step.error if step.status is Status.waiting else None,
        step.status is Status.waiting,
        step.status,
        step.id,
        step.attempt,
        left.get("value"),
        left.get("by"),
        left.get("via"),
        step.ended_at if step.status is Status.completed else None,
    )


def read(question: Question, value: Any) -> Any:
    """An answer as JSON, each field of its kind, or RequestError with a message that names the field."""
    if question.single:
        (param,) = question.fields
        if value is None and param.required:
            raise RequestError(Message("answer_missing", {"field": param.name}), ANSWER)
        return param.read(value)
    if not isinstance(value, Mapping):
        names = [param.name for param in question.fields]
        raise RequestError(Message("answer_not_fields", {"known": names}), ANSWER)
    known = {param.name: param for param in question.fields}
    for name in value:
        if name not in known:
            raise RequestError(Message("answer_unknown_field", {"given": str(name)[:60], "known": list(known)}), ANSWER)
    for name, param in known.items():
        if param.required and value.get(name) is None:
            raise RequestError(Message("answer_missing", {"field": name}), name)
    return {name: param.read(value.get(name)) for name, param in known.items()}


def _param(given: Mapping[str, Any]) -> Param:
    return Param(
        given["name"],
        given["kind"],
        given["default"],
        given["label"],
        choices=tuple(given["choices"]),
        required=given["required"],
        type=given["type"],
    )
