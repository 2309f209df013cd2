"""Which queues are paused."""

from sqlalchemy import delete, select

from store import db
from store.tables import now, pauses


def add(queue: str) -> None:
    with db.writing() as connection:
        if connection.scalar(select(pauses.c.queue).where(pauses.c.queue == queue)) is None:
            connection.execute(pauses.insert().values(queue=queue, paused_at=now()))


def remove(queue: str) -> None:
    with db.writing() as connection:
        connection.execute(delete(pauses).where(pauses.c.queue == queue))


def names() -> set[str]:
    with db.reading() as connection:
        return set(connection.scalars(select(pauses.c.queue)))
