"""Is everything as it should be? One file a part of the house; each finding says what to do.

May not live here: repairs. Doctor looks, and changes nothing.
"""

from collections.abc import Callable, Iterator

from jobs.language import sentence
from jobs.upkeep.doctor.check import Check
from jobs.upkeep.doctor.database import check_clock, check_connections, check_database
from jobs.upkeep.doctor.home import check_disk, check_home
from jobs.upkeep.doctor.installation import check_settings, check_versions
from jobs.upkeep.doctor.people import check_people
from jobs.upkeep.doctor.queue import check_queue
from jobs.upkeep.doctor.services import check_leftovers, check_supervisor
from jobs.upkeep.doctor.stored import check_files
from store.errors import RequestError
from store.settings import settings

__all__ = ["Check", "examine"]

CheckEntry = tuple[str, Callable[[bool], Iterator[Check]]]
BASIC_CHECKS: tuple[CheckEntry, ...] = (
    ("settings", check_settings),
    ("versions", check_versions),
    ("home", check_home),
    ("database", check_database),
)
MORE_CHECKS: tuple[CheckEntry, ...] = (
    ("connections", check_connections),
    ("clock", check_clock),
    ("files", check_files),
    ("services", check_supervisor),
    ("leftovers", check_leftovers),
    ("queue", check_queue),
    ("people", check_people),
    ("disk", check_disk),
)


def examine(deep: bool = False) -> list[Check]:
    """Every check; one that fails is itself a problem. Deep ones read every stored file."""
    try:
        settings()
    except RequestError as refused:
        return [Check("settings", "problem", sentence(refused.message), "Correct it, then run doctor again.")]
    checks = [check for name, look in BASIC_CHECKS for check in _made(name, look, deep)]
    if any(check.name == "database" and check.state != "ok" for check in checks):
        return [*checks, *_made("disk", check_disk, deep)]
    return [*checks, *(check for name, look in MORE_CHECKS for check in _made(name, look, deep))]


def _made(name: str, look: Callable[[bool], Iterator[Check]], deep: bool) -> list[Check]:
    try:
        return list(look(deep))
    except RequestError as refused:
        return [Check(name, "problem", sentence(refused.message), "Correct the setting, then run doctor again.")]
    except OSError as error:
        advice = "Set TRAINYARD_HOME to a folder that you may write to."
        return [Check(name, "problem", f"{error.filename or name}: {error.strerror}.", advice)]
