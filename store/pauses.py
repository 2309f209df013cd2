"""Which queues are paused."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from store import actors, db
from store.records import record
from store.tables import now, pauses


@dataclass(frozen=True, slots=True)
class Pause:
    queue: str
    paused_at: datetime
    paused_by: str | None


def add(queue: str) -> None:
    with db.writing() as connection:
        if connection.scalar(select(pauses.c.queue).where(pauses.c.queue == queue)) is None:
            connection.execute(pauses.insert().values(queue=queue, paused_at=now(), paused_by=actors.name()))


def remove(queue: str) -> None:
    with db.writing() as connection:
        connection.execute(delete(pauses).where(pauses.c.queue == queue))


def of(queue: str) -> Pause | None:
    """Since when a queue is paused, and by whom; None when it is not."""
    with db.reading() as connection:
        row = connection.execute(select(pauses).where(pauses.c.queue == queue)).first()
    return record(Pause, row) if row else None


def names() -> set[str]:
    with db.reading() as connection:
        return set(connection.scalars(select(pauses.c.queue)))
