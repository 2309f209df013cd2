"""Brings the database to the shape this version needs."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from store import db
from store.errors import ConflictError
from store.messages import Message, Values

MIGRATIONS = Path(__file__).parent / "migrations"
# A revision, and every one before it, has a file of its own, which its number names.
REVISIONS = frozenset(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
NEWEST = max(REVISIONS)


def prepare() -> None:
    """Create or upgrade the tables; does nothing, quickly, when they are as they should be. Refuses a database of a
    newer release."""
    revision = current()
    if revision == NEWEST:
        return
    if revision is not None and revision not in REVISIONS:
        values: Values = {"address": db.address(), "revision": revision, "newest": NEWEST}
        raise ConflictError(Message("database_newer", values))
    # Alembic is only imported when there is something to do: it costs a fifth of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.restructuring() as connection:
        if _revision(connection) == NEWEST:  # another process was first
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current() -> str | None:
    """The revision the database is at; None when it is new."""
    with db.reading() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
