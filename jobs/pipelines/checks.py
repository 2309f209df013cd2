"""Checks: what is wrong with a pipeline as written, each with its repair."""

import re
from collections.abc import Iterator

from jobs.pipelines.definition import Pipeline, StepDefinition
from jobs.pipelines.params import KINDS, Param
from store.errors import RequestError

LONGEST_PIPELINE, LONGEST_STEP = 40, 60


def problems_of(written: Pipeline) -> list[str]:
    """Everything that is wrong with a pipeline as written."""
    return [*_names(written), *_needs(written), *_shared_params(written), *_inputs(written)]


def _names(written: Pipeline) -> Iterator[str]:
    if not re.fullmatch(r"[\w-]+", written.name) or len(written.name) > LONGEST_PIPELINE:
        yield (
            f"Pipeline name {written.name!r} must be made of letters, digits, _ and -, at most {LONGEST_PIPELINE} of "
            "them, such as nightly-report."
        )
    if not written.steps:
        yield f"Pipeline {written.name!r} has no steps; give it at least one."
    for definition in written.steps:
        if not definition.name.isidentifier() or len(definition.name) > LONGEST_STEP:
            yield (
                f"Step name {definition.name!r} must be a Python identifier of at most {LONGEST_STEP} characters, "
                "such as clean_up."
            )
        if definition.timeout <= 0:
            yield f"Step {definition.name!r} has a timeout of {definition.timeout} s; give it at least 1."
        if definition.max_attempts <= 0:
            yield f"Step {definition.name!r} has {definition.max_attempts} attempts; give it at least 1."


def _needs(written: Pipeline) -> Iterator[str]:
    before: set[str] = set()
    for definition in written.steps:
        for need in definition.needs:
            if need not in before:
                yield (
                    f"Step {definition.key!r} needs {need!r}, which does not come before it; list {need!r} first, or "
                    "correct the name."
                )
        before.add(definition.key)


def _shared_params(written: Pipeline) -> Iterator[str]:
    """A param that two steps declare is one setting, so both must mean the same by it."""
    known: dict[str, tuple[StepDefinition, Param]] = {}
    for definition in written.steps:
        for param in _static_params(definition):
            if param.kind not in KINDS:
                yield (
                    f"Step {definition.key!r} has a param {param.name!r} of kind {param.kind!r}; choose one of "
                    f"{', '.join(KINDS)}."
                )
            other, same = known.setdefault(param.name, (definition, param))
            if (same.kind, same.default) != (param.kind, param.default):
                yield (
                    f"Steps {other.key!r} and {definition.key!r} both have a param {param.name!r}, with another "
                    "kind or default; rename one of the two."
                )


def _static_params(definition: StepDefinition) -> list[Param]:
    """The params that do not depend on others; those of a function that needs a choice are left out."""
    try:
        return definition.params_for({})
    except (LookupError, TypeError, ValueError, RequestError):
        return []


def _inputs(written: Pipeline) -> Iterator[str]:
    names = [each.name for each in written.inputs]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"Pipeline {written.name!r} has two inputs called {name!r}; rename one."
