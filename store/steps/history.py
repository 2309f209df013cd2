"""How much there is to do, and how the last hour went."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, func, select

from store import db
from store.records import record
from store.steps.records import Step
from store.tables import OPEN, Status, now, steps


def recent(limit: int = 50) -> list[Step]:
    """The steps that started last, newest first."""
    with db.reading() as connection:
        query = select(steps).where(steps.c.started_at.is_not(None)).order_by(steps.c.started_at.desc()).limit(limit)
        return [record(Step, row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Load:
    """How much there is to do."""

    waiting: int
    running: int
    failed_last_hour: int


def load() -> Load:
    with db.reading() as connection:
        waiting = select(func.count()).where(steps.c.status == Status.pending, steps.c.ready_at.is_not(None))
        running = select(func.count()).where(steps.c.status == Status.running)
        failed = select(func.count()).where(
            steps.c.status == Status.failed, steps.c.ended_at > now() - timedelta(hours=1)
        )
        return Load(*(connection.scalar(query) or 0 for query in (waiting, running, failed)))


def count_by_status() -> dict[str, int]:
    """How many steps there are of every status."""
    with db.reading() as connection:
        rows = connection.execute(select(steps.c.status, func.count()).group_by(steps.c.status)).all()
    counted = {str(status): count for status, count in rows}
    return {str(status): counted.get(str(status), 0) for status in Status}


@dataclass(frozen=True, slots=True)
class Minute:
    """The most steps that waited and that ran within a minute, and what ended in it."""

    at: datetime
    waiting: int
    running: int
    finished: int
    failed: int
    cancelled: int = 0


def history(minutes: int) -> list[Minute]:
    """Depth and throughput of the last minutes, worked out from when steps became ready, started and ended. A queue
    that stood at the end of each minute only would forget what came and went within one."""
    end = now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    begin = end - timedelta(minutes=minutes)
    unstarted = steps.c.started_at.is_(None)
    kinds = [steps.c.status == status for status in (Status.completed, Status.failed, Status.cancelled)]
    with db.reading() as connection:
        arrived = _by_second(connection, steps.c.ready_at, begin)
        began = _by_second(connection, steps.c.started_at, begin)
        ended = _by_second(connection, steps.c.ended_at, begin, unstarted, *kinds)
        open_steps = select(func.count(), func.count(steps.c.started_at)).where(
            steps.c.status.in_(OPEN), steps.c.ready_at.is_not(None)
        )
        all_open, running = connection.execute(open_steps).one()
    seconds = sorted({*arrived, *began, *ended}, reverse=True)
    waiting = all_open - running
    minutes_back: list[Minute] = []
    place = 0
    # From now backwards: what came within a second was not there before it, and what left was.
    for at in (end - timedelta(minutes=number) for number in range(minutes)):
        most_waiting, most_running, ends = waiting, running, [0, 0, 0]
        while place < len(seconds) and seconds[place] >= at - timedelta(minutes=1):
            second = seconds[place]
            (became_ready,), (began_now,), (out, never_ran, *counts) = arrived[second], began[second], ended[second]
            waiting += began_now + never_ran - became_ready
            running += out - never_ran - began_now
            most_waiting, most_running = max(most_waiting, waiting), max(most_running, running)
            ends = [sum(pair) for pair in zip(ends, counts, strict=True)]
            place += 1
        minutes_back.append(Minute(at, max(most_waiting, 0), max(most_running, 0), *ends))
    return minutes_back[::-1]


def _by_second(
    connection: Connection, time: ColumnElement[Any], begin: datetime, *kinds: ColumnElement[bool]
) -> defaultdict[datetime, tuple[int, ...]]:
    """How many steps became ready, started or ended in each second, and how many of those were of each kind."""
    second = func.substr(cast(time, String), 1, 19)
    counts = [func.count(), *(func.sum(case((kind, 1), else_=0)) for kind in kinds)]
    query = select(second, *counts).where(time >= begin, steps.c.ready_at.is_not(None)).group_by(second)
    by_second: defaultdict[datetime, tuple[int, ...]] = defaultdict(lambda: (0,) * len(counts))
    for text, *numbers in connection.execute(query):
        by_second[datetime.fromisoformat(text).replace(tzinfo=UTC)] = tuple(numbers)
    return by_second
