"""Attempts: every try of a step, who made it, how it ended, and from where it went on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from store import db
from store.messages import Message, Values
from store.records import record
from store.tables import attempts, now
from store.text import LONGEST_CODE


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; `code` and `values` say how it ended, and are empty while it runs."""

    step_id: int
    number: int
    worker: str | None
    began_at: datetime
    ended_at: datetime | None
    code: str | None
    values: Values | None
    continued_from: int | None
    # The first progress this attempt reported, and when; only for attempts that follow others.
    resumed_at: datetime | None
    resumed_progress: float | None

    @property
    def ending(self) -> Message | None:
        """How it ended; None while it runs."""
        return Message(self.code, self.values or {}) if self.code else None


def of_steps(step_ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """Return the attempts of several steps, first to last, without the steps that have not started."""
    query = select(attempts).where(attempts.c.step_id.in_(step_ids)).order_by(attempts.c.step_id, attempts.c.number)
    by_step: dict[int, list[Attempt]] = {}
    if step_ids:
        with db.reading() as connection:
            for row in connection.execute(query):
                by_step.setdefault(row.step_id, []).append(record(Attempt, row))
    return by_step


def begin(connection: Connection, step_id: int, number: int, worker: str) -> None:
    """Record that an attempt begins now."""
    connection.execute(_BEGIN, {"step_id": step_id, "number": number, "worker": worker, "began_at": now()})


def go_on(connection: Connection, step_id: int, number: int, worker: str) -> None:
    """Record that an attempt that waited is taken up again, or that it begins."""
    this = (attempts.c.step_id == step_id) & (attempts.c.number == number)
    if not connection.execute(update(attempts).where(this).values(worker=worker)).rowcount:
        begin(connection, step_id, number, worker)


def end(connection: Connection, step_id: int, number: int, ending: Message) -> None:
    """Record how an attempt ended."""
    values = {"this": step_id, "its_number": number, "at": now(), "its_code": ending.code[:LONGEST_CODE]}
    connection.execute(_END, values | {"its_values": ending.values or None})


def note_start(connection: Connection, step_id: int, number: int, epoch: int) -> None:
    """Record that an attempt went on from the checkpoint of an earlier one."""
    this = (attempts.c.step_id == step_id) & (attempts.c.number == number)
    connection.execute(update(attempts).where(this).values(continued_from=epoch))


def note_progress(connection: Connection, step_id: int, number: int, progress: float) -> None:
    """Record the first progress of an attempt that follows others, from which its pace is measured."""
    connection.execute(_RESUMED, {"this": step_id, "its_number": number, "at": now(), "share": progress})


# Made once: building a statement takes longer than running it.
_BEGIN = insert(attempts).values(
    step_id=bindparam("step_id"),
    number=bindparam("number"),
    worker=bindparam("worker"),
    began_at=bindparam("began_at"),
)
_END = (
    update(attempts)
    .where(attempts.c.step_id == bindparam("this"), attempts.c.number == bindparam("its_number"))
    .values(
        ended_at=bindparam("at"),
        code=bindparam("its_code"),
        values=bindparam("its_values", type_=attempts.c["values"].type),
    )
)
_RESUMED = (
    update(attempts)
    .where(
        attempts.c.step_id == bindparam("this"),
        attempts.c.number == bindparam("its_number"),
        attempts.c.resumed_at.is_(None),
    )
    .values(resumed_at=bindparam("at"), resumed_progress=bindparam("share"))
)
