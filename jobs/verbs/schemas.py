"""What is remembered, as plain JSON: the same words for the command line and for the API."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from jobs.engine import attempts
from jobs.language import sentence, sentence_of, spoken
from jobs.pipelines.definition import Pipeline
from jobs.pipelines.params import Param
from jobs.verbs.documents import (
    DatasetBriefOut,
    DatasetOut,
    DeedOut,
    LineOut,
    PersonOut,
    QueuesOut,
    StepBriefOut,
    StepOut,
    TokenOut,
    WorkflowBriefOut,
    WorkflowOut,
)
from store import metrics, steps, workflows
from store.audit import Deed
from store.datasets import Dataset
from store.logs import Line
from store.people import Person, Token
from store.steps import Step
from store.workflows import Workflow

if TYPE_CHECKING:
    from jobs.engine.queue_view import Queues

Document = dict[str, Any]

DATASET_BRIEF = (
    "id",
    "name",
    "version",
    "sha256",
    "size",
    "rows",
    "exact",
    "proposal",
    "used_by",
    "created_at",
    "created_by",
)


def workflow(workflow_id: int) -> WorkflowOut:
    """One workflow, with everything its steps left."""
    return workflow_of(workflows.get(workflow_id), steps.of_workflow(workflow_id))


def workflow_of(found: Workflow, own: Sequence[Step]) -> WorkflowOut:
    """A workflow that was read already, with its steps."""
    sources, left = _sources(own), attempts.left(own)
    written = [StepOut(**_step(step, sources, left), result=told(plain(step.result))) for step in own]
    return cast(WorkflowOut, _workflow(found) | {"steps": written})


def workflow_list(found: Sequence[Workflow]) -> list[WorkflowBriefOut]:
    """Several workflows; their steps come without results, which can be long."""
    own = steps.brief([each.id for each in found])
    steps_of_all = [step for each in own.values() for step in each]
    sources, left = _sources(steps_of_all), attempts.left(steps_of_all)
    return [
        cast(WorkflowBriefOut, _workflow(each) | {"steps": [_step(step, sources, left) for step in own[each.id]]})
        for each in found
    ]


def metric_rows(workflow_id: int) -> list[Document]:
    """One row an epoch, with its numbers by name."""
    workflows.get(workflow_id)
    return [plain(row) for row in metrics.of_workflow(workflow_id)]


def dataset(found: Dataset) -> DatasetOut:
    """Return a dataset with its profile."""
    return {
        **dataset_brief(found),
        "dialect": plain(found.dialect),
        "columns": told(plain(found.columns)),
        "preview": plain(found.preview),
        "notices": told(plain(found.notices)),
    }


def dataset_brief(found: Dataset) -> DatasetBriefOut:
    """A dataset as a row of a list."""
    return cast(DatasetBriefOut, told({name: plain(getattr(found, name)) for name in DATASET_BRIEF}))


def told(value: Any) -> Any:
    """Return plain JSON in which every stored message has its sentence beside it, as "text"; where programs expect a
    sentence by itself, the message is spread over the fields beside it."""
    if isinstance(value, list):
        return [told(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_message(value):
        return value | {"text": sentence_of(value)}
    document: Document = {}
    for name, item in value.items():
        document |= _field(name, item)
    return document


def _field(name: str, item: Any) -> Document:
    """One field of a document; the first versions stored sentences in some, and those are sentences still."""
    if name == "reason" and _is_message(item):
        return {name: sentence_of(item), "reason_code": item["code"], "reason_values": item["values"]}
    if name == "did" and isinstance(item, list) and all(map(_is_message, item)):
        words = sentence_of(item)
        return {name: words[:1].upper() + words[1:], "did_messages": told(item)}
    if name == "answer" and _is_message(item):
        return {name: told(item), "words": sentence_of(item)}
    return {name: told(item)}


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("code"), str) and isinstance(value.get("values"), dict)


def line(found: Line, step: Step) -> LineOut:
    """One line of a log."""
    return {
        "id": found.id,
        "step": step.name,
        "attempt": found.attempt,
        "at": plain(found.at),
        "level": found.level,
        "text": spoken(found.text, found.message),
    }


def person(found: Person) -> PersonOut:
    """A person, without anything secret."""
    return {
        "id": found.id,
        "name": found.name,
        "role": found.role,
        "has_password": found.has_password,
        "created_at": plain(found.created_at),
        "signed_in_at": plain(found.signed_in_at),
    }


def token(found: Token) -> TokenOut:
    """A token without its text, which nobody knows any more."""
    return {
        "id": found.id,
        "label": found.label,
        "created_at": plain(found.created_at),
        "expires_at": plain(found.expires_at),
        "used_at": plain(found.used_at),
    }


def deed(found: Deed) -> DeedOut:
    """What somebody did."""
    return cast(DeedOut, plain(asdict(found)))


def queues(found: "Queues") -> QueuesOut:
    """What `jobs.engine.queue_view.snapshot` saw."""
    return cast(QueuesOut, plain(asdict(found)))


def plain(value: Any) -> Any:
    """The value as JSON can say it: times in UTC, and no number that JSON has no word for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _workflow(found: Workflow) -> Document:
    known = {
        "id": found.id,
        "name": found.name,
        "note": found.note,
        "status": str(found.status),
        # The first input by itself, and facets as fields: programs rely on both since before there were inputs.
        "dataset_id": found.data.dataset_id if found.data else None,
        "dataset_name": found.data.name if found.data else None,
        "dataset_version": found.data.version if found.data else None,
        "inputs": {name: asdict(each) for name, each in found.inputs.items()},
        "facets": found.facets,
        "priority": found.priority,
        "params": plain(found.params),
        "pipeline": found.pipeline,
        "origin": found.origin,
        "parent_id": found.parent_id,
        "created_at": plain(found.created_at),
        "created_by": found.created_by,
        "started_at": plain(found.started_at),
        "ended_at": plain(found.ended_at),
        "seconds": _rounded(found.seconds),
        "scores": plain(found.scores),
    }
    return known | {name: value for name, value in found.facets.items() if name not in known}


def _step(step: Step, sources: Mapping[int, int], left: Mapping[int, float]) -> StepBriefOut:
    return {
        "name": step.name,
        "key": step.key,
        "status": str(step.status),
        "attempt": step.attempt,
        "job_id": step.job_id,
        "started_at": plain(step.started_at),
        "ended_at": plain(step.ended_at),
        "seconds": _rounded(step.seconds),
        "reused_from": sources.get(step.reused_from or 0),
        "params": plain(step.params),
        "error": sentence(step.error) if step.error else None,
        "error_code": step.error_code,
        "progress": plain(step.progress),
        "progress_words": sentence(step.progress_message) if step.progress_message else None,
        "seconds_left": _rounded(left.get(step.id)),
        "scores": plain(step.scores),
    }


def _sources(own: Sequence[Step]) -> dict[int, int]:
    """The workflows that did the work of reused steps."""
    wanted = [step.reused_from for step in own if step.reused_from]
    return steps.workflows_of(wanted) if wanted else {}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def pipeline(made: Pipeline) -> Document:
    """What a pipeline takes and does; its params as a JSON schema."""
    return {
        "name": made.name,
        "label": made.shown,
        "description": made.description,
        "inputs": [
            {"name": each.name, "label": each.label, "help": each.help, "optional": each.optional}
            for each in made.inputs
        ],
        "params": {
            "type": "object",
            "properties": {name: _param(param) for name, param in made.params({}).items()},
            "additionalProperties": False,
        },
        "steps": [
            {"key": step.key, "name": step.name, "label": step.label, "needs": list(step.needs)} for step in made.steps
        ],
        "measures": [
            {"name": each.name, "label": each.label, "help": each.help, "better": each.better, "main": each.main}
            for each in made.measures
        ],
    }


JSON_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "columns": "array"}


def _param(param: Param) -> Document:
    limits = {"minimum": param.low, "maximum": param.high, "enum": list(param.choices) or None}
    kind = JSON_TYPES.get(param.kind, "string")
    return {
        "title": param.label,
        "description": param.help,
        "type": kind if param.default is not None else [kind, "null"],
        "default": plain(param.default),
        **({"items": {"type": "string"}} if kind == "array" else {}),
        **{name: limit for name, limit in limits.items() if limit is not None},
    }
