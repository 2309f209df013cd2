"""Workflows over HTTP."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse

from api.errors import Answer
from api.routes.datasets import MOST
from api.wall import limits, roles
from api.wall.roles import needs
from jobs.verbs import bulk, control_schemas, models, outlooks, queries, report, run_logs, schemas, short_form
from jobs.verbs import workflows as verbs
from jobs.verbs.control_documents import AttemptOut, CellPlanOut, OutcomeOut
from jobs.verbs.documents import LineOut, StartedOut, WorkflowBriefOut, WorkflowOut
from jobs.verbs.workflows import Draft
from store import actors, files, steps, workflows
from store.actors import Role
from store.errors import RequestError
from store.messages import Message
from store.tables import Priority
from store.workflows import Workflow

WorkflowId = Annotated[int, Path(ge=1, le=MOST)]
Number = Annotated[int, Field(ge=1, le=MOST, strict=True)]
MODEL_TYPE = "application/octet-stream"

router = roles.router("Workflows", "/workflows")


class Strict(BaseModel):
    """A request body; a misspelt field is an error rather than ignored."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _proper(cls, value: Any) -> Any:
        """Refuse text that no database can store."""
        if any("\0" in text or text.encode(errors="ignore").decode() != text for text in _texts(value)):
            raise PydanticCustomError("text_broken", "not proper text")
        return value


class Start(Strict):
    pipeline: str | None = Field(None, description="A registered pipeline; without one, the short form below.")
    inputs: dict[str, Number] = Field({}, description="Ids of datasets, by the name of the pipeline's input.")
    dataset_id: Number | None = Field(None, description="Short form: the table to train on.")
    target: str | None = Field(None, description="Short form: a column; the proposed one when left out.")
    algorithm: str | None = Field(None, description="Short form: a key such as perceptron; else the proposed one.")
    params: dict[str, Any] = Field(
        {}, description="Params of the pipeline; those left out are as proposed for the inputs, else defaults."
    )
    name: str | None = None
    priority: Literal["person", "sweep", "schedule", "retraining"] = "person"


class Compose(Strict):
    data_from: Number = Field(description="The workflow whose dataset and target are used.")
    config_from: Number = Field(description="The workflow whose algorithm and settings are used.")
    params: dict[str, Any] = Field({}, description="Settings that are changed, such as the algorithm.")
    name: str | None = None


class Restart(Strict):
    params: dict[str, Any] = Field({}, description="Params to change; the others stay as they are.")


class Rerun(Strict):
    step: str
    params: dict[str, Any] = {}


class Retry(Strict):
    step: str | None = Field(None, description="The key of one step; else all that did not complete are retried.")


class Plan(Strict):
    control: outlooks.Control = Field(description="What would be pressed.")
    step: str | None = Field(None, description="The key of a step: needed for rerun, possible for retry.")
    params: dict[str, Any] = Field({}, description="Params to change; not for retry.")
    config_from: Number | None = Field(None, description="For compose: the workflow whose configuration is used.")


class Bulk(Strict):
    do: Literal["cancel", "retry", "restart", "delete", "tag"]
    ids: Annotated[list[Number], Field(min_length=1, max_length=bulk.MOST)]
    add: list[str] = Field([], description="For tag: the tags to add.")
    remove: list[str] = Field([], description="For tag: the tags to take away.")


class Repeat(Strict):
    dataset_id: Number = Field(description="Takes the place of the dataset of the same name, or of the only one.")
    name: str | None = None


class Describe(Strict):
    name: str | None = None
    note: Annotated[str | None, Field(max_length=10_000)] = None
    tags: list[str] | None = Field(None, description="Takes the place of all tags.")


@router.post("", response_model=StartedOut, status_code=201, summary="Start a workflow")
@needs(Role.analyst)
def start(body: Start, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
    """Accepted work waits even when the queue is down. With an `Idempotency-Key` header, sending the same request
    twice starts it once; the key counts for you alone, and another body under the same key is refused. `notices` says
    when the algorithm will learn from a sample of the rows."""
    draft = _draft(body)
    notices = verbs.notices(draft.pipeline, draft.params, draft.inputs)
    key, priority = request_key(idempotency_key, body), Priority[body.priority]
    made = verbs.start(draft.pipeline, draft.params, draft.inputs, body.name, key, priority=priority)
    return started(made, notices)


def _draft(body: Start) -> Draft:
    """What to start: a pipeline with its inputs, or the short form for training on a table."""
    if body.pipeline is not None:
        short_form.refuse_beside_pipeline(body.model_dump())
        params = verbs.propose(body.pipeline, body.inputs, body.params)
        return Draft(body.pipeline, params, dict(body.inputs))
    if body.dataset_id is None:
        raise RequestError(Message("nothing_to_start"), "pipeline")
    short_form.check(body.params)
    return short_form.draft(body.dataset_id, body.target, body.algorithm, body.params)


@router.get("", response_model=list[WorkflowBriefOut], summary="List workflows")
@needs(Role.viewer)
def find(
    status: str = "",
    pipeline: Annotated[str, Query(max_length=400)] = "",
    facet: Annotated[list[str] | None, Query(description="name=value; several narrow down.")] = None,
    algorithm: str = "",
    dataset_id: Annotated[int | None, Query(ge=1, le=MOST)] = None,
    text: str = "",
    sort: str = "",
    created_by: Annotated[str, Query(max_length=80)] = "",
    sweep_id: Annotated[int | None, Query(ge=1, le=MOST)] = None,
    tag: Annotated[list[str] | None, Query(description="A tag; several narrow down.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=MOST)] = 0,
) -> Response:
    """Newest first, or by `sort`: a time, name, seconds or a score, with `:asc` or `:desc` if wanted. `status` and
    `algorithm` take several words with commas; `created_by` is a name. Steps come without their results here. The
    header X-Total-Count says how many there are in all."""
    facets = queries.facets(facet or []) | short_form.facets(algorithm)
    which = queries.which(status, pipeline, facets, dataset_id, text, sort, created_by, sweep_id, tag or ())

    briefs = schemas.workflow_list(workflows.find(which, limit, offset))
    return Answer(briefs, headers={"X-Total-Count": str(workflows.count(which))})


@router.post("/compose", response_model=StartedOut, status_code=201, summary="Compose a workflow from two")
@needs(Role.analyst)
def compose(body: Compose) -> Response:
    """The dataset and target of one workflow with the configuration of another. What nobody touched in that follows the
    data, and `params`."""
    return started(verbs.compose(body.data_from, body.config_from, body.name, body.params))


@router.post("/bulk", response_model=list[OutcomeOut], summary="Do one thing to several workflows")
@needs(Role.analyst)
def do_to_several(body: Bulk) -> Response:
    """One after the other; each row says what became of a workflow. `started` is the new workflow of a restart."""
    if body.do != "tag":
        return Answer([control_schemas.outcome(each) for each in bulk.do(body.do, body.ids)])
    verbs.tag(body.ids, body.add, body.remove)
    return Answer([control_schemas.outcome(bulk.Outcome(workflow_id)) for workflow_id in dict.fromkeys(body.ids)])


@router.get("/{workflow_id}", response_model=WorkflowOut, summary="One workflow")
@needs(Role.viewer)
def get(workflow_id: WorkflowId) -> Response:
    """With its steps, what they left, and its scores."""
    return Answer(schemas.workflow(workflow_id))


@router.get("/{workflow_id}/metrics", response_model=list[dict[str, Any]], summary="The curve of a workflow")
@needs(Role.viewer)
def get_metrics(workflow_id: WorkflowId) -> Response:
    """One row an epoch, with its values by name."""
    return Answer(schemas.metric_rows(workflow_id))


@router.get("/{workflow_id}/logs", response_model=list[LineOut], summary="The log of a workflow")
@needs(Role.viewer)
def get_logs(
    workflow_id: WorkflowId,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="The last lines before this one.")] = None,
    text: Annotated[str, Query(max_length=200, description="Only lines with this text.")] = "",
    level: Annotated[str, Query(max_length=8, description="debug, info, warning or error: this or worse.")] = "",
    step: Annotated[str | None, Query(max_length=80, description="Only lines of the step with this key.")] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Response:
    """Lines in the order they were written; `after` the id of the last line seen gives only what is new, `before` the
    id of a line gives the last ones before it."""
    wanted = run_logs.which(text, level, step)
    if before is not None:
        lines = run_logs.newest(workflow_id, wanted, before, limit).lines
    else:
        lines = run_logs.following(workflow_id, wanted, after, limit)
    own = {each.id: each for each in steps.brief([workflow_id])[workflow_id]}
    return Answer([schemas.line(line, own[line.step_id]) for line in lines])


@router.get(
    "/{workflow_id}/log",
    summary="Download the log of a workflow",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@needs(Role.viewer)
def get_log(
    workflow_id: WorkflowId,
    text: Annotated[str, Query(max_length=200)] = "",
    level: Annotated[str, Query(max_length=8)] = "",
    step: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    """Every line of all steps as a text file, or those that the filters of `/logs` let through."""
    workflows.get(workflow_id)
    lines = run_logs.written(workflow_id, run_logs.which(text, level, step))
    headers = {"Content-Disposition": f'attachment; filename="workflow-{workflow_id}.log"'}
    return StreamingResponse((line.encode() for line in lines), media_type="text/plain", headers=headers)


@router.get("/{workflow_id}/attempts", response_model=list[AttemptOut], summary="Every attempt of a workflow")
@needs(Role.viewer)
def get_attempts(workflow_id: WorkflowId) -> Response:
    """When each attempt of each step began and ended, on which worker and how, in the order in which they began."""
    return Answer(control_schemas.attempts_of(workflow_id))


@router.get("/{workflow_id}/model", summary="Download the model", response_class=FileResponse)
@needs(Role.viewer)
async def get_model(workflow_id: WorkflowId) -> Response:
    """One joblib file that holds a scikit-learn pipeline; it predicts on raw rows, with the threshold of the workflow,
    and is only for those who trust this server, as opening such a file can run code."""
    # One with a threshold is written by a sandbox, for which it may wait.
    model = await limits.predicting(models.model_file, workflow_id)
    name = _file_name(await limits.predicting(workflows.get, workflow_id))
    headers = {"X-Content-SHA256": model.sha256}
    if model.path:
        return FileResponse(model.path, media_type=MODEL_TYPE, filename=name, headers=headers)
    headers |= {
        "Content-Length": str(model.size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    chunks = iter(lambda: model.stream.read(files.CHUNK), b"")
    return StreamingResponse(chunks, media_type=MODEL_TYPE, headers=headers)


@router.get(
    "/{workflow_id}/report",
    summary="The report of a workflow",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
@needs(Role.viewer)
def get_report(
    workflow_id: WorkflowId,
    language: Annotated[
        str | None, Query(max_length=40, description="Numbers and dates as in tr; else English.")
    ] = None,
    zone: Annotated[str | None, Query(max_length=80, description="Times of Europe/Istanbul; else UTC.")] = None,
) -> Response:
    """One HTML file to print or send, of a completed workflow. It loads nothing from anywhere."""
    page = report.html(workflow_id, language, zone)
    return HTMLResponse(page, headers={"Content-Security-Policy": f"{report.POLICY}; sandbox"})


@router.post("/{workflow_id}/restart", response_model=StartedOut, status_code=201, summary="Restart a workflow")
@needs(Role.analyst)
def restart(workflow_id: WorkflowId, body: Restart | None = None) -> Response:
    """The same dataset and settings in a new workflow; `params` changes some of them."""
    return started(verbs.restart(workflow_id, body.params if body else None))


@router.post("/{workflow_id}/plan", response_model=list[CellPlanOut], summary="What would run and what be reused")
@needs(Role.viewer)
def plan(workflow_id: WorkflowId, body: Plan) -> Response:
    """What restart, rerun, retry or compose would do to each step, without starting anything."""
    cells = outlooks.of(body.control, workflow_id, body.params, body.step, body.config_from)
    return Answer([control_schemas.cell_plan(each) for each in cells])


@router.post("/{workflow_id}/rerun", response_model=StartedOut, status_code=201, summary="Run again from a step")
@needs(Role.analyst)
def rerun(workflow_id: WorkflowId, body: Rerun) -> Response:
    """A new workflow with other settings in one step; what is above it is reused."""
    return started(verbs.rerun_from(workflow_id, body.step, body.params))


@router.post("/{workflow_id}/repeat", response_model=StartedOut, status_code=201, summary="Repeat with other data")
@needs(Role.analyst)
def repeat(workflow_id: WorkflowId, body: Repeat) -> Response:
    """The same settings on another dataset, such as a new version."""
    return started(verbs.repeat(workflow_id, body.dataset_id, body.name))


@router.post("/{workflow_id}/retry", response_model=WorkflowOut, summary="Retry a failed workflow")
@needs(Role.analyst)
def retry(workflow_id: WorkflowId, body: Retry | None = None) -> Response:
    """Failed, skipped and cancelled steps are tried again, in place; or one of them, with what it needs and what
    follows, also while others run."""
    return Answer(schemas.workflow(verbs.retry(workflow_id, body.step if body else None).id))


@router.post("/{workflow_id}/cancel", response_model=WorkflowOut, summary="Cancel a workflow")
@needs(Role.analyst)
def cancel(workflow_id: WorkflowId) -> Response:
    """What has not ended is cancelled at once."""
    return Answer(schemas.workflow(verbs.cancel(workflow_id).id))


@router.post("/{workflow_id}/stop", response_model=WorkflowOut, summary="Stop early and keep the best")
@needs(Role.analyst)
def stop_early(workflow_id: WorkflowId) -> Response:
    """The step that trains ends with its best epoch so far, and the steps below go on with that. Its result is not
    reused by other workflows."""
    return Answer(schemas.workflow(verbs.stop_early(workflow_id).id))


@router.patch("/{workflow_id}", response_model=WorkflowOut, summary="Name a workflow, or note something")
@needs(Role.analyst)
def describe(workflow_id: WorkflowId, body: Describe) -> Response:
    """Fields left out stay as they are."""
    if body.tags is not None:
        verbs.tag([workflow_id], body.tags, [tag for tag in workflows.get(workflow_id).tags if tag not in body.tags])
    return Answer(schemas.workflow(verbs.describe(workflow_id, body.name, body.note).id))


@router.delete("/{workflow_id}", status_code=204, summary="Delete a workflow")
@needs(Role.analyst)
def remove(workflow_id: WorkflowId) -> Response:
    """With its log, numbers and files; refused while it runs."""
    workflows.get(workflow_id)
    verbs.remove([workflow_id])
    return Response(status_code=204)


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *_texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def started(workflow: Workflow, notices: Sequence[str] = ()) -> Response:
    """Answer with a workflow that was just started."""
    document = schemas.workflow(workflow.id) | {"notices": list(notices)}
    return Answer(document, 201, headers={"Location": f"/api/workflows/{workflow.id}"})


def request_key(key: str | None, content: Strict, address: str = "") -> str | None:
    """The key of this person, and a digest of what they sent with it, and to which address where that says what to do;
    keys of others are other keys."""
    if not key:
        return None
    actor = actors.current()
    return f"{_digest(f'{actor.person_id} {actor.name} {key}')}:{_digest(address + content.model_dump_json())}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:31]


def _file_name(workflow: Workflow) -> str:
    """The dataset and the first facet, in letters that every disk takes."""
    parts = [workflow.data.name if workflow.data else workflow.pipeline, *list(workflow.facets.values())[:1]]
    words = re.sub(r"[^A-Za-z0-9]+", "-", " ".join(parts)).strip("-").lower()
    return f"{words[:60] or 'model'}-{workflow.id}.joblib"
