"""The whole database as one file, and back: copied and replaced while others use it."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from store import db, schema, steps
from store.errors import RequestError
from store.messages import Message
from store.settings import settings
from store.tables import leases, metadata

# Who may act here just now is no part of what is remembered.
LEFT_OUT = {leases.name}


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a database holds."""

    workflows: int
    datasets: int
    people: int


def path() -> Path:
    """Where the database is; refuses when it is not a file that can be copied."""
    url = make_url(settings().database)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise RequestError(Message("database_not_sqlite", {"address": db.address(), "folder": str(settings().files)}))
    return Path(url.database)


def copy(target: Path) -> None:
    """Copy the database as it is at this moment into a new file. Writers do not wait for it."""
    with (
        _explained(target),
        closing(sqlite3.connect(path(), timeout=db.BUSY_SECONDS)) as live,
        closing(sqlite3.connect(target)) as made,
    ):
        made.execute("PRAGMA synchronous=OFF")  # the caller that keeps the copy syncs it
        live.backup(made)


_NAMED_FILES = " UNION ".join(f"SELECT sha256, size FROM {table}" for table in ("datasets", "artifacts", "codes"))  # noqa: S608


def files_named(database: Path) -> dict[str, int]:
    """The hash of every stored file that the database refers to, and its size."""
    with _opened(database) as connection:
        return dict(connection.execute(_NAMED_FILES))


def unfinished(database: Path) -> set[int]:
    """The ids of steps that may still need their checkpoint."""
    with _opened(database) as connection:
        return {
            number for (number,) in connection.execute("SELECT id FROM steps WHERE status IN ('pending', 'running')")
        }


def counts(database: Path) -> Counts:
    with _opened(database) as connection:
        return Counts(*(_count(connection, name) for name in ("workflows", "datasets", "people")))


def make_ready(database: Path) -> None:
    """Check a copy and bring it to the shape in which it may take the place of the database; refuses what is none."""
    try:
        with _opened(database) as connection:
            _check(connection)
        with db.elsewhere(database):
            schema.prepare()
            for step in steps.running():
                steps.lose(step, Message("backed_up"), blameless=True)
        with _opened(database) as connection:
            _check_tables(connection)
            connection.execute("DELETE FROM sessions")  # everybody signs in again
            connection.commit()
    except RequestError:
        raise
    except (sqlite3.DatabaseError, DBAPIError, ValueError):
        raise RequestError(Message("backup_database_damaged")) from None


@contextmanager
def replaced_by(database: Path) -> Iterator[None]:
    """Block writers, run the body, then copy everything from another database in one transaction.

    Readers see either the old or the new state; after a failure, or the end of this process, the old one stays."""
    with _explained(path()), closing(sqlite3.connect(path(), timeout=db.BUSY_SECONDS, isolation_level=None)) as live:
        for pragma in ("foreign_keys=OFF", "trusted_schema=OFF", "synchronous=FULL"):
            live.execute(f"PRAGMA {pragma}")
        live.execute("ATTACH ? AS restored", (str(database),))
        live.execute("BEGIN IMMEDIATE")
        try:
            yield
            _take_over(live)
            live.execute("COMMIT")
        except BaseException:
            live.execute("ROLLBACK")
            raise
        live.execute("PRAGMA busy_timeout=1000")
        live.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Raise OSError for a disk that is full or broken."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = errno.ENOSPC if db.sqlite_code(error) == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(code, str(error), str(file)) from error


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database, timeout=db.BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        yield connection


def _count(connection: sqlite3.Connection, table: str) -> int:
    if table not in _names(connection, "table"):
        return 0  # older than this table
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of ours


def _names(connection: sqlite3.Connection, kind: str, schema_name: str = "main") -> set[str]:
    rows = connection.execute(f"SELECT name FROM {schema_name}.sqlite_master WHERE type = ?", (kind,))  # noqa: S608
    return {name for (name,) in rows}


def _check(connection: sqlite3.Connection) -> None:
    """Refuse what is damaged, of a newer Trainyard, or not of Trainyard at all."""
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise RequestError(Message("backup_database_damaged"))
    unknown = _names(connection, "trigger") | _names(connection, "view")
    if unknown or not {"alembic_version", "workflows", "steps"} <= _names(connection, "table"):
        raise RequestError(Message("backup_database_foreign"))
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision is None or revision[0] not in schema.REVISIONS:
        raise RequestError(Message("backup_newer"))


def _check_tables(connection: sqlite3.Connection) -> None:
    for table in metadata.sorted_tables:
        if set(_columns(connection, "main", table.name)) != {column.name for column in table.c}:
            raise RequestError(Message("backup_database_foreign"))


def _take_over(live: sqlite3.Connection) -> None:
    """Rows are copied table by table; between equal tables, indexes and all, SQLite does that without looking."""
    names = [table.name for table in metadata.sorted_tables if table.name not in LEFT_OUT]
    for name in names:
        if _columns(live, "restored", name) != (columns := _columns(live, "main", name)) or not columns:
            raise RequestError(Message("backup_database_foreign"))
    for name in reversed(names):
        live.execute(f'DELETE FROM main."{name}"')  # noqa: S608 - names of ours
    for name in names:
        live.execute(f'INSERT INTO main."{name}" SELECT * FROM restored."{name}"')  # noqa: S608
    _keep_numbers_unique(live)


def _keep_numbers_unique(live: sqlite3.Connection) -> None:
    """Never give the number of a workflow again: links to the old one may exist."""
    for name, last in live.execute("SELECT name, seq FROM restored.sqlite_sequence").fetchall():
        if not live.execute("UPDATE main.sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, name)).rowcount:
            live.execute("INSERT INTO main.sqlite_sequence VALUES (?, ?)", (name, last))


def _columns(connection: sqlite3.Connection, schema_name: str, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f'PRAGMA {schema_name}.table_info("{table}")')]
