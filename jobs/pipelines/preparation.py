"""Preparation: from what a user chose to everything that is written down when a workflow starts."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.pipelines.code_hash import identity
from jobs.pipelines.definition import Datasets, Options, Pipeline
from jobs.pipelines.params import Param, Params, short
from jobs.pipelines.planned import PlannedStep, Prepared
from store.errors import RequestError
from store.messages import Message, Values


def prepare(pipeline: Pipeline, given: Params, inputs: Datasets, options: Options | None = None) -> Prepared:
    """Check what was chosen and complete it with defaults; every problem names its field."""
    inputs, options = pipeline.in_order(inputs), options or {}
    if pipeline.prepared_elsewhere is not None:
        return pipeline.prepared_elsewhere(given, inputs, options)
    chosen = {name: value for name, value in given.items() if value is not None}
    if problems := _problems(pipeline, chosen, inputs):
        return Prepared(tuple(problems), chosen)
    params = {name: param.read(chosen.get(name)) for name, param in pipeline.params(chosen).items()}
    facets = {name: str(value) for name, value in pipeline.facets(params, inputs).items()}
    notices = tuple(pipeline.advise(params, inputs))
    if pipeline.graph is not None:
        planned = pipeline.graph(params, options, inputs)
        title = planned.title or _title(pipeline, params, inputs)
        return Prepared((), params, planned.steps, facets, title, notices, planned.tags)
    steps = tuple(
        PlannedStep(
            step.name,
            step.key,
            step.needs,
            step.declared(params),
            step.max_attempts,
            step.timeout,
            step.repeats_on_restart,
            step.reads_dataset,
            identity(step).of_step(None),
        )
        for step in pipeline.steps
    )
    return Prepared((), params, steps, facets, _title(pipeline, params, inputs), notices)


def _title(pipeline: Pipeline, params: Params, inputs: Datasets) -> str:
    if pipeline.title is not None:
        return pipeline.title(params, inputs)
    names = [dataset.name for dataset in inputs.values()]
    return ", ".join([*names, pipeline.shown])


def _problems(pipeline: Pipeline, chosen: Params, inputs: Datasets) -> list[RequestError]:
    """Return what is wrong; a field with problems that the pipeline itself finds is not checked any further."""
    if missing := list(_missing_inputs(pipeline, inputs)):
        return missing
    problems = list(pipeline.check(chosen, inputs))
    try:
        known = pipeline.params(chosen)
    except RequestError as refused:  # a param on which others depend is wrong
        return problems or [refused]
    fields_with_problems = {problem.field for problem in problems}
    problems += [
        RequestError(Message("param_missing", {"param": name, "type": param.type or param.kind}), name)
        for name, param in known.items()
        if param.required and name not in chosen and name not in fields_with_problems
    ]
    for name, value in chosen.items():
        if name not in fields_with_problems:
            problems += _problems_of_param(known, name, value, inputs)
    return problems


def _missing_inputs(pipeline: Pipeline, inputs: Datasets) -> Sequence[RequestError]:
    names = [each.name for each in pipeline.inputs]
    unknown = [name for name in inputs if name not in names]
    missing = [each for each in pipeline.inputs if not each.optional and each.name not in inputs]
    return [
        *(RequestError(_no_such_input(pipeline, name, names), f"inputs.{name}") for name in unknown),
        *(RequestError(_missing_input(pipeline, each.name), f"inputs.{each.name}") for each in missing),
    ]


def _no_such_input(pipeline: Pipeline, name: str, names: list[str]) -> Message:
    values: Values = {"pipeline": pipeline.shown, "given": short(name)}
    return Message("no_such_input", {**values, "known": names}) if names else Message("no_inputs", values)


def _missing_input(pipeline: Pipeline, name: str) -> Message:
    return Message("input_missing", {"pipeline": pipeline.shown, "input": name})


def _no_such_param(name: str, known: Mapping[str, Param]) -> Message:
    values: Values = {"given": short(name)}
    return Message("no_such_param", {**values, "known": sorted(known)}) if known else Message("no_params", values)


def _problems_of_param(known: Mapping[str, Param], name: str, value: Any, inputs: Datasets) -> list[RequestError]:
    if name not in known:
        return [RequestError(_no_such_param(name, known), name)]
    try:
        read = known[name].read(value)
    except RequestError as refused:
        return [refused]
    if not known[name].of_data or not inputs or not read:
        return []
    wanted = list(read) if isinstance(read, list | dict) else [read]
    dataset = next(iter(inputs.values()))
    columns = {column["name"] for column in dataset.columns}
    missing = [column for column in wanted if column not in columns]
    return [
        RequestError(Message("no_such_column", {"dataset": dataset.title, "column": column}), name)
        for column in missing
    ]
