"""The only way to the database: one engine a process, short transactions.

A transaction is one of three kinds. `reading` sees the database as it was at its start and never waits. `writing`
excludes every other `writing`, so that what it reads stays true until it commits. `updating` is for one conditional
UPDATE that decides by itself, with what hangs on it: it waits for the rows it changes and for nothing else.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, ColumnElement, Connection, Engine, Transaction, create_engine, event, false, func
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StatementError,
)

from store.errors import RequestError
from store.messages import Message
from store.settings import make_home, settings

BUSY_SECONDS = 30
# A wait for the lock is interrupted this often, so that the process can report that it is alive.
SIGN_OF_LIFE_SECONDS = 2
# Work that is done already is worth waiting for a database that is away: a restart, a failover.
RETRY_SECONDS = 1
MOST_RETRY_SECONDS = 300
# PostgreSQL ends a transaction whose process is silent for so long: a host that is cut off must not keep the lock.
IDLE_SECONDS = 60
# The number of the advisory lock of `writing`; any number will do, but it must stay the same.
LOCK = 7_247_932_706
LONGEST_SEARCH = 1000
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)

# SQLSTATE classes and codes after which trying again helps: connection lost, too many connections, conflict, shutdown,
# lock not available, idle for too long.
RETRYABLE_STATES = ("08", "40", "53", "57", "55P03", "25P03")


Result = TypeVar("Result")


class Kind(Enum):
    """What a transaction may do, and for whom it waits."""

    reading = auto()
    updating = auto()
    writing = auto()


@dataclass
class Access:
    """What a process has open, and what it does while it waits; tests may put a new one in place of `access`."""

    engines: dict[str, Engine] = field(default_factory=dict)
    signs_of_life: tuple[Callable[[], None], ...] = ()


access = Access()
_elsewhere: ContextVar[Engine | None] = ContextVar("elsewhere", default=None)


def engine() -> Engine:
    """Return the engine of this process, made when first needed."""
    return _elsewhere.get() or _own_engine()


def _own_engine() -> Engine:
    url = settings().database
    if url not in access.engines:
        make_home()
        access.engines.setdefault(url, _make_engine(url))
    return access.engines[url]


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
    elif made.dialect.name == "postgresql":
        event.listen(made, "begin", _begin_postgresql)
    return made


class DatabaseUnavailableError(RuntimeError):
    """The database cannot be written to just now; trying again helps."""

    retryable = True


@contextmanager
def reading() -> Iterator[Connection]:
    """Show the database as it is at this moment, whatever is written meanwhile; never waits for a writer."""
    with engine().connect() as connection:
        connection = connection.execution_options(kind=Kind.reading)
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """Hold the write lock from before the first read until the commit, so that read, decide, write is atomic."""
    with _explained(), engine().connect() as connection, _transaction(connection, Kind.writing):
        yield connection


@contextmanager
def updating() -> Iterator[Connection]:
    """Change rows by statements that decide by themselves. On SQLite this is the same as `writing`."""
    with _explained(), engine().connect() as connection, _transaction(connection, Kind.updating):
        yield connection


@contextmanager
def restructuring() -> Iterator[Connection]:
    """Hold the write lock while whole tables may be replaced: SQLite must not follow references meanwhile, as it would
    delete what refers to a table that is dropped."""
    with engine().connect() as connection:
        if connection.dialect.name != "sqlite":
            with _transaction(connection, Kind.writing):
                yield connection
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
        try:
            with _transaction(connection, Kind.writing):
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise RuntimeError("the new tables do not fit together; nothing was changed")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def while_waiting(*signs_of_life: Callable[[], None]) -> None:
    """Call these now and then while another process holds the write lock for long; for connections opened from now."""
    access.signs_of_life = signs_of_life


def retrying(act: Callable[[], Result]) -> Result:
    """Return what `act` returns, called again for some minutes while the database is busy or away."""
    end = time.monotonic() + MOST_RETRY_SECONDS
    while True:
        try:
            return act()
        except Exception as error:
            if not is_unavailable(error) or time.monotonic() > end:
                raise
        for sign_of_life in access.signs_of_life:
            sign_of_life()
        time.sleep(RETRY_SECONDS)


def is_unavailable(error: Exception) -> bool:
    """Whether the database was busy or away, so that the same will work later."""
    if isinstance(error, DBAPIError):  # of a transaction that only reads
        return _is_locked(error) or _server_is_down(error)
    return isinstance(error, DatabaseUnavailableError)


def is_refused(error: Exception) -> bool:
    """Whether the database, or its driver, does not take the values it was given: it never will."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError | NotSupportedError | ProgrammingError)
    mistakes = StatementError | OverflowError | TypeError | ValueError
    return isinstance(error, mistakes) and not isinstance(error, RequestError)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the driver raises into a full disk or an absent database, by its code."""
    try:
        yield
    except DBAPIError as error:
        if _is_full(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if _is_locked(error) or _server_is_down(error):
            raise DatabaseUnavailableError("The database was busy or away for too long.") from error
        raise


def _transaction(connection: Connection, kind: Kind) -> Transaction:
    connection = connection.execution_options(kind=kind)
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return connection.begin()
        except DBAPIError as error:
            if not access.signs_of_life or not _is_locked(error) or time.monotonic() > end:
                raise
        for sign_of_life in access.signs_of_life:
            sign_of_life()


def sqlite_code(error: BaseException | None) -> int | None:
    """Return SQLite's primary result code, or None for an error of another origin."""
    code = getattr(error, "sqlite_errorcode", None)  # the higher bytes of an extended code only add detail
    return code & 0xFF if code is not None else None


def _state(error: DBAPIError) -> str:
    """The SQLSTATE; empty when there was no connection to get one from."""
    return getattr(error.orig, "sqlstate", None) or ""


def _is_full(error: DBAPIError) -> bool:
    return sqlite_code(error.orig) == sqlite3.SQLITE_FULL or _state(error) == "53100"


def _is_locked(error: DBAPIError) -> bool:
    return sqlite_code(error.orig) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or _state(error) == "55P03"


def _server_is_down(error: DBAPIError) -> bool:
    if sqlite_code(error.orig) is not None:
        return False
    lost = error.connection_invalidated or (isinstance(error, OperationalError) and not _state(error))
    return lost or _state(error).startswith(RETRYABLE_STATES)


def check() -> None:
    """Refuse, in one sentence, when the settings do not lead to a database that answers."""
    if (url := _url()).get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise RequestError(Message("database_in_memory"))
    try:
        with reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except ArgumentError:
        raise RequestError(Message("database_url_malformed")) from None
    except ModuleNotFoundError as missing:
        raise RequestError(Message("database_package_missing", {"package": str(missing.name)})) from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200].rstrip(".")
        raise RequestError(Message("database_unusable", {"address": address(), "reason": reason})) from None


# SQLite knows the small letters of ASCII alone, and no database all of Turkish, where i and ı have capitals of their
# own.
_SMALL_LETTERS = {"İ": "i", "ı": "i", "Ş": "ş", "Ğ": "ğ", "Ü": "ü", "Ö": "ö", "Ç": "ç"}
_SMALL = str.maketrans(_SMALL_LETTERS)


def holds(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Match rows whose column contains this text; a text that no database can search for matches none."""
    if "\0" in text or len(text) > LONGEST_SEARCH:
        return false()
    small = text.translate(_SMALL).lower()
    letters: ColumnElement[str] = column
    for capital, letter in _SMALL_LETTERS.items():
        if letter in small:
            letters = func.replace(letters, capital, letter)
    return letters.icontains(small, autoescape=True)


def address() -> str:
    """Where the database is, without its password, which may also stand behind the question mark."""
    return _url().set(query={}).render_as_string(hide_password=True)


def release() -> None:
    """Let go of every connection; the next question opens new ones."""
    for made in access.engines.values():
        made.dispose()


def close() -> None:
    """Let go of everything, as before the settings change."""
    release()
    access.engines.clear()


def _url() -> URL:
    text = settings().database
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # a port that is not a number is a plain ValueError
        raise RequestError(Message("database_url_malformed")) from None


def _connect_args(url: str) -> dict[str, Any]:
    return {"timeout": _patience()} if make_url(url).get_backend_name() == "sqlite" else {}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: by default it begins them late and loses updates.
    connection.isolation_level = None
    for pragma in (*PRAGMAS, f"PRAGMA busy_timeout={int(_patience() * 1000)}"):
        connection.execute(pragma)


def _patience() -> float:
    return SIGN_OF_LIFE_SECONDS if access.signs_of_life else BUSY_SECONDS


def _kind(connection: Connection) -> Kind:
    kind: Kind = connection.get_execution_options().get("kind", Kind.writing)
    return kind


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if _kind(connection) is Kind.reading else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    """Limit the waits of a transaction that writes, and take the lock, in one statement."""
    kind = _kind(connection)
    if kind is Kind.reading:
        return
    limits = f"set_config('lock_timeout', '{int(_patience() * 1000)}', true), " + (
        f"set_config('idle_in_transaction_session_timeout', '{int(IDLE_SECONDS * 1000)}', true)"
    )
    lock = f", pg_advisory_xact_lock({LOCK})" if kind is Kind.writing else ""
    try:
        connection.exec_driver_sql(f"SELECT {limits}{lock}")
    except DBAPIError:
        # SQLAlchemy takes the transaction for not started, while the server waits for its end.
        connection.connection.rollback()
        raise


def _forget_after_fork() -> None:
    """A child must not use, nor close, what its parent had open. What its parent knows of statements it may keep."""
    for made in access.engines.values():
        made.dispose(close=False)


os.register_at_fork(after_in_child=_forget_after_fork)
