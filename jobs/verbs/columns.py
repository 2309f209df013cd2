"""Columns of a list of workflows: which facets stand in it, the same on the page and in a terminal."""

from collections import Counter
from collections.abc import Sequence

from store.workflows import Workflow

MOST_FACETS = 3


def of_several_pipelines(rows: Sequence[Workflow]) -> bool:
    """Whether the rows are of more than one pipeline."""
    return len({row.pipeline for row in rows}) > 1


def facets_shown(rows: Sequence[Workflow]) -> list[str]:
    """The facets that most of these rows have and that tell them apart, a few at most; none where the rows are of
    several pipelines, which share few of them."""
    if of_several_pipelines(rows):
        return []
    having = Counter(name for row in rows for name in row.facets)
    values = {name: len({row.facets.get(name) for row in rows}) for name in having}
    ordered = sorted(having, key=lambda name: (-having[name], values[name] < 2, name))
    return sorted(ordered[:MOST_FACETS])


def facet_label(name: str) -> str:
    """What a facet is called: due_day is Due day."""
    return (name[:1].upper() + name[1:]).replace("_", " ").strip()
