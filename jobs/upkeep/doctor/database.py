"""The database: is it whole, of this version, and of this time."""

from collections.abc import Iterator

from jobs.upkeep.doctor.check import RESTORE, Check
from jobs.upkeep.doctor.home import CLOCK_SECONDS
from store import checks, db, schema
from store.program import COMMAND
from store.settings import settings
from store.tables import now

CHECK_SECONDS = 10.0
# Above this share of the connections, the next host with workers may be refused.
FULL = 0.8


def check_database(deep: bool) -> Iterator[Check]:
    if not settings().database_url and not (settings().folder / "trainyard.db").exists():
        yield Check("database", "note", "There is none yet.", "It is made when Trainyard is first used.")
        return
    try:
        damage = checks.damage(None if deep else CHECK_SECONDS)
    except TimeoutError:
        damage = None
        yield Check(
            "integrity",
            "note",
            f"The database could not be looked through in {CHECK_SECONDS:.0f} s.",
            f"{COMMAND} doctor --deep",
        )
    if damage:
        yield Check(
            "database",
            "problem",
            f"{db.address()} is damaged: {damage}.",
            f"Stop the app, and move the file and those beside it, -wal and -shm, away. {RESTORE}",
        )
        return
    db.check()
    revision = schema.current()
    if revision == schema.NEWEST:
        yield Check("database", "ok", f"{db.address()}, revision {revision}.")
    elif revision is None:
        yield Check("database", "note", f"{db.address()} has no tables yet.", "They are made at the next start.")
    elif revision in schema.REVISIONS:
        yield Check(
            "database",
            "problem",
            f"{db.address()} is of an older version: {revision}, not {schema.NEWEST}.",
            "Make a copy, then start the app: it brings the database up to date.",
        )
    else:
        yield Check(
            "database",
            "problem",
            f"{db.address()} is of a newer version: {revision}, not {schema.NEWEST}.",
            "Install the newer Trainyard; this one must not be used with it.",
        )


def check_connections(_: bool) -> Iterator[Check]:
    """Whether the server still takes connections when every worker is busy."""
    if (there := checks.connections()) is None:
        return
    usage = f"{there.used} of {there.allowed} connections of the database are in use."
    if there.used > there.allowed * FULL:
        yield Check("connections", "note", usage, "Raise max_connections of PostgreSQL before you add workers.")
    else:
        yield Check("connections", "ok", usage)


def check_clock(_: bool) -> Iterator[Check]:
    if abs(ahead := checks.clock_ahead()) > CLOCK_SECONDS:
        yield Check(
            "clock",
            "problem",
            f"The clock of the database differs from ours by {ahead:,.0f} s.",
            "Set the clocks of both machines by the network.",
        )
    elif (latest := checks.latest()) and (latest - now()).total_seconds() > CLOCK_SECONDS:
        yield Check(
            "clock",
            "problem",
            f"Something happened at {latest:%Y-%m-%d %H:%M:%S} UTC, which is not yet. The "
            "clock was set back, or was wrong.",
            "Set the clock by the network: timedatectl set-ntp true",
        )
    else:
        yield Check("clock", "ok", f"{now():%Y-%m-%d %H:%M:%S} UTC, as the database has it.")
