"""Choices: by what workflows can be listed and sorted, as it is found in them."""

from sqlalchemy import ColumnElement, exists, func, select

from store import db
from store.tables import datasets, facets, inputs, scores, tags, workflows
from store.text import LONGEST_FACET, sayable


def score_names() -> list[str]:
    """The names of every score there is, for choosing what to sort by."""
    return _distinct(scores.c.name)


def facet_names() -> list[str]:
    """The names of every facet there is, for choosing columns and filters."""
    return _distinct(facets.c.name)


def facet_values(name: str, limit: int = 200) -> list[str]:
    """The values of a facet, for choosing one to filter by."""
    return _distinct(facets.c.value, facets.c.name == name, limit=limit)


def pipelines_used() -> list[str]:
    """The pipelines that workflows are of, by name."""
    return _distinct(workflows.c.pipeline)


def tags_used() -> list[str]:
    """Every tag that workflows have, for choosing one to filter by."""
    return _distinct(tags.c.tag)


def has_facet(name: str, value: str) -> bool:
    """Whether any workflow has this value of a facet."""
    query = select(facets.c.workflow_id).where(facets.c.name == name, facets.c.value == shown_value(value)).limit(1)
    with db.reading() as connection:
        return connection.scalar(query) is not None


def _distinct(column: ColumnElement[str], *conditions: ColumnElement[bool], limit: int = 1000) -> list[str]:
    """The values of an indexed column, from one to the next through the index; DISTINCT would read every row."""
    walk = select(func.min(column).label("value")).where(*conditions).cte(recursive=True)
    following = select(func.min(column)).where(*conditions, column > walk.c.value).correlate(walk).scalar_subquery()
    walk = walk.union_all(select(following).select_from(walk).where(walk.c.value.is_not(None)))
    with db.reading() as connection:
        values = connection.scalars(select(walk.c.value).where(walk.c.value.is_not(None)).limit(limit))
        return [str(value) for value in values]


def datasets_used() -> dict[int, str]:
    """The datasets that workflows are of, by name, for choosing one to look at."""
    used = exists().where(inputs.c.dataset_id == datasets.c.id)
    query = select(datasets.c.id, datasets.c.name, datasets.c.version).where(used)
    with db.reading() as connection:
        rows = connection.execute(query.order_by(datasets.c.name, datasets.c.version))
        return {row.id: row.name if row.version == 1 else f"{row.name} (version {row.version})" for row in rows}


def shown_value(value: str) -> str:
    """The value of a facet, cut to what an index can hold."""
    text = sayable(value)
    return text if len(text) <= LONGEST_FACET else f"{text[: LONGEST_FACET - 1]}…"
