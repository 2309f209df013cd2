"""What doctor asks the database about itself."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, literal, select

from store import db, snapshot
from store.settings import settings
from store.tables import artifacts, codes, datasets, now, steps, workflows

STEPS_BETWEEN_LOOKS = 100_000


def damage(seconds: float | None) -> str | None:
    """Return what SQLite reports as wrong with its file, or None; check all of it when the time is not limited.

    Raise TimeoutError when the check takes longer than that."""
    if not settings().database.startswith("sqlite"):
        return None
    end = time.monotonic() + seconds if seconds is not None else None
    try:
        with closing(sqlite3.connect(snapshot.path(), timeout=db.BUSY_SECONDS)) as connection:
            if end is not None:
                connection.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)
            check = "integrity_check" if end is None else "quick_check"
            report = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if db.sqlite_code(error) == sqlite3.SQLITE_INTERRUPT:
            raise TimeoutError from None
        return None  # it cannot be opened, which the next question to it will report
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if report == "ok" else " ".join(str(report).split())


@dataclass(frozen=True, slots=True)
class Connections:
    """How many connections a server has open, and how many it allows those who are not its superusers."""

    used: int
    allowed: int


def connections() -> Connections | None:
    """Count the connections of PostgreSQL; None for a database without a server."""
    if db.engine().dialect.name != "postgresql":
        return None
    settings_of = "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    query = f"SELECT count(*), {settings_of} FROM pg_stat_activity WHERE backend_type = 'client backend'"  # noqa: S608
    with db.reading() as connection:
        return Connections(*connection.exec_driver_sql(query).one())


def clock_ahead() -> float:
    """By how many seconds the clock of the database is ahead of ours."""
    with db.reading() as connection:
        database_time = connection.scalar(select(func.current_timestamp()))
    at = datetime.fromisoformat(database_time) if isinstance(database_time, str) else database_time
    assert at is not None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now()).total_seconds()


def latest() -> datetime | None:
    """The latest time at which anything happened, by the clock of then."""
    columns = (
        workflows.c.created_at,
        workflows.c.ended_at,
        steps.c.heartbeat_at,
        steps.c.ended_at,
        datasets.c.created_at,
    )
    with db.reading() as connection:
        return max(
            (newest for column in columns if (newest := connection.scalar(select(func.max(column))))), default=None
        )


def files_named() -> dict[str, tuple[int, str]]:
    """The hash of every file that something refers to: its size, and what it is, in words."""
    made = select(artifacts.c.sha256, artifacts.c.size, artifacts.c.name, steps.c.workflow_id).join(
        steps, steps.c.id == artifacts.c.step_id
    )
    uploaded = select(datasets.c.sha256, datasets.c.size, datasets.c.id, literal(0))
    code = select(codes.c.sha256, codes.c.size, codes.c.root)
    with db.reading() as connection:
        code_files = {sha256: (size, f"the code of {root}") for sha256, size, root in connection.execute(code)}
        artifact_files = code_files | {
            sha256: (size, f"{name} of workflow {workflow_id}")
            for sha256, size, name, workflow_id in connection.execute(made)
        }
        return artifact_files | {
            sha256: (size, f"the upload of dataset {number}")
            for sha256, size, number, _ in connection.execute(uploaded)
        }
