"""Checks: what is wrong with a pipeline as written, each with its repair."""

import re
from collections.abc import Iterator

from jobs.pipelines.definition import Pipeline, StepDefinition
from jobs.pipelines.params import KINDS, Param, short
from store.errors import RequestError
from store.messages import Message, Values

LONGEST_PIPELINE, LONGEST_STEP = 40, 60


def problems_of(written: Pipeline) -> list[Message]:
    """Everything that is wrong with a pipeline as written."""
    return [*_names(written), *_needs(written), *_shared_params(written), *_defaults(written), *_inputs(written)]


def _names(written: Pipeline) -> Iterator[Message]:
    if not re.fullmatch(r"[\w-]+", written.name) or len(written.name) > LONGEST_PIPELINE:
        yield Message("pipeline_name_malformed", {"pipeline": written.name, "most": LONGEST_PIPELINE})
    if not written.steps and written.graph is None:
        yield Message("pipeline_without_steps", {"pipeline": written.name})
    for definition in written.steps if written.graph is None else ():
        if not definition.name.isidentifier() or len(definition.name) > LONGEST_STEP:
            yield Message("step_name_malformed", {"step": definition.name, "most": LONGEST_STEP})
        if definition.timeout <= 0:
            yield Message("step_timeout_too_short", {"step": definition.name, "seconds": definition.timeout})
        if definition.max_attempts <= 0:
            yield Message("step_without_attempts", {"step": definition.name, "count": definition.max_attempts})


def _needs(written: Pipeline) -> Iterator[Message]:
    before: set[str] = set()
    for definition in written.steps:
        for need in definition.needs:
            if need not in before:
                yield Message("step_need_not_before", {"step": definition.key, "need": need})
        before.add(definition.key)


def _shared_params(written: Pipeline) -> Iterator[Message]:
    """A param that two steps declare is one setting, so both must mean the same by it."""
    known: dict[str, tuple[StepDefinition, Param]] = {}
    for definition in written.steps:
        for param in _static_params(definition):
            values: Values = {"step": definition.key, "param": param.name}
            if param.kind not in KINDS:
                yield Message("param_kind_unknown", {**values, "kind": param.kind, "known": list(KINDS)})
            other, same = known.setdefault(param.name, (definition, param))
            if (same.kind, same.default) != (param.kind, param.default):
                yield Message("params_differ", {**values, "other": other.key})


def _defaults(written: Pipeline) -> Iterator[Message]:
    """A default is what a start uses for a param that nobody sets, so it must be a value that a start accepts."""
    for definition in written.steps:
        for param in _static_params(definition):
            values: Values = {"step": definition.key, "param": param.name, "given": short(param.default)}
            if not all(isinstance(choice, str) for choice in param.choices):
                yield Message("param_choices_not_texts", {**values, "choices": short(param.choices)})
            elif param.default is not None and param.kind in KINDS:
                try:
                    read = param.read(param.default)
                except RequestError as refused:
                    yield Message("param_default_refused", {**values, "reason": [refused.message.as_json()]})
                else:
                    if param.default != "" and isinstance(param.default, str) != isinstance(read, str):
                        yield Message("param_default_is_text", {**values, "read": short(read)})


def _static_params(definition: StepDefinition) -> list[Param]:
    """The params that do not depend on others; those of a function that needs a choice are left out."""
    try:
        return definition.params_for({})
    except (LookupError, TypeError, ValueError, RequestError):
        return []


def _inputs(written: Pipeline) -> Iterator[Message]:
    names = [each.name for each in written.inputs]
    for name in {name for name in names if names.count(name) > 1}:
        yield Message("inputs_with_one_name", {"pipeline": written.name, "input": name})
