"""Limits by tag over HTTP."""

from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from api.errors import Answer
from api.routes.workflows import Strict
from api.wall import roles
from api.wall.roles import needs
from jobs.verbs import control_schemas, tag_limits
from jobs.verbs.control_documents import LimitOut
from store import limits
from store.actors import Role
from store.tags import LONGEST

router = roles.router("Limits", "/limits")
Tag = Annotated[str, Path(min_length=1, max_length=LONGEST)]


class NewLimit(Strict):
    most: Annotated[int, Field(ge=0, le=tag_limits.MOST, description="How many steps at most; 0 lets none begin.")]


@router.get("", response_model=list[LimitOut], summary="List limits by tag")
@needs(Role.viewer)
def find() -> Response:
    """How many steps with each tag may run at the same time, do so, and wait."""
    return Answer([control_schemas.limit(each) for each in limits.listed()])


@router.put("/{tag}", response_model=list[LimitOut], summary="Limit a tag")
@needs(Role.analyst)
def put(tag: Tag, body: NewLimit) -> Response:
    """From now on at most so many steps with the tag run at the same time; those that run go on."""
    return Answer([control_schemas.limit(each) for each in tag_limits.put(tag, body.most)])


@router.delete("/{tag}", response_model=list[LimitOut], summary="Remove the limit of a tag")
@needs(Role.analyst)
def remove(tag: Tag) -> Response:
    """Steps that waited for it begin as workers are free."""
    return Answer([control_schemas.limit(each) for each in tag_limits.remove(tag)])
