"""Records as plain JSON: the same words for the command line and for the API."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from jobs.engine import remaining
from jobs.language import sentence, sentence_of, text_of
from jobs.pipelines.definition import Pipeline
from jobs.pipelines.measures import Measure
from jobs.pipelines.params import Param
from jobs.pipelines.predictions import RowPredictions, RowReasons
from jobs.pipelines.thresholds import Costs
from jobs.pipelines.warnings import WorkflowWarning
from jobs.verbs import threshold_documents, warnings
from jobs.verbs import thresholds as threshold_verbs
from jobs.verbs.artifact_documents import ArtifactBriefOut, ArtifactOut, StepOutputOut
from jobs.verbs.documents import (
    DatasetBriefOut,
    DatasetOut,
    DeedOut,
    EffectOut,
    LineOut,
    MeasureOut,
    NoticeOut,
    PersonOut,
    PredictionsOut,
    QueuesOut,
    ReasonsOut,
    StepBriefOut,
    StepOut,
    TokenOut,
    WorkflowBriefOut,
    WorkflowOut,
)
from jobs.verbs.warning_documents import WarningOut
from store import metrics, outputs, steps, workflows
from store import thresholds as stored_thresholds
from store.audit import Deed
from store.datasets import Dataset
from store.logs import Line
from store.messages import Notice
from store.outputs import Output, OutputBrief
from store.people import Person, Token
from store.steps import Step
from store.thresholds import Threshold
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


def workflow_of(workflow: Workflow, own: Sequence[Step]) -> WorkflowOut:
    """A workflow that was read already, with its steps."""
    sources, left = _sources(own), remaining.seconds(own)
    outputs_of = outputs.briefs_by_step(workflow.id)
    written = [
        StepOut(
            **_step(step, sources, left),
            result=with_sentences(plain(step.result)),
            outputs=[_step_output(each) for each in outputs_of.get(step.key, [])],
        )
        for step in own
    ]
    threshold = stored_thresholds.get(workflow.id)
    known = [_warning(each) for each in warnings.of_workflow(workflow, own)]
    return cast(WorkflowOut, _workflow(workflow, threshold) | {"steps": written, "warnings": known})


def _step_output(left: OutputBrief) -> StepOutputOut:
    return {"id": left.id, "name": left.name, "version": left.version, "type": left.type}


def artifact_brief(left: OutputBrief | Output) -> ArtifactBriefOut:
    """An artifact as a row of a list."""
    return cast(ArtifactBriefOut, {name: plain(getattr(left, name)) for name in ArtifactBriefOut.__annotations__})


def artifact(left: Output) -> ArtifactOut:
    """One artifact, with what its step said of it and what pages draw."""
    return {**artifact_brief(left), "metadata": plain(left.metadata), "preview": plain(left.preview)}


def _warning(warning: WorkflowWarning) -> WarningOut:
    """What to know about a workflow, and what helps."""
    (notice,), remedy = notices([warning.notice]), warning.remedy
    helps = remedy and {"text": sentence(remedy.words), "step": remedy.step, "params": plain(remedy.params)}
    return cast(WarningOut, {**notice, "remedy": helps})


def workflow_list(workflows: Sequence[Workflow]) -> list[WorkflowBriefOut]:
    """Several workflows; their steps come without results, which can be long."""
    own = steps.brief([each.id for each in workflows])
    steps_of_all = [step for each in own.values() for step in each]
    sources, left = _sources(steps_of_all), remaining.seconds(steps_of_all)
    moved = stored_thresholds.of([each.id for each in workflows])
    written = {each.id: [_step(step, sources, left) for step in own[each.id]] for each in workflows}
    return [
        cast(WorkflowBriefOut, _workflow(each, moved.get(each.id)) | {"steps": written[each.id]}) for each in workflows
    ]


def metric_rows(workflow_id: int) -> list[Document]:
    """One row an epoch, with its numbers by name."""
    workflows.get(workflow_id)
    return [plain(row) for row in metrics.of_workflow(workflow_id)]


def dataset(record: Dataset) -> DatasetOut:
    """Return a dataset with its profile."""
    return {
        **dataset_brief(record),
        "candidates": with_sentences(plain((record.proposal or {}).get("candidates") or [])),
        "dialect": plain(record.dialect),
        "columns": with_sentences(plain(record.columns)),
        "preview": plain(record.preview),
        "notices": with_sentences(plain(record.notices)),
    }


def dataset_brief(record: Dataset) -> DatasetBriefOut:
    """A dataset as a row of a list."""
    brief = with_sentences({name: plain(getattr(record, name)) for name in DATASET_BRIEF})
    return cast(DatasetBriefOut, brief | {"proposal": _proposal(brief["proposal"])})


def _proposal(stored: Document | None) -> Document | None:
    """What is proposed, if anything is; candidates to choose from are no proposal."""
    if not stored or not stored.get("reason"):
        return None
    return {name: value for name, value in stored.items() if name != "candidates"}


def _reasons(of_row: RowReasons) -> ReasonsOut:
    effects = [cast(EffectOut, asdict(effect)) for effect in of_row.effects]
    return {"exact": of_row.exact, "of": of_row.of, "base": of_row.base, "effects": effects}


def predictions(made: RowPredictions) -> PredictionsOut:
    """What a model says of rows."""
    return {
        "predictions": made.predictions,
        "probabilities": made.probabilities,
        "reasons": [_reasons(each) for each in made.reasons],
        "notices": notices(made.notices),
    }


def notices(found: Sequence[Notice]) -> list[NoticeOut]:
    """What the reader should know, each with its sentence."""
    return [cast(NoticeOut, with_sentences(dict(notice.as_json()))) for notice in found]


def thresholds(workflow_id: int, costs: Costs | None = None) -> threshold_documents.ThresholdsOut:
    """Where the threshold of a workflow can stand, and where it stands."""
    known = threshold_verbs.of(workflow_id)
    chosen = threshold_documents.threshold(stored_thresholds.get(workflow_id), plain)
    return threshold_documents.thresholds(known, chosen, costs)


def with_sentences(value: Any) -> Any:
    """Return plain JSON in which every stored message has its sentence beside it, as "text"; where programs expect a
    sentence by itself, the message is spread over the fields beside it."""
    if isinstance(value, list):
        return [with_sentences(item) for item in value]
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
        return {name: words[:1].upper() + words[1:], "did_messages": with_sentences(item)}
    if name == "answer" and _is_message(item):
        return {name: with_sentences(item), "words": sentence_of(item)}
    return {name: with_sentences(item)}


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("code"), str) and isinstance(value.get("values"), dict)


def line(record: Line, step: Step) -> LineOut:
    """One line of a log."""
    return {
        "id": record.id,
        "step": step.name,
        "attempt": record.attempt,
        "at": plain(record.at),
        "level": record.level,
        "text": text_of(record.text, record.message),
    }


def person(record: Person) -> PersonOut:
    """A person, without anything secret."""
    return {
        "id": record.id,
        "name": record.name,
        "role": record.role,
        "has_password": record.has_password,
        "created_at": plain(record.created_at),
        "signed_in_at": plain(record.signed_in_at),
    }


def token(record: Token) -> TokenOut:
    """A token without its text, of which only the hash is stored."""
    return {
        "id": record.id,
        "label": record.label,
        "created_at": plain(record.created_at),
        "expires_at": plain(record.expires_at),
        "used_at": plain(record.used_at),
    }


def deed(record: Deed) -> DeedOut:
    """A row of the audit trail."""
    return cast(DeedOut, plain(asdict(record)))


def queues(record: "Queues") -> QueuesOut:
    """The queues as `jobs.engine.queue_view.snapshot` read them."""
    error = sentence(record.error) if record.error else None
    return cast(QueuesOut, plain(asdict(record) | {"error": error}))


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


def _workflow(workflow: Workflow, threshold: Threshold | None) -> Document:
    known = {
        "id": workflow.id,
        "name": workflow.name,
        "note": workflow.note,
        "status": str(workflow.status),
        # The first input by itself, and facets as fields: programs rely on both since before there were inputs.
        "dataset_id": workflow.data.dataset_id if workflow.data else None,
        "dataset_name": workflow.data.name if workflow.data else None,
        "dataset_version": workflow.data.version if workflow.data else None,
        "inputs": {name: asdict(each) for name, each in workflow.inputs.items()},
        "facets": workflow.facets,
        "priority": workflow.priority,
        "params": plain(workflow.params),
        "pipeline": workflow.pipeline,
        "origin": workflow.origin,
        "parent_id": workflow.parent_id,
        "config_from": workflow.config_from,
        "created_at": plain(workflow.created_at),
        "created_by": workflow.created_by,
        "started_at": plain(workflow.started_at),
        "ended_at": plain(workflow.ended_at),
        "seconds": rounded(workflow.seconds),
        "scores": plain(workflow.scores),
        "tags": list(workflow.tags),
        "sweep_id": workflow.sweep_id,
        "trial": workflow.trial,
        "threshold": threshold_documents.threshold(threshold, plain),
    }
    return known | {name: value for name, value in workflow.facets.items() if name not in known}


def _step(step: Step, sources: Mapping[int, int], left: Mapping[int, float]) -> StepBriefOut:
    return {
        "name": step.name,
        "key": step.key,
        "status": str(step.status),
        "attempt": step.attempt,
        "job_id": step.job_id,
        "started_at": plain(step.started_at),
        "ended_at": plain(step.ended_at),
        "seconds": rounded(step.seconds),
        "reused_from": sources.get(step.reused_from or 0),
        "params": plain(step.params),
        "error": sentence(step.error) if step.error else None,
        "error_code": step.error_code,
        "progress": plain(step.progress),
        "progress_words": sentence(step.progress_message) if step.progress_message else None,
        "seconds_left": rounded(left.get(step.id)),
        "scores": plain(step.scores),
        "label": step.label,
        "group": step.group,
        "role": step.role and str(step.role),
        "turn": step.turn,
        "handled": step.handled,
    }


def _sources(own: Sequence[Step]) -> dict[int, int]:
    """The workflows that did the work of reused steps."""
    wanted = [step.reused_from for step in own if step.reused_from]
    return steps.workflows_of(wanted) if wanted else {}


def rounded(seconds: float | None) -> float | None:
    """Seconds with as many digits as documents have."""
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
        "params": params_schema(made.params({})),
        "steps": [
            {"key": step.key, "name": step.name, "label": step.label, "needs": list(step.needs)} for step in made.steps
        ],
        "measures": [measure(each) for each in made.measures],
    }


def measure(of: Measure) -> MeasureOut:
    """What a score means."""
    return {"name": of.name, "label": of.label, "help": of.help, "better": of.better, "main": of.main}


def params_schema(params: Mapping[str, Param]) -> Document:
    """Params as a JSON schema."""
    return {
        "type": "object",
        "properties": {name: _param(param) for name, param in params.items()},
        "additionalProperties": False,
        **({"required": required} if (required := [name for name, each in params.items() if each.required]) else {}),
    }


JSON_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "columns": "array", "by_column": "object"}


def _param(param: Param) -> Document:
    if param.kind == "json":  # any value that JSON has, which the pipeline itself checks against the annotation
        said = {"title": param.label, "description": " ".join(filter(None, (param.help, param.type)))}
        return said if param.required else said | {"default": plain(param.default)}
    kind, choices = JSON_TYPES.get(param.kind, "string"), list(param.choices) or None
    of_each = {"type": "string", **({"enum": choices} if choices else {})}
    limits = {"minimum": param.low, "maximum": param.high, "enum": None if kind == "object" else choices}
    return {
        "title": param.label,
        "description": param.help,
        "type": kind if param.default is not None or param.required else [kind, "null"],
        **({} if param.required else {"default": plain(param.default)}),
        **({"items": {"type": "string"}} if kind == "array" else {}),
        **({"additionalProperties": of_each} if kind == "object" else {}),
        **{name: limit for name, limit in limits.items() if limit is not None},
        **({"try_all": True} if param.try_all else {}),
    }
