"""Checks: what is wrong with a pipeline as written, each with its repair."""

import inspect
import re
from collections.abc import Callable, Iterator

from jobs.pipelines.definition import Pipeline, StepDefinition
from jobs.pipelines.params import KINDS, Param, short
from store.errors import RequestError
from store.messages import Message, Values

LONGEST_PIPELINE, LONGEST_STEP, LONGEST_LABEL = 40, 60, 120


def problems_of(written: Pipeline) -> list[Message]:
    """Everything that is wrong with a pipeline as written."""
    checks = (_names, _labels, _needs, _functions, _shared_params, _defaults, _inputs)
    return [problem for check in checks for problem in check(written)]


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


def _labels(written: Pipeline) -> Iterator[Message]:
    """A label stands in menus, headings and above fields; a longer text is the help of a param, or a docstring."""
    steps = written.steps if written.graph is None else ()
    params = [*written.own_params, *(param for definition in steps for param in _static_params(definition))]
    labels = [written.label, *(each.label for each in written.inputs), *(each.label for each in steps)]
    labels += [param.label for param in params]
    for label in dict.fromkeys(labels):
        if len(label) > LONGEST_LABEL:
            yield Message("label_too_long", {"label": label[:30], "count": len(label), "most": LONGEST_LABEL})


def _needs(written: Pipeline) -> Iterator[Message]:
    before: set[str] = set()
    for definition in written.steps:
        for need in definition.needs:
            if need == definition.key:
                yield Message("step_needs_itself", {"step": need})
            elif need not in before:
                code = "steps_need_each_other" if _needed(written, need, definition.key) else "step_need_not_before"
                yield Message(code, {"step": definition.key, "need": need})
        before.add(definition.key)


def _needed(written: Pipeline, step: str, other: str) -> bool:
    """Whether a step needs another one, directly or through others."""
    needs = {definition.key: set(definition.needs) for definition in written.steps}
    above: set[str] = set()
    while reached := set().union(*(needs.get(key, set()) for key in {step, *above})) - above:
        above |= reached
    return other in above


def _functions(written: Pipeline) -> Iterator[Message]:
    """A step occurs twice when it is done twice; two functions under one name are a slip. Each gets the context."""
    known: dict[str, StepDefinition] = {}
    for definition in written.steps if written.graph is None else ():
        if _code(known.setdefault(definition.name, definition)) != _code(definition):
            yield Message("steps_with_one_name", {"pipeline": written.name, "step": definition.name})
        if not _takes_a_value(definition.function):
            function = getattr(definition.function, "__name__", definition.name)
            yield Message("step_takes_no_context", {"step": definition.key, "function": function})


def _code(definition: StepDefinition) -> object:
    return getattr(definition.function, "__code__", definition.function)


def _takes_a_value(function: Callable[..., object]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # of a function in C, nothing is known
        return True
    return True


def _shared_params(written: Pipeline) -> Iterator[Message]:
    """A param that two steps declare is one setting, so both must mean the same by it."""
    known: dict[str, tuple[StepDefinition, Param]] = {}
    for definition in written.steps:
        for param in _static_params(definition):
            values: Values = {"step": definition.key, "param": param.name}
            if param.kind not in KINDS:
                yield Message("param_kind_unknown", {**values, "kind": param.kind, "known": list(KINDS)})
            elif param.kind == "choice" and not param.choices:
                yield Message("choice_without_choices", values)
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
