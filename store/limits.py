"""Limits: how many steps with a tag may run at the same time, counted when one is claimed.

A claim is made under the write lock of the database, so the count is exact whoever else claims. A step that finds no
room is held: nobody hands it to the queue until there is room for it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from store import actors, db
from store.records import record
from store.steps.records import Step
from store.tables import Status, limits, now, steps

MOST_LET_IN = 500


@dataclass(frozen=True, slots=True)
class Limit:
    """So many steps with a tag may run; how many do, and how many wait for it."""

    tag: str
    most: int
    set_at: datetime
    set_by: str | None
    running: int = 0
    waiting: int = 0


def put(tag: str, most: int) -> None:
    """Limit a tag, from now on."""
    values = {"most": most, "set_at": now(), "set_by": actors.name()}
    with db.writing() as connection:
        if not connection.execute(update(limits).where(limits.c.tag == tag).values(values)).rowcount:
            connection.execute(insert(limits).values(tag=tag, **values))


def remove(tag: str) -> bool:
    """Take the limit of a tag away; returns whether there was one."""
    with db.writing() as connection:
        return bool(connection.execute(delete(limits).where(limits.c.tag == tag)).rowcount)


def listed() -> list[Limit]:
    """Every limit, by tag."""
    with db.reading() as connection:
        rows = connection.execute(select(limits).order_by(limits.c.tag)).all()
        if not rows:
            return []
        running = _running(connection)
        held = Counter(connection.scalars(select(steps.c.held_by).where(_HELD)))
        return [record(Limit, row, running=running[row.tag], waiting=held[row.tag]) for row in rows]


def full(connection: Connection, tags: Sequence[str]) -> str | None:
    """The first of the tags of which more steps run than may, the one that was just claimed among them."""
    limited = connection.execute(select(limits.c.tag, limits.c.most).where(limits.c.tag.in_(tags))).all()
    if not limited:
        return None
    running = _running(connection)
    return next((row.tag for row in limited if running[row.tag] > row.most), None)


def hold(step_id: int, attempt: int, tag: str) -> None:
    """Have a step wait until there is room for its tag."""
    this = (steps.c.id == step_id, steps.c.attempt == attempt, steps.c.status == Status.pending)
    with db.writing() as connection:
        connection.execute(update(steps).where(*this).values(held_by=tag))


def let_in() -> list[Step]:
    """Let the steps go for which there is room now, those that became ready first; returns them."""
    with db.reading() as connection:
        if connection.scalar(select(steps.c.id).where(_HELD).limit(1)) is None:
            return []
    with db.writing() as connection:
        most = {row.tag: row.most for row in connection.execute(select(limits.c.tag, limits.c.most))}
        running = _running(connection)
        held = select(steps).where(_HELD, steps.c.status == Status.pending).order_by(steps.c.ready_at, steps.c.id)
        free: list[Step] = []
        for row in connection.execute(held):
            limited = [tag for tag in row.tags or () if tag in most]
            if all(running[tag] < most[tag] for tag in limited):
                free.append(record(Step, row))
                running.update(limited)
                if len(free) >= MOST_LET_IN:
                    break
        ids = [step.id for step in free]
        connection.execute(update(steps).where(steps.c.id.in_(ids)).values(held_by=None))
        return free


def _running(connection: Connection) -> Counter[str]:
    """How many running steps have each tag."""
    tagged = select(steps.c.tags).where(steps.c.status == Status.running, steps.c.tags.is_not(None))
    return Counter(tag for tags in connection.scalars(tagged) for tag in tags)


_HELD = steps.c.held_by.is_not(None)
