"""The only gate to the database: one engine a process, short transactions."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from store.errors import Refused
from store.settings import make_home, settings

BUSY_SECONDS = 30
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
)


@lru_cache(maxsize=1)
def engine() -> Engine:
    """This process's engine, made when first needed."""
    make_home()
    made = create_engine(settings().database, connect_args=_connect_args())
    if made.dialect.name == "sqlite":
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", _begin_sqlite)
    return made


@contextmanager
def reading() -> Iterator[Connection]:
    """A consistent look at the database that never waits for a writer."""
    with engine().connect().execution_options(readonly=True) as connection, connection.begin():
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A transaction that takes the write lock first, so that read, decide, write is atomic."""
    try:
        with engine().begin() as connection:
            yield connection
    except DBAPIError as error:
        if "disk is full" in str(error.orig):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def check() -> None:
    """Refuse, in one sentence, when the settings do not lead to a database that answers."""
    try:
        with reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except (ArgumentError, ModuleNotFoundError):
        raise Refused("TRAINYARD_DATABASE_URL leads to no database; it must look like "
                      "postgresql+psycopg://user:password@host/name, or be left out.") from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200].rstrip(".")
        raise Refused(f"The database at {address()} cannot be used: {reason}.") from None


def address() -> str:
    """Where the database is, without its password."""
    return make_url(settings().database).render_as_string(hide_password=True)


def close() -> None:
    """Let go of every connection; the next question opens new ones."""
    if engine.cache_info().currsize:
        engine().dispose()
        engine.cache_clear()


def _connect_args() -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS} if make_url(settings().database).get_backend_name() == "sqlite" else {}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: by default it begins them late and loses updates.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    readonly = connection.get_execution_options().get("readonly")
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def _forget_after_fork() -> None:
    """A child must not use, nor close, what its parent had open."""
    if engine.cache_info().currsize:
        engine().dispose(close=False)
        engine.cache_clear()


os.register_at_fork(after_in_child=_forget_after_fork)
