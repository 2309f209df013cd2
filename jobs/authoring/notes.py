"""Notes: what a step or a flow leaves for people beside its outputs: texts, tables, links, progress."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jobs import artifacts
from jobs.artifacts import MarkdownString
from jobs.authoring import inside
from jobs.authoring.body import new_output
from store.text import LONGEST_NAME

_NAME = re.compile(r"[^\w.-]+")


def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> str:
    """Leave a text in Markdown; returns the name under which it is kept."""
    return _leave(MarkdownString(markdown), MarkdownString, key or "markdown", description)


def create_table_artifact(
    table: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]] | Sequence[Sequence[Any]],
    key: str | None = None,
    description: str | None = None,
) -> str:
    """Leave a table: rows as mappings, columns as lists, or lists of lists."""
    import pandas

    return _leave(pandas.DataFrame(table), pandas.DataFrame, key or "table", description)


def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> str:
    """Leave a link."""
    return _leave(MarkdownString(f"[{link_text or link}]({link})"), MarkdownString, key or "link", description)


def create_image_artifact(image_url: str, key: str | None = None, description: str | None = None) -> str:
    """Leave a link to a picture that lies elsewhere; one that is returned by a step is kept and drawn."""
    return create_link_artifact(image_url, image_url, key or "image", description)


def create_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> str:
    """Say how far the step is, in per cent."""
    inside.get_step_context().recorder.progress(progress, 100, description)
    return key or "progress"


def update_progress_artifact(artifact_id: str, progress: float, description: str | None = None) -> str:
    """Say how far the step is now."""
    return create_progress_artifact(progress, artifact_id, description)


def _leave(value: Any, annotation: Any, key: str, description: str | None) -> str:
    context = inside.get_step_context().recorder
    name = _NAME.sub("-", key).strip("-")[:LONGEST_NAME] or "note"
    saved = artifacts.save(value, annotation, context.folder)
    context.hand_on(new_output(name, saved, context, {"description": description} if description else {}))
    return name
