"""Telling: what a pipeline says of one of its completed workflows beyond its scores and the results of its steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from store.messages import Message
from store.steps import Step
from store.workflows import Workflow


@dataclass(frozen=True, slots=True)
class Told:
    """The headline, further sentences under it, how many rows were used for what, results by their kinds, how people
    call what params and facets hold, and the scores where they are not those that the steps left."""

    headline: Message | None = None
    below: Sequence[Message] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] | None = None


# Only for pipelines that come with Trainyard: the code of others is loaded in processes of its own.
Tell = Callable[[Workflow, Sequence[Step]], Told]


def nothing_more(_workflow: Workflow, _steps: Sequence[Step]) -> Told:
    """Return that there is nothing more to say."""
    return Told()
