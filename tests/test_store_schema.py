"""The database's shape: migrations lead to the tables that the code uses, and run once."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from helpers.refusals import refuses

from store import db, schema
from store.errors import ConflictError
from store.tables import metadata


def test_migrations_lead_to_the_tables(home):
    """After the migrations, nothing differs from the tables in the code."""
    with db.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_preparing_twice_changes_nothing(home):
    """A prepared database is left alone, and knows its revision."""
    schema.prepare()
    assert schema.current() == schema.NEWEST


def test_a_database_that_cannot_be_used_is_refused_in_one_sentence(home, monkeypatch):
    """A wrong address says so, without its password."""
    from conftest import forget

    from store.errors import RequestError

    monkeypatch.setenv("TRAINYARD_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    forget()
    with refuses(RequestError, match="cannot be used"):
        db.check()


@pytest.mark.sqlite
def test_a_full_disk_is_an_error_of_the_disk(home):
    """When the database finds no room, what calls it hears of the disk and not of the database's insides."""
    with pytest.raises(OSError, match="No space left"), db.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("INSERT INTO leases VALUES ('x', ?, '2026-01-01')", ("x" * 100_000,))


def test_a_database_of_a_newer_release_is_refused_in_one_sentence(home):
    """An older release does not touch what it does not know, and says which one to install."""
    with db.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with refuses(ConflictError, match="of a newer version"):
        schema.prepare()
    assert schema.current() == "9999"
