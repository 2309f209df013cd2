"""Rows: planned steps as they are written when a workflow starts."""

from collections.abc import Sequence
from typing import Any

from jobs.pipelines.definition import Options
from jobs.pipelines.planned import PlannedStep, Prepared
from store.steps import NewStep
from store.tables import StepRole

AGAIN_FROM = "again_from"


def drives(prepared: Prepared) -> bool:
    """Whether it is a flow, which asks for its steps when it runs."""
    return any(step.role == StepRole.driver for step in prepared.steps)


def options_of(given: Options, again_from: str | None) -> dict[str, Any]:
    """The options of a run; from which step a flow runs again is said anew each time."""
    kept = {name: value for name, value in given.items() if name != AGAIN_FROM}
    return kept | ({AGAIN_FROM: again_from} if again_from else {})


def row(step: PlannedStep, tags: Sequence[str] = ()) -> NewStep:
    """A planned step as it is written; it has the tags of its pipeline, too. What drives a flow counts for no limit, as
    it would keep its own steps from running."""
    own = [] if step.role == StepRole.driver else [*(step.tags or []), *tags]
    return {
        "name": step.name,
        "key": step.key,
        "needs": step.needs,
        "params": step.params,
        "max_attempts": step.max_attempts,
        "timeout": step.timeout,
        "fresh": step.fresh,
        "source": step.source,
        "label": step.label,
        "group": step.group,
        "handed": step.handed,
        "tags": list(dict.fromkeys(own)) or None,
        "policy": step.policy,
        "role": step.role,
    }
