"""Artifacts over HTTP: what steps left, and their content."""

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import FileResponse, Response

from api.errors import Answer
from api.routes.datasets import MOST
from api.wall import roles
from api.wall.roles import needs
from jobs.verbs import artifacts as verbs
from jobs.verbs import schemas
from jobs.verbs.artifact_documents import ArtifactBriefOut, ArtifactOut
from store import outputs
from store.actors import Role

ArtifactId = Annotated[int, Path(ge=1, le=MOST)]
# Set here, too, as whatever people's code left must run nowhere.
HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}

router = roles.router("Artifacts", "/artifacts")


@router.get("", response_model=list[ArtifactBriefOut], summary="List artifacts")
@needs(Role.viewer)
def find(
    name: Annotated[str | None, Query(max_length=60)] = None,
    workflow_id: Annotated[int | None, Query(ge=1, le=MOST)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=MOST)] = 0,
) -> Response:
    """What steps left, newest first: all versions of a `name`, or all of a workflow. The header X-Total-Count says how
    many there are in all."""
    found = outputs.briefs(name, workflow_id, limit, offset)
    total = str(outputs.count(name, workflow_id))
    return Answer([schemas.artifact_brief(each) for each in found], headers={"X-Total-Count": total})


@router.get("/{artifact_id}", response_model=ArtifactOut, summary="One artifact")
@needs(Role.viewer)
def get(artifact_id: ArtifactId) -> Response:
    """With its metadata, its tags and what a page draws of it."""
    return Answer(schemas.artifact(outputs.get(artifact_id)))


@router.get("/{artifact_id}/content", summary="The content of an artifact", response_class=FileResponse)
@needs(Role.viewer)
def get_content(artifact_id: ArtifactId) -> Response:
    """A small value as JSON, else the bytes as they were saved. Tables are Parquet, pictures are shown; what a browser
    could run, such as HTML and SVG, comes as a download. Loading a pickle or a joblib file can run code, so do that
    only if you trust this server."""
    left = outputs.get(artifact_id)
    held = verbs.content(left)
    if held.path is None:
        return Answer(schemas.plain(held.value), headers=HEADERS)
    return FileResponse(
        held.path,
        media_type=held.media_type,
        filename=held.name,
        headers=HEADERS | {"X-Content-SHA256": left.sha256},
        content_disposition_type="inline" if held.shown else "attachment",
    )
