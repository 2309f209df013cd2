"""The lines a step says while it works."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select

from store import db
from store.messages import Message
from store.records import record
from store.tables import logs, now, steps
from store.text import LARGEST_INTEGER


@dataclass(frozen=True, slots=True)
class Line:
    id: int
    step_id: int
    attempt: int
    at: datetime
    level: str
    text: str
    message: Message | None


def write(
    connection: Connection, step_id: int, attempt: int, lines: Sequence[tuple[datetime, str, str | Message]]
) -> None:
    """Write lines: time, level, and free text or a message."""
    if lines:
        rows = [
            {
                "step_id": step_id,
                "attempt": attempt,
                "at": at,
                "level": level,
                "text": "" if isinstance(line, Message) else line,
                "message": line if isinstance(line, Message) else None,
            }
            for at, level, line in lines
        ]
        connection.execute(insert(logs), rows)


def say(connection: Connection, step_id: int, attempt: int, message: Message, level: str = "info") -> None:
    """Write one line, now."""
    write(connection, step_id, attempt, [(now(), level, message)])


def tail(step_id: int, limit: int = 200, after: int = 0) -> list[Line]:
    """The last lines of a step, oldest first; `after` a line id gives only what is new."""
    query = select(logs).where(logs.c.step_id == step_id, logs.c.id > after).order_by(logs.c.id.desc()).limit(limit)
    with db.reading() as connection:
        return [record(Line, row) for row in connection.execute(query)][::-1]


def select_lines(
    workflow_id: int,
    *,
    after: int = 0,
    before: int | None = None,
    levels: Sequence[str] = (),
    key: str | None = None,
    text: str = "",
    limit: int = 500,
    newest: bool = False,
) -> list[Line]:
    """Lines of a workflow's steps in the order they were written: the first of those after one line, or with `newest`
    the last of those before one. A `text` may also be in the sentence of a message, which is not known here: lines
    with messages are not left out for it."""
    query = select(logs.c.id).join(steps, steps.c.id == logs.c.step_id).where(steps.c.workflow_id == workflow_id)
    if after:
        query = query.where(logs.c.id > after)
    if before is not None:
        query = query.where(logs.c.id < min(before, LARGEST_INTEGER))
    if levels:
        query = query.where(logs.c.level.in_(levels))
    if key is not None:
        query = query.where(steps.c.key == key)
    if text:
        query = query.where(or_(db.holds(logs.c.text, text), logs.c.message.is_not(None)))
    ids = query.order_by(logs.c.id.desc() if newest else logs.c.id).limit(limit)
    with db.reading() as connection:
        rows = connection.execute(select(logs).where(logs.c.id.in_(ids)).order_by(logs.c.id))
        return [record(Line, row) for row in rows]


def of_workflow(step_ids: Sequence[int], after: int = 0, limit: int = 500) -> list[Line]:
    """New lines of several steps together, in the order they were written."""
    query = select(logs).where(logs.c.step_id.in_(step_ids), logs.c.id > after).order_by(logs.c.id).limit(limit)
    with db.reading() as connection:
        return [record(Line, row) for row in connection.execute(query)]
