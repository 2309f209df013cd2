"""What a workflow was started with, by the names people read; the same on every page."""

import json
from collections.abc import Mapping

from jobs.pipelines import Param
from jobs.pipelines.params import Params
from jobs.verbs.drafts import usual
from pages.parts import presentations, words
from store.errors import RequestError
from store.workflows import Workflow

LONGEST_VALUE = 200
AS_PROPOSED = "as proposed"


def described(workflow: Workflow) -> dict[str, str]:
    """The inputs and settings of a workflow."""
    return data(workflow) | of_params(workflow.pipeline, workflow.params)


def data(workflow: Workflow) -> dict[str, str]:
    """The datasets of a workflow: one is the Dataset, several go by the labels of the inputs."""
    if len(workflow.inputs) == 1:
        return {"Dataset": next(iter(workflow.inputs.values())).title}
    written = presentations.of(workflow.pipeline).pipeline
    labels = {each.name: each.label for each in written.inputs} if written else {}
    return {labels.get(name, words.titled(name)): row.title for name, row in workflow.inputs.items()}


def of_params(pipeline: str, params: Params) -> dict[str, str]:
    """Settings as label and value."""
    known = _params(pipeline, params)
    return {_label(known, name): value_words(pipeline, known.get(name), value) for name, value in params.items()}


def changed(workflow: Workflow) -> dict[str, str]:
    """The settings of a workflow that somebody chose, as label and value: the algorithm, and what differs from what is
    proposed beside it."""
    known, usual = _params(workflow.pipeline, workflow.params), _usual(workflow)
    return {
        _label(known, name): value_words(workflow.pipeline, known.get(name), value)
        for name, value in workflow.params.items()
        if not (
            name in known
            and (known[name].of_data or (value == usual.get(name, known[name].default) and not known[name].try_all))
        )
    }


def of_data(workflow: Workflow) -> dict[str, str]:
    """The settings of a workflow that are about its data, such as the target, as label and value."""
    known = _params(workflow.pipeline, workflow.params)
    return {
        known[name].label: value_words(workflow.pipeline, known[name], value)
        for name, value in workflow.params.items()
        if name in known and known[name].of_data and value not in (None, "")
    }


def differences(workflow: Workflow, params: Params) -> list[str]:
    """What other params change of a workflow: learning rate 0.01 → 0.1."""
    pipeline, old = workflow.pipeline, workflow.params
    before, after = _params(pipeline, old), _params(pipeline, params)
    changes = []
    for name, value in params.items():
        shown = value_words(pipeline, after.get(name), value)
        if name not in old:
            changes.append(f"{words.inside(_label(after, name))} {shown}")
        elif old[name] != value:
            label, former = words.inside(_label(after, name)), value_words(pipeline, before.get(name), old[name])
            changes.append(f"{label} {former} → {shown}")
    return changes


def value_words(pipeline: str, param: Param | None, value: object) -> str:
    """The value of a setting: yes, 0.01, Boosting, a list of columns."""
    if value is None:
        return AS_PROPOSED
    if isinstance(value, dict) and param is not None and param.kind == "by_column":
        return ", ".join(f"{name}: {each}" for name, each in value.items())[:LONGEST_VALUE]
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)[:LONGEST_VALUE]
    if param is not None and param.choices and isinstance(value, str):
        return presentations.of(pipeline).choice(value)
    return words.value(value)[:LONGEST_VALUE]


def _usual(workflow: Workflow) -> Params:
    """What its settings would be if nobody had touched them; nothing where its code is not loaded any more."""
    try:
        return usual(workflow, workflow.params)
    except RequestError:
        return {}


def _label(known: Mapping[str, Param], name: str) -> str:
    return known[name].label if name in known else words.titled(name)


def _params(pipeline: str, params: Params) -> dict[str, Param]:
    written = presentations.of(pipeline).pipeline
    try:
        return written.params(params) if written else {}
    except RequestError:
        return {}
