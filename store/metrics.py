"""Metrics: one number per step, attempt, epoch and name; and the scores of steps."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Subquery, delete, exists, func, literal, select, update

from store import db
from store.tables import metrics, scores, steps


class Point(NamedTuple):
    epoch: int
    value: float


Curves = dict[str, list[Point]]

_UPSERT = (
    "INSERT INTO metrics (step_id, attempt, epoch, name, value) VALUES ({0}, {0}, {0}, {0}, {0}) "
    "ON CONFLICT (step_id, attempt, epoch, name) DO UPDATE SET value = excluded.value"
)


def write(connection: Connection, step_id: int, attempt: int, rows: Sequence[tuple[int, str, float]]) -> None:
    """Put numbers down; a number logged twice keeps its last value."""
    if rows:
        # Given to the driver as they are: thousands may come every second.
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(_UPSERT.format(mark), [(step_id, attempt, *row) for row in rows])


def adopt(connection: Connection, step_id: int, attempt: int, last_epoch: int) -> bool:
    """Let a new attempt keep the curve of those before, up to their checkpoint; False when it does not reach that far.

    Where several attempts recorded the same number, the last of them counts."""
    earlier = (metrics.c.step_id == step_id) & (metrics.c.attempt < attempt)
    if (connection.scalar(select(func.max(metrics.c.epoch)).where(earlier)) or 0) < last_epoch:
        return False
    later = metrics.alias()
    again = exists().where(
        later.c.step_id == step_id,
        later.c.attempt < attempt,
        later.c.attempt > metrics.c.attempt,
        later.c.epoch == metrics.c.epoch,
        later.c.name == metrics.c.name,
    )
    connection.execute(delete(metrics).where(earlier, (metrics.c.epoch > last_epoch) | again))
    connection.execute(update(metrics).where(earlier).values(attempt=attempt))
    return True


def copy(connection: Connection, from_step: int, to_step: int, attempt: int) -> None:
    """Give a reused step the curve of the step it was reused from."""
    source = metrics.alias()
    rows = (
        select(literal(to_step), literal(attempt), source.c.epoch, source.c.name, source.c.value)
        .join(steps, (steps.c.id == source.c.step_id) & (steps.c.attempt == source.c.attempt))
        .where(source.c.step_id == from_step)
    )
    connection.execute(metrics.insert().from_select([column.name for column in metrics.c], rows))


def curves(step_id: int) -> Curves:
    """The curves of a step's current attempt, by name."""
    return curves_of([step_id]).get(step_id, {})


def curves_of(step_ids: Iterable[int], names: Iterable[str] = (), after: int | None = None) -> dict[int, Curves]:
    """The curves of several steps in one question; `after` an epoch gives only what is new."""
    query = (
        select(metrics.c.step_id, metrics.c.name, metrics.c.epoch, metrics.c.value)
        .join(steps, (steps.c.id == metrics.c.step_id) & (steps.c.attempt == metrics.c.attempt))
        .where(metrics.c.step_id.in_(list(step_ids)))
        .order_by(metrics.c.step_id, metrics.c.epoch)
    )
    if wanted := list(names):
        query = query.where(metrics.c.name.in_(wanted))
    if after is not None:
        query = query.where(metrics.c.epoch > after)
    curves: dict[int, Curves] = defaultdict(lambda: defaultdict(list))
    with db.reading() as connection:
        for step_id, name, epoch, value in _as_they_are(connection, query):
            curves[step_id][name].append(Point(epoch, value))
    return {step_id: dict(by_name) for step_id, by_name in curves.items()}


def sparklines(workflow_ids: Iterable[int], main: Collection[str] = (), points: int = 40) -> dict[int, list[float]]:
    """The main curve of several workflows, thinned to a few points each, however long they are."""
    with db.reading() as connection:
        lines = _last_rows(connection, workflow_ids)
        chosen = {workflow_id: min(rows, key=lambda row: _rank(row.name, main)) for workflow_id, rows in lines.items()}
        return {
            workflow_id: [point.value for point in _sampled(connection, line, points)]
            for workflow_id, line in chosen.items()
        }


def names_of(workflow_ids: Iterable[int], main: Collection[str] = ()) -> list[str]:
    """What was measured in any of several workflows: the main curves first, and those that most of them have."""
    with db.reading() as connection:
        lines = _last_rows(connection, workflow_ids)
    having = Counter(shown for rows in lines.values() for shown, _ in _told_apart(rows))
    return sorted(having, key=lambda name: (name not in main, name.startswith("train_"), -having[name], name))


def overlay(workflow_ids: Iterable[int], name: str) -> dict[int, list[Point]]:
    """The same curve of several workflows."""
    with db.reading() as connection:
        lines = _last_rows(connection, workflow_ids)
    having = {
        row.step_id: (workflow_id, row.name)
        for workflow_id, rows in lines.items()
        for shown, row in _told_apart(rows)
        if shown == name
    }
    curves = curves_of(having, {stored for _, stored in having.values()})
    return {workflow_id: curves[step_id][stored] for step_id, (workflow_id, stored) in having.items()}


def _as_they_are(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    """Rows as the driver gives them, one by one: to make more of every number takes longer than to read it."""
    cursor = connection.execute(query).cursor
    assert cursor is not None
    return iter(cursor)  # type: ignore[call-overload, no-any-return]


def _last_rows(connection: Connection, workflow_ids: Iterable[int]) -> dict[int, list[Any]]:
    """The numbers of the last epoch of several workflows: what was measured, and how far."""
    inner = metrics.alias()
    last = (
        select(func.max(inner.c.epoch))
        .where(inner.c.step_id == steps.c.id, inner.c.attempt == steps.c.attempt)
        .scalar_subquery()
    )
    query = (
        select(steps.c.workflow_id, steps.c.key, metrics.c.step_id, metrics.c.attempt, metrics.c.epoch, metrics.c.name)
        .join(metrics, (metrics.c.step_id == steps.c.id) & (metrics.c.attempt == steps.c.attempt))
        .where(steps.c.workflow_id.in_(list(workflow_ids)), metrics.c.epoch == last)
        .order_by(metrics.c.step_id)
    )
    rows: dict[int, list[Any]] = {}
    for row in connection.execute(query):
        rows.setdefault(row.workflow_id, []).append(row)
    return rows


def _sampled(connection: Connection, line: Any, points: int) -> list[Point]:
    """A curve at so many epochs, looked up one by one: reading all of a long curve would take too long."""
    epochs = {max(1, round(line.epoch * number / points)) for number in range(1, points + 1)} | {1}
    query = select(metrics.c.epoch, metrics.c.value).where(
        metrics.c.step_id == line.step_id,
        metrics.c.attempt == line.attempt,
        metrics.c.name == line.name,
        metrics.c.epoch.in_(sorted(epochs)),
    )
    return [Point(epoch, value) for epoch, value in connection.execute(query.order_by(metrics.c.epoch))]


def _rank(name: str, main: Collection[str]) -> tuple[bool, bool, str]:
    return name not in main, name.startswith("train_"), name


def of_workflow(workflow_id: int) -> list[dict[str, float | int | str]]:
    """A workflow's numbers, one row for each step and epoch; `step` is its key, where several steps have numbers."""
    query = (
        select(steps.c.key, metrics.c.epoch, metrics.c.name, metrics.c.value)
        .join(steps, (steps.c.id == metrics.c.step_id) & (steps.c.attempt == metrics.c.attempt))
        .where(steps.c.workflow_id == workflow_id)
        .order_by(steps.c.position, metrics.c.epoch)
    )
    rows: dict[tuple[str, int], dict[str, float | int | str]] = {}
    with db.reading() as connection:
        for key, epoch, name, value in _as_they_are(connection, query):
            rows.setdefault((key, epoch), {"epoch": epoch})[name] = value
    if len({key for key, _ in rows}) > 1:
        return [{"step": key, **row} for (key, _), row in rows.items()]
    return list(rows.values())


def write_scores(connection: Connection, workflow_id: int, step_id: int, values: Mapping[str, float]) -> None:
    """Write the scores of one step, which has none yet."""
    rows = [
        {"workflow_id": workflow_id, "step_id": step_id, "name": name, "value": float(value)}
        for name, value in values.items()
        if math.isfinite(value)
    ]
    if rows:
        connection.execute(scores.insert(), rows)


def scores_of(connection: Connection, workflow_ids: Iterable[int]) -> dict[int, dict[str, float]]:
    """The scores of several workflows in one question; where two steps have the same, the later one's, and beside it
    the earlier one's under `step/name`."""
    by_workflow: dict[int, dict[str, float]] = defaultdict(dict)
    query = (
        select(scores, steps.c.key)
        .join(steps, steps.c.id == scores.c.step_id)
        .where(scores.c.workflow_id.in_(list(workflow_ids)))
        .order_by(scores.c.step_id)
    )
    rows: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        rows[row.workflow_id].append(row)
    for workflow_id, own in rows.items():
        by_workflow[workflow_id] = {shown: row.value for shown, row in _told_apart(own)}
    return dict(by_workflow)


def _told_apart(rows: Sequence[Any]) -> list[tuple[str, Any]]:
    """Rows of one workflow, in the order of its steps, under their names: `step/name` where a later step has it."""
    last = {row.name: row.step_id for row in rows}
    return [(row.name if last[row.name] == row.step_id else f"{row.key}/{row.name}", row) for row in rows]


def scores_by_key(key: str, name: str) -> Subquery:
    """One score of all steps with a key, to be joined with their workflows."""
    own = select(scores.c.workflow_id, scores.c.value).join(steps, steps.c.id == scores.c.step_id)
    return own.where(steps.c.key == key, scores.c.name == name).subquery()


def scores_of_steps(connection: Connection, step_ids: Iterable[int]) -> dict[int, dict[str, float]]:
    """The scores of several steps in one question."""
    by_step: dict[int, dict[str, float]] = defaultdict(dict)
    for row in connection.execute(select(scores).where(scores.c.step_id.in_(list(step_ids)))):
        by_step[row.step_id][row.name] = row.value
    return dict(by_step)
