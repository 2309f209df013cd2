"""Files that no row names. Nothing else removes a stored file, and only once the rows that named it are deleted and
committed: what is removed before the commit is lost when the commit fails."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from store import db, files
from store.tables import Status, artifacts, codes, datasets, now, steps

AGE = timedelta(days=1)
CLOCKS_DIFFER = timedelta(minutes=1)
AT_ONCE = 500

log = logging.getLogger(__name__)


def remove_all() -> int:
    """Remove them once they are old, and checkpoints of steps that will not go on; returns how many there were.

    A row names a file some time after it got its place on the disk: an upload within minutes, what a step saved when
    the step completes. So what is younger than a day stays, and so does what is not a day older than the oldest step
    that runs.
    """
    files.sweep_scratch()
    limit = time.time() - AGE.total_seconds()
    old = {each.sha256 for each in files.stored() if each.written < limit}
    return _remove_unnamed(old, _is_old) + _drop_old_checkpoints()


def remove(hashes: Iterable[str]) -> int:
    """Remove those of these files that no row names any more; return how many. Call it after the commit that
    deleted rows; `remove_all` removes what a crash in between leaves.

    A running step may have saved an equal file, which a row names only when the step completes. So what was written
    since the oldest running step began is left to `remove_all`."""
    return _remove_unnamed(set(hashes), _is_older_than_running_steps)


def _remove_unnamed(hashes: set[str], condition: Callable[[Connection], Callable[[str], bool]]) -> int:
    """Look and remove under the write lock, under which a row is only written for a file that is there."""
    removed, names = 0, sorted(hashes)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        with db.writing() as connection:
            may_remove = condition(connection)
            free = set(some) - set(_named(connection, some))
            removed += sum(_remove(sha256) for sha256 in free if may_remove(sha256))
    return removed


def _remove(sha256: str) -> bool:
    try:
        files.remove(sha256)
    except OSError:  # the rows are deleted already, and the next `remove_all` tries again
        log.exception("could not remove the file %s", sha256)
        return False
    return True


def _is_old(connection: Connection) -> Callable[[str], bool]:
    """Whether a file was written, or written anew, a day before the oldest step that runs began."""
    return _written_before((_oldest_start(connection) or now()) - AGE)


def _is_older_than_running_steps(connection: Connection) -> Callable[[str], bool]:
    oldest = _oldest_start(connection)
    return _written_before(oldest - CLOCKS_DIFFER) if oldest else lambda _sha256: True


def _written_before(moment: datetime) -> Callable[[str], bool]:
    limit = moment.timestamp()

    def is_older(sha256: str) -> bool:
        stored = files.find(sha256)
        return stored is not None and stored.written < limit

    return is_older


def _named(connection: Connection, names: list[str]) -> Iterator[str]:
    for column in (artifacts.c.sha256, datasets.c.sha256, codes.c.sha256):
        yield from connection.scalars(select(column).where(column.in_(names)))


def _oldest_start(connection: Connection) -> datetime | None:
    """When the oldest step that runs began; None when none runs."""
    oldest = connection.scalar(select(func.min(steps.c.started_at)).where(steps.c.status == Status.running))
    return min(oldest, now()) if oldest else None


def _drop_old_checkpoints() -> int:
    step_ids = files.steps_with_checkpoints()
    with db.reading() as connection:
        still_needed = set(
            connection.scalars(select(steps.c.id).where(steps.c.id.in_(step_ids), steps.c.status != Status.completed))
        )
    for step_id in step_ids - still_needed:
        files.drop_checkpoints(step_id)
    return len(step_ids - still_needed)
