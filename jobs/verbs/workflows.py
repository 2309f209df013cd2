"""The verbs: what a button, a command and a request can do to workflows."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jobs.engine import handover, queue, runner
from jobs.pipelines import registry
from jobs.tabular import algorithms, limits
from jobs.verbs.permission import deed
from store import actors, datasets, steps, workflows
from store.actors import Role
from store.datasets import Dataset
from store.errors import ConflictError, Refused
from store.steps import Input
from store.tables import Status
from store.workflows import Workflow

PIPELINE = "tabular"
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class CellPlan:
    """What would happen to one step: run, or be reused from another workflow."""

    step: str
    params: dict[str, Any]
    reused_from: int | None


@deed("start", "workflow")
def start(
    dataset_id: int,
    target: str,
    algorithm: str,
    params: Mapping[str, Any] | None = None,
    name: str | None = None,
    request: str | None = None,
    *,
    origin: str = "new",
    parent_id: int | None = None,
    fresh: bool = False,
) -> Workflow:
    """Write a workflow with all its steps, then hand it to the queue. The same request twice starts it once."""
    dataset = datasets.get(dataset_id)
    chosen = _checked(dataset, target, algorithm, params or {})
    key = algorithms.get(algorithm).key
    values = {
        "name": _name(name, dataset, key),
        "pipeline": PIPELINE,
        "dataset_id": dataset.id,
        "target": target,
        "algorithm": key,
        "params": chosen,
        "origin": origin,
        "parent_id": parent_id,
    }
    queue.connection()  # a setting that leads to no queue is told before anything is written
    workflow_id = workflows.insert_new(values, _step_rows(target, key, chosen, fresh), request)
    with suppress(queue.QueueDownError):  # the rows are safe; the reconciler hands over when the queue is back
        handover.hand_over(workflow_id)
    return workflows.get(workflow_id)


@deed("restart", "as workflow")
def restart(workflow_id: int) -> Workflow:
    """The same dataset and params in a new workflow; training runs again, unchanged cells above are reused."""
    old = workflows.get(workflow_id)
    return start(
        old.dataset_id, old.target, old.algorithm, old.params, old.name, origin="restart", parent_id=old.id, fresh=True
    )


@deed("compose", "workflow")
def compose(data_from: int, config_from: int, name: str | None = None) -> Workflow:
    """The dataset and target of one workflow with the configuration of another."""
    values, _ = compose_preview(data_from, config_from)
    return start(**values, name=name, origin="compose", parent_id=data_from)


def compose_preview(data_from: int, config_from: int) -> tuple[dict[str, Any], list[CellPlan]]:
    """What compose would start, and which cells would be reused."""
    data, config = workflows.get(data_from), workflows.get(config_from)
    params = dict(config.params)
    params.pop("features", None)
    if data.params.get("features") is not None:
        params["features"] = data.params["features"]
    values: dict[str, Any] = {
        "dataset_id": data.dataset_id,
        "target": data.target,
        "algorithm": config.algorithm,
        "params": params,
    }
    return values, plan(**values)


@deed("run again", "as workflow")
def rerun_from(workflow_id: int, step: str, params: Mapping[str, Any]) -> Workflow:
    """A new workflow with changed params in one cell; everything above it is reused."""
    values = changed(workflow_id, step, params)
    old = workflows.get(workflow_id)
    return start(**values, name=old.name, origin="rerun", parent_id=old.id)


def changed(workflow_id: int, step: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a workflow after a change of params in one cell."""
    old = workflows.get(workflow_id)
    registry.get(old.pipeline).step(step)
    merged = old.params | dict(params)
    target, algorithm = merged.pop("target", old.target), merged.pop("algorithm", old.algorithm)
    if algorithms.get(algorithm).key != old.algorithm:
        known = registry.get(old.pipeline).params(merged | {"algorithm": algorithm, "target": target})
        merged = {key: value for key, value in merged.items() if key in known}
    return {"dataset_id": old.dataset_id, "target": target, "algorithm": algorithm, "params": merged}


@deed("retry", "workflow")
def retry(workflow_id: int) -> Workflow:
    """Try failed, skipped or cancelled steps of a workflow again, in place."""
    workflow = workflows.get(workflow_id)
    if workflow.status not in (Status.failed, Status.cancelled):
        raise ConflictError(
            f"Workflow {workflow_id} is {workflow.status}; only a failed or cancelled one can be retried."
        )
    steps.revive(workflow_id)
    with suppress(queue.QueueDownError):
        handover.hand_over(workflow_id)
    return workflows.get(workflow_id)


@deed("cancel", "workflow")
def cancel(workflow_id: int) -> Workflow:
    """Stop a workflow: what has not ended is cancelled at once, and its processes are ended."""
    workflow = workflows.get(workflow_id)
    if workflow.status.over:
        raise ConflictError(f"Workflow {workflow_id} is already {workflow.status}.")
    cancelled = steps.cancel(workflow_id)
    for step in cancelled:
        queue.stop_job(step)
    return workflows.get(workflow_id)


@deed("delete", "workflow")
def remove(workflow_ids: list[int]) -> int:
    """Delete workflows and what only they need; returns how many there were."""
    return workflows.remove(workflow_ids)


@deed("describe", "workflow")
def describe(workflow_id: int, name: str | None = None, note: str | None = None) -> Workflow:
    """Change a workflow's name or note."""
    if name is not None and not name.strip():
        raise Refused("A workflow needs a name.", "name")
    workflows.describe(workflow_id, name.strip()[:NAME_LENGTH] if name is not None else None, note)
    return workflows.get(workflow_id)


def mark_seen(workflow_id: int | None = None) -> None:
    """Note that somebody looked at how a workflow ended, or at all that failed; a viewer leaves no mark."""
    if actors.current().may(Role.analyst):
        workflows.mark_all_seen() if workflow_id is None else workflows.mark_seen(workflow_id)


def problems(dataset: Dataset, target: str, algorithm: str, params: Mapping[str, Any]) -> list[Refused]:
    """Everything that keeps a workflow from being started, each with its field."""
    found: list[Refused] = []
    names = [column["name"] for column in dataset.columns]
    if target not in names:
        sentence = f"{dataset.title} has no column {target!r}; choose the target from {_few(names)}."
        found.append(Refused(sentence, "target"))
    try:
        key = algorithms.get(algorithm).key
    except Refused as refused:
        return [*found, refused]
    if not found:
        found += _misfits(dataset, target, key)
    chosen = {**params, "target": target, "algorithm": key}
    known = registry.get(PIPELINE).params(chosen)
    for name, value in params.items():
        if name not in known:
            usable = sorted(set(known) - {"target", "algorithm"})
            found.append(Refused(f"{key} has no parameter {name!r}; it has {', '.join(usable)}.", name))
            continue
        try:
            read = known[name].read(value)
        except Refused as refused:
            found.append(refused)
            continue
        if known[name].kind == "columns" and read is not None and not set(read) - {target}:
            found.append(Refused("Every column is left out; choose at least one besides the target.", name))
        elif known[name].kind == "columns":
            found += [
                Refused(f"{dataset.title} has no column {column!r}.", name)
                for column in read or []
                if column not in names
            ]
    return found


def sample(dataset: Dataset, target: str, algorithm: str, params: Mapping[str, Any]) -> str | None:
    """What to know before an algorithm is started that needs its rows in memory: that it learns from a random sample,
    and how big that is. None when it learns from every row."""
    chosen = algorithms.get(algorithm)
    if not chosen.in_memory:
        return None
    full = _checked(dataset, target, algorithm, params)
    width = sum(
        _width(column, full["max_categories"])
        for column in dataset.columns
        if column["name"] != target and _learned(column, full["features"])
    )
    held, learned = algorithms.most_rows(max(width, 1)), _rows(dataset) * (1 - full["test_size"])
    if learned <= held:
        return None
    return (
        f"{chosen.label} needs its rows in memory, so it learns from about {_round(held):,} random rows of the "
        f"{_round(learned):,} that are for learning. Algorithms that read the table in parts learn from all."
    )


def _round(rows: float) -> int:
    """1,080,000: an estimate in three digits."""
    return int(float(f"{rows:.3g}"))


def _learned(column: Mapping[str, Any], features: list[str] | None) -> bool:
    return bool(column["role"] == "feature" if features is None else column["name"] in features)


def _width(column: Mapping[str, Any], max_categories: int) -> int:
    """How many columns of numbers a column becomes, about."""
    if column["kind"] in ("number", "date"):
        return 1 if column["kind"] == "number" else 3
    return min(column["distinct"], max_categories)


def _rows(dataset: Dataset) -> float:
    """How many rows a dataset has; before all of them are read, as many as its size lets expect."""
    if dataset.rows is not None:
        return dataset.rows
    shown = [sum(len(str(cell)) + 1 for cell in row) for row in dataset.preview]
    return dataset.size * len(shown) / max(sum(shown), 1)


def plan(dataset_id: int, target: str, algorithm: str, params: Mapping[str, Any] | None = None) -> list[CellPlan]:
    """Which cells would run and which would be reused, without starting anything."""
    dataset = datasets.get(dataset_id)
    key = algorithms.get(algorithm).key
    chosen = _checked(dataset, target, algorithm, params or {})
    written = registry.get(PIPELINE)
    inputs: dict[str, Input] = {}
    found: list[CellPlan] = []
    for definition in written.steps:
        declared = definition.declared({**chosen, "target": target, "algorithm": key})
        reused_from = None
        if set(definition.needs) <= set(inputs):
            print_ = runner.fingerprint(definition, declared, dataset.sha256, dataset.dialect, inputs)
            if twin := steps.twin(print_):
                reused_from = twin[0].workflow_id
                inputs[definition.name] = Input(twin[1].result, print_, twin[1].artifacts)
        found.append(CellPlan(definition.name, declared, reused_from))
    return found


def _misfits(dataset: Dataset, target: str, algorithm: str) -> list[Refused]:
    """An algorithm for numbers needs a number to predict, one for classes few different values."""
    column = next(column for column in dataset.columns if column["name"] == target)
    kind, distinct, task = column.get("kind"), column.get("distinct"), algorithms.get(algorithm).task
    others = ", ".join(each.key for each in algorithms.ALGORITHMS.values() if each.task != task)
    if kind in ("date", "empty"):
        return [Refused(f"{target!r} is a column of {kind} cells and cannot be predicted; choose another.", "target")]
    if task == "regression" and kind not in ("number", None):
        sentence = f"{target!r} is not a number; {algorithm} predicts numbers. Choose from {others}."
        return [Refused(sentence, "algorithm")]
    if task == "classification" and distinct and distinct > limits.MOST_CLASSES:
        said = f"{target!r} has {distinct:,} different values, too many for classes"
        advice = f"choose from {others}" if kind == "number" else "choose another target"
        return [Refused(f"{said}; {advice}.", "algorithm" if kind == "number" else "target")]
    return []


def _checked(dataset: Dataset, target: str, algorithm: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The params as their own kinds, or the first problem."""
    given = {name: value for name, value in params.items() if value is not None}
    for problem in problems(dataset, target, algorithm, given):
        raise problem
    key = algorithms.get(algorithm).key
    known = registry.get(PIPELINE).params({**given, "target": target, "algorithm": key})
    full = {name: param.read(given.get(name)) for name, param in known.items()}
    return {name: value for name, value in full.items() if name not in ("target", "algorithm")}


def _step_rows(target: str, algorithm: str, params: Mapping[str, Any], fresh: bool) -> list[dict[str, Any]]:
    chosen = {**params, "target": target, "algorithm": algorithm}
    return [
        {
            "name": definition.name,
            "needs": definition.needs,
            "params": definition.declared(chosen),
            "max_attempts": definition.max_attempts,
            "fresh": fresh and definition.repeats_on_restart,
        }
        for definition in registry.get(PIPELINE).steps
    ]


def _name(name: str | None, dataset: Dataset, algorithm: str) -> str:
    return ((name or "").strip() or f"{dataset.name}, {algorithms.get(algorithm).spoken}")[:NAME_LENGTH]


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
