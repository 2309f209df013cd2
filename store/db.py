"""The only gate to the database: one engine a process, short transactions."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, Transaction, create_engine, event, false
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from store.errors import Refused
from store.settings import make_home, settings

BUSY_SECONDS = 30
# After so long a wait for the lock, whoever waits says that it is alive, and waits on.
SIGN_OF_LIFE_SECONDS = 2
LONGEST_SEARCH = 1000
NOWHERE = (
    "TRAINYARD_DATABASE_URL leads to no database; it must look like postgresql+psycopg://user:password@host/name, "
    "or be left out."
)
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)

_elsewhere: ContextVar[Engine | None] = ContextVar("elsewhere", default=None)
_own: dict[str, Engine] = {}
_meanwhile: list[Callable[[], None]] = []


def engine() -> Engine:
    """Return the engine of this process, made when first needed."""
    return _elsewhere.get() or _own_engine()


def _own_engine() -> Engine:
    url = settings().database
    if url not in _own:
        make_home()
        _own.setdefault(url, _make_engine(url))
    return _own[url]


@contextmanager
def elsewhere(file: Path) -> Iterator[None]:
    """Let the body work on another SQLite file, as on one that is about to be restored."""
    other = _make_engine(f"sqlite:///{file}")
    before = _elsewhere.set(other)
    try:
        yield
    finally:
        _elsewhere.reset(before)
        other.dispose()


def _make_engine(url: str) -> Engine:
    # A server may have been restarted while the next child waited for its step.
    made = create_engine(url, connect_args=_connect_args(url), pool_pre_ping=not url.startswith("sqlite"))
    if made.dialect.name == "sqlite":
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", _begin_sqlite)
    return made


class Away(RuntimeError):  # noqa: N818 - a state of affairs, not an error of the program
    """The database cannot be written to just now; trying again helps."""

    retryable = True


@contextmanager
def reading() -> Iterator[Connection]:
    """A consistent look at the database that never waits for a writer."""
    with engine().connect().execution_options(readonly=True) as connection, connection.begin():
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A transaction that takes the write lock first, so that read, decide, write is atomic."""
    try:
        with engine().connect() as connection, _begun(connection):
            yield connection
    except DBAPIError as error:
        if "disk is full" in str(error.orig):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if _is_locked(error) or _server_is_away(error):
            raise Away("The database was busy or away for too long.") from error
        raise


@contextmanager
def restructuring() -> Iterator[Connection]:
    """A transaction in which whole tables may be replaced: SQLite must not follow references meanwhile, as it would
    delete what refers to a table that is dropped."""
    with engine().connect() as connection:
        if engine().dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect once a transaction has begun
        try:
            with connection.begin():
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise RuntimeError("the new tables do not fit together; nothing was changed")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def while_waiting(*signs_of_life: Callable[[], None]) -> None:
    """Call these now and then while another process holds the write lock for long; for connections opened from now."""
    _meanwhile[:] = signs_of_life


def _begun(connection: Connection) -> Transaction:
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return connection.begin()
        except DBAPIError as error:
            if not _meanwhile or not _is_locked(error) or time.monotonic() > end:
                raise
        for sign_of_life in _meanwhile:
            sign_of_life()


def _is_locked(error: DBAPIError) -> bool:
    return "database is locked" in str(error.orig)


def _server_is_away(error: DBAPIError) -> bool:
    return engine().dialect.name != "sqlite" and isinstance(error, OperationalError)


def check() -> None:
    """Refuse, in one sentence, when the settings do not lead to a database that answers."""
    if (url := _url()).get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise Refused(
            "TRAINYARD_DATABASE_URL must name a file, as in sqlite:////folder/name.db; "
            "a database in memory forgets everything."
        )
    try:
        with reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except ArgumentError:
        raise Refused(NOWHERE) from None
    except ModuleNotFoundError as missing:
        needed = f"TRAINYARD_DATABASE_URL needs the Python package {missing.name}, which is not installed."
        raise Refused(needed) from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200].rstrip(".")
        raise Refused(f"The database at {address()} cannot be used: {reason}.") from None


def holds(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a column has this text in it; a text that no database can look for is found nowhere."""
    searchable = "\0" not in text and len(text) <= LONGEST_SEARCH
    return column.icontains(text, autoescape=True) if searchable else false()


def address() -> str:
    """Where the database is, without its password, which may also stand behind the question mark."""
    return _url().set(query={}).render_as_string(hide_password=True)


def release() -> None:
    """Let go of every connection; the next question opens new ones."""
    for made in _own.values():
        made.dispose()


def close() -> None:
    """Let go of everything, as before the settings change."""
    release()
    _own.clear()


def _url() -> URL:
    text = settings().database
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # a port that is not a number is a plain ValueError
        raise Refused(NOWHERE) from None


def _connect_args(url: str) -> dict[str, Any]:
    return {"timeout": _patience()} if make_url(url).get_backend_name() == "sqlite" else {}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: by default it begins them late and loses updates.
    connection.isolation_level = None
    for pragma in (*PRAGMAS, f"PRAGMA busy_timeout={int(_patience() * 1000)}"):
        connection.execute(pragma)


def _patience() -> float:
    return SIGN_OF_LIFE_SECONDS if _meanwhile else BUSY_SECONDS


def _begin_sqlite(connection: Connection) -> None:
    readonly = connection.get_execution_options().get("readonly")
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def _forget_after_fork() -> None:
    """A child must not use, nor close, what its parent had open. What its parent knows of statements it may keep."""
    for made in _own.values():
        made.dispose(close=False)


os.register_at_fork(after_in_child=_forget_after_fork)
