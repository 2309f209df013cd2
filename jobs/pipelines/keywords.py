"""Keywords: what an author gives to `@step` and `pipeline`, refused with its repair where it is of another type."""

from collections.abc import Callable, Collection, Mapping
from numbers import Integral
from typing import NamedTuple

from jobs.pipelines.errors import PipelineError
from jobs.pipelines.measures import Measure
from jobs.pipelines.params import Param, short
from store.messages import Message

Fits = Callable[[object], bool]


class Keyword(NamedTuple):
    """What a keyword takes, and an example of it."""

    fits: Fits
    example: str


def each_is(kind: type) -> Fits:
    """Whether a value is a collection of these; a text is one value and no collection."""
    return lambda value: (
        isinstance(value, Collection)
        and not isinstance(value, str | bytes)
        and all(isinstance(item, kind) for item in value)
    )


def _is(*kinds: type) -> Fits:
    return lambda value: isinstance(value, kinds)


STEP = {
    "version": Keyword(_is(Integral, str, type(None)), "version=2"),
    "needs": Keyword(each_is(str), 'needs=("load",), the names of the steps before it'),
    "params": Keyword(lambda value: callable(value) or each_is(Param)(value), "params=[Param(...)]"),
    "reads_dataset": Keyword(_is(bool), "reads_dataset=True"),
    "repeats_on_restart": Keyword(_is(bool), "repeats_on_restart=True"),
    "stops_early": Keyword(_is(bool), "stops_early=True"),
    "max_attempts": Keyword(_is(Integral), "max_attempts=3"),
    "timeout": Keyword(_is(Integral), "timeout=3600, in whole seconds"),
    "label": Keyword(_is(str), 'label="Load"'),
}
PIPELINE = {
    "label": Keyword(_is(str), 'label="Sales"'),
    "description": Keyword(_is(str), 'description="Adds up a column."'),
    "measures": Keyword(each_is(Measure), 'measures=(Measure("total"),)'),
    "check": Keyword(callable, "check=function"),
    "propose": Keyword(callable, "propose=function"),
    "facets": Keyword(callable, "facets=function"),
    "title": Keyword(lambda value: value is None or callable(value), "title=function"),
    "advise": Keyword(callable, "advise=function"),
    "foresee": Keyword(callable, "foresee=function"),
    "warn": Keyword(callable, "warn=function"),
    "predict": Keyword(lambda value: value is None or callable(value), "predict=function"),
    "tell": Keyword(callable, "tell=function"),
    "thresholds": Keyword(lambda value: value is None or callable(value), "thresholds=function"),
    "scored_rows": Keyword(callable, "scored_rows=function"),
    "preload": Keyword(each_is(str), 'preload=("sklearn",)'),
    "offered": Keyword(_is(bool), "offered=False"),
}


def check(what: str, name: str, known: Mapping[str, Keyword], given: Mapping[str, object]) -> None:
    """Refuse a keyword that `@step` or `pipeline` (`what`) does not know, or a value of another type."""
    for keyword, value in given.items():
        if keyword not in known:
            raise PipelineError(
                Message(f"{what}_keyword_unknown", {"name": name, "keyword": keyword, "known": list(known)})
            )
        if not known[keyword].fits(value):
            example = known[keyword].example
            if keyword == "needs" and isinstance(value, str):  # a comma is missing
                example = example.replace('("load",)', f"({value!r},)")
            values = {"name": name, "keyword": keyword, "given": short(value), "example": example}
            raise PipelineError(Message(f"{what}_keyword_wrong", {**values}))


def check_name(what: str, name: object) -> None:
    """Refuse a step or pipeline without a name."""
    if not isinstance(name, str):
        raise PipelineError(Message(f"{what}_without_name", {"given": getattr(name, "__name__", short(name))}))
