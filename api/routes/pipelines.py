"""Pipelines over HTTP: what can be started, and what each takes."""

from starlette.responses import Response

from api.errors import Answer
from api.wall import roles
from api.wall.roles import needs
from jobs.pipelines import registry
from jobs.verbs import schemas
from jobs.verbs.documents import PipelineOut
from store.actors import Role

router = roles.router("Pipelines", "/pipelines")


@router.get("", response_model=list[PipelineOut], summary="List pipelines")
@needs(Role.viewer)
def find() -> Response:
    """Every pipeline that can be started, with its params as a JSON schema."""
    return Answer([schemas.pipeline(each) for each in registry.everything()])


@router.get("/{name}", response_model=PipelineOut, summary="One pipeline")
@needs(Role.viewer)
def get(name: str) -> Response:
    """What it takes and what it does; start it with `POST /workflows`."""
    return Answer(schemas.pipeline(registry.get(name)))
