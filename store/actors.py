"""Who acts: a person who signed in, a program with that person's token, a command on this machine, a background job.

The actor is NOBODY until a request, a page's visitor, a command or a background job sets one.
"""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Role(StrEnum):
    """What a person can do; each role includes those before it."""

    viewer = "viewer"
    analyst = "analyst"
    admin = "admin"

    def covers(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and by which way: page, api, command or tick; without a name where sign-in is off."""

    name: str
    role: Role | None
    via: str
    address: str = ""
    person_id: int | None = None
    by_token: bool = False

    def may(self, role: Role) -> bool:
        return self.role is not None and self.role.covers(role)


NOBODY = Actor("", None, "page")
ANYBODY = Actor("", Role.admin, "page")
# What the supervisor does on schedule.
TICK = Actor("trainyard", Role.analyst, "tick")

_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)
_recognise: list[Callable[[], Actor | None]] = []
_serves = False


def current() -> Actor:
    """Who acts now: as the request, command or job says, else the visitor of the page that runs here, else NOBODY."""
    if actor := _acting.get():
        return actor
    for recognise in _recognise:
        if actor := recognise():
            return actor
    return NOBODY


def caller() -> Actor:
    """Return who calls a function that scripts may call: as `current`, and in a user's own script, which serves neither
    pages nor requests and sets no actor, the account that runs it."""
    actor = current()
    return operator() if actor is NOBODY and not _serves and not _recognise else actor


def serve_others() -> None:
    """State that this process works for others: without a request, page or job the actor is NOBODY."""
    global _serves
    _serves = True


def name() -> str | None:
    """Return the name to store with what was made; None where sign-in is off."""
    return current().name or None


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Do the body as this actor."""
    before = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(before)


def recognise_by(recognise: Callable[[], Actor | None]) -> None:
    """Ask this function who acts where no request says so; adding it again changes nothing."""
    if recognise not in _recognise:
        _recognise.append(recognise)


@lru_cache(maxsize=1)
def operator() -> Actor:
    """The account that runs a command on this machine: an admin, because the files belong to it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "operator"
    return Actor(name[:80], Role.admin, "command")
