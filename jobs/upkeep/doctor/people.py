"""Accounts: is sign-in on, and is there an admin."""

from collections.abc import Iterator

from jobs.upkeep.doctor.check import Check
from store import people
from store.actors import Role
from store.program import COMMAND


def check_people(_: bool) -> Iterator[Check]:
    known = people.everybody()
    admins = sum(each.role == Role.admin for each in known)
    if not known:
        yield Check(
            "people",
            "note",
            "Sign-in is off.",
            f"Before you share the app: {COMMAND} user add NAME --role admin",
        )
    elif not admins:
        yield Check("people", "problem", "Nobody is an admin.", f"{COMMAND} user role NAME admin")
    else:
        yield Check("people", "ok", f"{len(known)} may sign in, {admins} as admin.")
