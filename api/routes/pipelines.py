"""Pipelines over HTTP: what can be started, what each takes, and starting one."""

from typing import Annotated, Any

from fastapi import Header
from pydantic import Field
from starlette.responses import Response

from api.errors import Answer
from api.routes.workflows import Number, Strict, request_key, started
from api.wall import roles
from api.wall.roles import needs
from jobs.pipelines import registry
from jobs.verbs import own_code, schemas
from jobs.verbs import workflows as verbs
from jobs.verbs.documents import PipelineOut, StartedOut
from store.actors import Role

router = roles.router("Pipelines", "/pipelines")


class Run(Strict):
    params: dict[str, Any] = Field(
        {}, description="Params of the pipeline by name; its schema says which are required."
    )
    config: dict[str, Any] | None = Field(
        None,
        description=(
            "What a configuration file may say: `parameters`, `steps`, `run_name`, `tags`, `enable_cache`, `retry`. "
            "A param that `params` and `config` set differently is refused."
        ),
    )
    inputs: dict[str, Number] = Field({}, description="Ids of datasets, by the name of the pipeline's input.")
    name: str | None = None


@router.get("", response_model=list[PipelineOut], summary="List pipelines")
@needs(Role.viewer)
def find() -> Response:
    """Every pipeline that can be started, with its params as a JSON schema."""
    return Answer([schemas.pipeline(each) for each in registry.everything()])


@router.get("/{name}", response_model=PipelineOut, summary="One pipeline")
@needs(Role.viewer)
def get(name: str) -> Response:
    """What it takes and what it does; start it with `POST /pipelines/{name}/run`."""
    return Answer(schemas.pipeline(registry.get(name)))


@router.post("/{name}/run", response_model=StartedOut, status_code=201, summary="Run a pipeline")
@needs(Role.analyst)
def run(name: str, body: Run, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
    """A short form of `POST /workflows` for a pipeline that is known, with a configuration for this run. With an
    `Idempotency-Key` header, sending the same request twice starts it once."""
    key = request_key(idempotency_key, body, name)
    made = own_code.run(name, body.params, body.config, body.name, key, inputs=body.inputs)
    return started(made, verbs.notices(made.pipeline, made.params, body.inputs))
