"""The lines a step says while it works."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select

from store import db
from store.records import record
from store.tables import logs, now


@dataclass(frozen=True, slots=True)
class Line:
    id: int
    step_id: int
    attempt: int
    at: datetime
    level: str
    text: str


def write(connection: Connection, step_id: int, attempt: int, lines: Sequence[tuple[datetime, str, str]]) -> None:
    """Put lines (time, level, text) down."""
    if lines:
        rows = [
            {"step_id": step_id, "attempt": attempt, "at": at, "level": level, "text": text}
            for at, level, text in lines
        ]
        connection.execute(insert(logs), rows)


def say(connection: Connection, step_id: int, attempt: int, text: str, level: str = "info") -> None:
    """Put down one line, now."""
    write(connection, step_id, attempt, [(now(), level, text)])


def tail(step_id: int, limit: int = 200, after: int = 0) -> list[Line]:
    """The last lines of a step, oldest first; `after` a line id gives only what is new."""
    query = select(logs).where(logs.c.step_id == step_id, logs.c.id > after).order_by(logs.c.id.desc()).limit(limit)
    with db.reading() as connection:
        return [record(Line, row) for row in connection.execute(query)][::-1]


def of_workflow(step_ids: Sequence[int], after: int = 0, limit: int = 500) -> list[Line]:
    """New lines of several steps together, in the order they were said."""
    query = select(logs).where(logs.c.step_id.in_(step_ids), logs.c.id > after).order_by(logs.c.id).limit(limit)
    with db.reading() as connection:
        return [record(Line, row) for row in connection.execute(query)]


def turns(step_ids: Sequence[int]) -> list[Line]:
    """The lines that tell of attempts: why one ended, and from where the next one went on."""
    query = (
        select(logs)
        .where(
            logs.c.step_id.in_(step_ids),
            or_(logs.c.text.like("% Attempt % follows."), logs.c.text.like("Attempt % continues from epoch %")),
        )
        .order_by(logs.c.id)
    )
    with db.reading() as connection:
        return [record(Line, row) for row in connection.execute(query)]
