"""Files that nothing names: what a step saved before it failed, and what an upload left when it was cut off."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from store import db, files
from store.tables import Status, artifacts, datasets, now, steps

AGE = timedelta(days=1)
AT_ONCE = 500


def sweep() -> int:
    """Remove them once they are old, and checkpoints of steps that will not go on; returns how many there were.

    A file gets its name in the database some time after it got its place on the disk: an upload within minutes, what
    a step saved when the step completes. So what is younger than a day stays, and so does what is not a day older than
    the oldest step that runs. Looking and removing happen under the write lock, under which a name is given only to a
    file that is there.
    """
    removed = 0
    old = [path.name for path in files.stored() if _written(path) < time.time() - AGE.total_seconds()]
    for start in range(0, len(old), AT_ONCE):
        removed += _remove_unnamed(old[start : start + AT_ONCE])
    return removed + _drop_old_checkpoints()


def _remove_unnamed(names: list[str]) -> int:
    with db.writing() as connection:
        before = (_oldest_start(connection) - AGE).timestamp()
        free = set(names) - set(_named(connection, names))
        gone = [name for name in free if _written(files.path_of(name)) < before]
        for name in gone:
            files.remove(name)
        return len(gone)


def _named(connection: Connection, names: list[str]) -> Iterator[str]:
    for column in (artifacts.c.sha256, datasets.c.sha256):
        yield from connection.scalars(select(column).where(column.in_(names)))


def _oldest_start(connection: Connection) -> datetime:
    oldest = connection.scalar(select(func.min(steps.c.started_at)).where(steps.c.status == Status.running))
    return min(oldest or now(), now())


def _drop_old_checkpoints() -> int:
    kept = files.steps_with_checkpoints()
    with db.reading() as connection:
        going_on = set(
            connection.scalars(select(steps.c.id).where(steps.c.id.in_(kept), steps.c.status != Status.completed))
        )
    for step_id in kept - going_on:
        files.drop_checkpoints(step_id)
    return len(kept - going_on)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # removed meanwhile, so there is nothing to do
        return time.time()
