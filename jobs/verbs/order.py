"""The order of steps: what comes before one of them, and which params belong there."""

from collections.abc import Collection, Mapping

from jobs.pipelines.definition import Pipeline, StepDefinition
from jobs.pipelines.params import Params
from store.errors import RequestError
from store.messages import Message, Values


def above(needs: Mapping[str, Collection[str]], step: str) -> set[str]:
    """The keys of every step that one needs, directly or through others."""
    found: set[str] = set()
    reached = set(needs.get(step, ()))
    while reached:
        found |= reached
        reached = set().union(*(needs.get(key, ()) for key in reached)) - found
    return found


def check_from(pipeline: Pipeline, first: StepDefinition, params: Params, before: Params) -> None:
    """Refuse a param that only steps above the first use: they would run again, although it was said where to begin."""
    before_it = above({each.key: each.needs for each in pipeline.steps}, first.key)
    for name in params:
        using = [each for each in pipeline.steps if name in {param.name for param in each.params_for(before)}]
        if using and all(each.key in before_it for each in using):
            values: Values = {"param": name, "other": using[0].key, "step": first.key}
            raise RequestError(Message("param_above", values), name)
