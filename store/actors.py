"""Who acts: a person who signed in, a program with that person's token, or whoever runs commands on this machine."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Role(StrEnum):
    """What somebody may do; each may also do what those before it may."""

    viewer = "viewer"
    analyst = "analyst"
    admin = "admin"

    def covers(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something, and the way by which they came; without a name where nobody signs in."""

    name: str
    role: Role | None
    via: str
    address: str = ""
    person_id: int | None = None

    def may(self, role: Role) -> bool:
        return self.role is not None and self.role.covers(role)


NOBODY = Actor("", None, "page")
ANYBODY = Actor("", Role.admin, "page")

_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)
_recognise: list[Callable[[], Actor | None]] = []


def current() -> Actor:
    """Who acts now: as the request says, as the page's visitor says, else whoever runs this process."""
    if actor := _acting.get():
        return actor
    for recognise in _recognise:
        if actor := recognise():
            return actor
    return _operator()


def name() -> str | None:
    """What to remember of who made something; nothing where nobody signs in."""
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
    """Also ask this function who acts, where no request says so; the same function counts once."""
    if recognise not in _recognise:
        _recognise.append(recognise)


@lru_cache(maxsize=1)
def _operator() -> Actor:
    """Whoever may run our code on this machine may do everything: the files are theirs."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "operator"
    return Actor(name[:80], Role.admin, "command")
