"""Passwords: how they are stored and checked; few at a time, and slower with every wrong one.

A check costs time and memory on purpose, so every check, wherever it comes from, takes one of few turns, and a caller
with too many wrong ones waits. What counts is who tries from where: a stranger who guesses cannot keep a person out.
"""

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from jobs.verbs.permission import deed_code
from store import audit, people
from store.actors import Actor
from store.errors import InvalidError, TooManyError
from store.messages import Message
from store.people import Person
from store.tables import now

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 1000

# Wrong passwords are free for a few times, then each costs twice the wait of the one before.
MEMORY = timedelta(minutes=15)
FREE_FROM_AN_ADDRESS_FOR_A_NAME = 4
FREE_FOR_A_NAME, FREE_FOR_AN_ADDRESS = 20, 20
LONGEST_WAIT = 60.0

AT_ONCE, MOST_WAITING, MOST_WAITING_FROM_AN_ADDRESS = 2, 20, 5
QUEUE_SECONDS = 5.0


class TooManyTriesError(TooManyError):
    """Too many wrong passwords, or too many checks at once; the sentence says when to try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Message("too_many_tries", {"seconds": max(1, round(seconds))}), seconds)


class Turns:
    """Lets few checks run at once, and none beside another of the same person: the next must see how that one ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def turn(self, name: str, address: str) -> Iterator[None]:
        """Wait for a turn; refuse at once where too many wait already."""
        with self._changed:
            if self._waiting.total() >= MOST_WAITING or self._waiting[address] >= MOST_WAITING_FROM_AN_ADDRESS:
                raise TooManyTriesError(1)
            self._waiting[address] += 1
            try:
                if not self._changed.wait_for(lambda: self._is_free(name), QUEUE_SECONDS):
                    raise TooManyTriesError(QUEUE_SECONDS)
            finally:
                self._waiting[address] -= 1
                self._waiting += Counter()  # addresses without a waiting caller are dropped
            self._busy.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._busy.discard(name)
                self._changed.notify_all()

    def _is_free(self, name: str) -> bool:
        return len(self._busy) < AT_ONCE and name not in self._busy


TURNS = Turns()


def check(what: str, name: str, person: Person | None, password: str, actor: Actor) -> bool:
    """Whether this is the person's password; a wrong one is recorded as `what` and counts against the next."""
    with TURNS.turn(name, actor.address):
        _slow_down(what, name, person, actor.address)
        if _matches(person, password):
            return True
        audit.add(actor, what, name, Message(deed_code(what.replace(":", "")), {"name": name}))
        return False


def made() -> str:
    """A new password to hand over once."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


def hashed(password: str, name: str) -> str:
    """Return the hash of a password; refuse one that is easy to guess."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidError(Message("password_length", {"shortest": SHORTEST, "longest": LONGEST}), "password")
    if people.key(name) in people.key(password) or len(set(password)) < 5:
        raise InvalidError(Message("password_easy"), "password")
    return _hasher().hash(password)


def _slow_down(what: str, name: str, person: Person | None, address: str) -> None:
    """Refuse a try that comes too soon after wrong ones. From where a person has signed in before, only wrong tries
    for them from there count; from elsewhere also those for this name and those from this address."""
    since = now() - MEMORY
    signed_in = person.signed_in_at if person else None
    here = audit.failures(what, max(since, signed_in or since), name, address)
    waits = [pause_after(here, FREE_FROM_AN_ADDRESS_FOR_A_NAME)]
    if not (person and audit.has_signed_in_from(person.name, address)):
        waits.append(pause_after(audit.failures(what, since, about=name), FREE_FOR_A_NAME))
        waits.append(pause_after(audit.failures(what, since, address=address), FREE_FOR_AN_ADDRESS))
    if (seconds := max(waits)) > 0:
        raise TooManyTriesError(seconds)


def pause_after(failed: audit.Failures, free: int) -> float:
    """For how many seconds nothing more is tried after so many failures."""
    if failed.last is None or failed.count < free:
        return 0.0
    pause = min(2.0 ** min(failed.count - free, 10), LONGEST_WAIT)
    return pause - max(0.0, (now() - failed.last).total_seconds())


def _matches(person: Person | None, password: str) -> bool:
    """Takes the same time whether or not the person exists."""
    from argon2.exceptions import InvalidHashError, VerificationError

    saved = person.password if person and person.password else _nobodys_password()
    try:
        _hasher().verify(saved, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return bool(person and person.password)


@lru_cache(maxsize=1)
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_password() -> str:
    return _hasher().hash(secrets.token_hex(16))
