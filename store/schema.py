"""Brings the database to the shape this version needs."""

from pathlib import Path

from sqlalchemy import inspect, text

from store import db

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = "0004"


def prepare() -> None:
    """Create or upgrade the tables; does nothing, quickly, when they are as they should be."""
    if current() == NEWEST:
        return
    # Alembic is only imported when there is something to do: it costs a fifth of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.restructuring() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current() -> str | None:
    """The revision the database is at; None when it is new."""
    with db.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def known() -> set[str]:
    """Every revision that this version can bring up to date."""
    return {path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")}
