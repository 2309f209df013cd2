"""Documents of artifacts: the types of what the API and commands say of what steps left."""

from typing import Any

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

CLOSED = ConfigDict(extra="forbid")


@with_config(CLOSED)
class StepOutputOut(TypedDict):
    """What a step left, by the id under which it is an artifact."""

    id: int
    name: str
    version: int
    type: str


@with_config(CLOSED)
class ArtifactBriefOut(TypedDict):
    """An artifact in a list: a version of its name, and the workflow and step that left it."""

    id: int
    name: str
    version: int
    type: str
    format: str
    size: int
    sha256: str
    tags: list[str]
    workflow_id: int
    pipeline: str
    step: str
    created_at: str


@with_config(CLOSED)
class ArtifactOut(ArtifactBriefOut):
    """An artifact. `preview` is what a page draws of it, by its `kind`; `metadata` is what its step said of it."""

    metadata: dict[str, Any]
    preview: dict[str, Any]
