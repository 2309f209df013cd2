"""The verbs on people: who may sign in, with which role, and the sessions and tokens that stand for them.

Nobody has to sign in until the first person is added, unless other machines can reach the app.
"""

import hashlib
import os
import secrets
import threading
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, TimestampSigner

from jobs.verbs.permission import deed, require
from store import actors, audit, people
from store.actors import ANYBODY, NOBODY, Actor, Role
from store.errors import NotAllowed, NotFound, Refused, TooManyError
from store.people import Person, Token
from store.program import COMMAND
from store.settings import make_home, settings
from store.tables import now

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SESSION = timedelta(days=7)
TOKEN_DAYS = 365
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000
TOKEN_BEGINS = "ty_"
REFUSED = "sign in: refused"

# Failed sign-ins are free for a few times, then each costs twice the wait of the one before.
MEMORY = timedelta(minutes=15)
FREE_FOR_A_NAME, FREE_FOR_AN_ADDRESS = 4, 20
LONGEST_WAIT = 60.0
QUEUE_SECONDS = 5.0

_required = False
_open_to_others = False
# One at a time: each check costs memory and time, on purpose, and the next must see the failure of the one before.
_checking = threading.Lock()


class TooManyTriesError(TooManyError):
    """Too many wrong passwords; the sentence says when to try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many tries. Wait {max(1, round(seconds))} s, then try again.", seconds)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, and the only time its text is known."""

    token: Token
    text: str

    @property
    def id(self) -> int:
        return self.token.id


def require_sign_in() -> None:
    """From now on nobody gets in without signing in, even when there is nobody who could."""
    global _required
    _required = True


def let_everybody_in() -> None:
    """Others reach this process and nobody has to sign in; so none of them may make themselves the first admin."""
    global _open_to_others
    _open_to_others = True


def must_sign_in() -> bool:
    return _required or people.exist()


def anybody_known() -> bool:
    return people.exist()


@deed("add person", role=Role.admin, named=True)
def add(name: str, role: str, password: str | None) -> Person:
    """Let somebody sign in; without a password only through a single sign-on or with tokens."""
    if _open_to_others and not people.exist():
        raise NotAllowed(
            f"The first person is added by whoever runs this app, on its machine: {COMMAND} user add NAME --role admin"
        )
    clean = _name(name)
    return people.add(clean, _role(role), _hashed(password, clean) if password is not None else None)


@deed("change role of", role=Role.admin, named=True)
def set_role(name: str, role: str) -> Person:
    people.change(people.get(name).id, role=_role(role))
    return people.get(name)


@deed("set password of", role=Role.admin, named=True)
def set_password(name: str, password: str) -> Person:
    """Give somebody a new password; their browsers have to sign in again."""
    person = people.get(name)
    people.change(person.id, password=_hashed(password, person.name))
    return person


@deed("change own password", role=Role.viewer)
def change_own_password(before: str, password: str) -> None:
    """Change one's own password, knowing the one before; every browser has to sign in again."""
    person = _myself()
    if not _matches(person, before):
        raise Refused("The password of before is not right.", "before")
    people.change(person.id, password=_hashed(password, person.name))


@deed("remove person", role=Role.admin, named=True)
def remove(name: str) -> Person:
    """Shut somebody out, at once; what they made stays."""
    person = people.get(name)
    people.remove(person.id)
    return person


@deed("sign out everywhere", role=Role.admin, named=True)
def sign_out_everywhere(name: str) -> int:
    """End every session of a person; returns how many there were."""
    return people.end_sessions(people.get(name).id)


@deed("make token for", role=Role.admin, named=True)
def make_token(name: str, label: str = "", days: int = TOKEN_DAYS) -> NewToken:
    """A token that lets a program act as this person."""
    return _make_token(people.get(name), label, days)


@deed("make own token", role=Role.viewer)
def make_own_token(label: str = "", days: int = TOKEN_DAYS) -> NewToken:
    return _make_token(_myself(), label, days)


@deed("remove token", "token", Role.admin)
def remove_token(token_id: int) -> Token:
    return people.remove_token(token_id)


@deed("remove own token", "token", Role.viewer)
def remove_own_token(token_id: int) -> Token:
    return people.remove_token(token_id, _myself().id)


def tokens_of(name: str) -> list[Token]:
    """The tokens of a person, without their text; for admins only."""
    require(Role.admin)
    return people.tokens_of(people.get(name).id)


def own_tokens() -> list[Token]:
    return people.tokens_of(_myself().id)


def sign_in(name: str, password: str, address: str) -> str:
    """Check a name and its password; returns what the browser is to show from now on."""
    if not _checking.acquire(timeout=QUEUE_SECONDS):
        raise TooManyTriesError(QUEUE_SECONDS)
    try:
        person = people.find(name) if len(name) <= 200 else None
        _slow_down(name, person, address)
        if not _matches(person, password):
            audit.add(Actor("", None, "page", address), REFUSED, _tried(name))
            raise Refused("This name and password do not belong together.", "password")
        assert person is not None
        return _open_session(person, address)
    finally:
        _checking.release()


def sign_in_as(name: str, address: str, through: str) -> str | None:
    """Let somebody in whom a single sign-on has vouched for, if we know them."""
    person = people.find(name)
    return _open_session(person, address, through) if person else None


def sign_out(cookie: str) -> None:
    """End the session that this cookie stands for."""
    if (secret := _secret_in(cookie)) and (person := people.of_session(_sha256(secret))):
        people.end_session(_sha256(secret))
        audit.add(_actor(person, "page", ""), "sign out")


def visitor(cookie: str | None, address: str = "") -> Actor:
    """Who shows this cookie: a person who signed in, anybody where nobody has to, else nobody."""
    secret = _secret_in(cookie) if cookie else None
    if secret and (person := people.of_session(_sha256(secret))):
        return _actor(person, "page", address)
    return NOBODY if must_sign_in() else ANYBODY


def program(token: str, address: str = "") -> Actor:
    """Whose program shows this token."""
    person = people.of_token(_sha256(token)) if token.startswith(TOKEN_BEGINS) else None
    return _actor(person, "api", address) if person else NOBODY


def cookie_name() -> str:
    """Browsers keep one cookie of a name for all ports of a machine; two homes on it must not share theirs."""
    return f"trainyard-{hashlib.sha256(os.fsencode(settings().folder)).hexdigest()[:8]}"


def look_at_deeds(who: str = "", limit: int = 100, offset: int = 0) -> tuple[list[audit.Deed], int]:
    """Who did what, the newest first, and how many rows there are; for admins only."""
    require(Role.admin)
    return audit.find(who, limit, offset), audit.count(who)


def everybody() -> list[Person]:
    """Everybody who may sign in; for admins only."""
    require(Role.admin)
    return people.everybody()


def in_use() -> dict[int, people.InUse]:
    """How many sessions and tokens each person has; for admins only."""
    require(Role.admin)
    return people.in_use()


def a_password() -> str:
    """A password to hand over once; nobody has to think of it."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


def _actor(person: Person, via: str, address: str) -> Actor:
    return Actor(person.name, Role(person.role), via, address, person.id)


def _myself() -> Person:
    actor = actors.current()
    person = people.find(actor.name) if actor.person_id is not None else None
    if person is None:
        raise NotFound("Nobody is signed in here.")
    return person


def _make_token(person: Person, label: str, days: int) -> NewToken:
    if not 1 <= days <= 3650:
        raise Refused("A token lasts from 1 to 3,650 days.", "days")
    text = TOKEN_BEGINS + secrets.token_urlsafe(32)
    label = " ".join(label.split())[:80] or "token"
    return NewToken(people.add_token(person.id, label, _sha256(text), timedelta(days=days)), text)


def _open_session(person: Person, address: str, through: str = "") -> str:
    secret = secrets.token_urlsafe(32)
    people.open_session(person.id, _sha256(secret), SESSION)
    audit.add(_actor(person, "page", address), "sign in", through)
    return _signer(_key_file()).sign(secret).decode()


def _secret_in(cookie: str) -> str | None:
    """What is signed in a cookie, unless somebody else wrote it or it is too old."""
    try:
        return _signer(_key_file()).unsign(cookie, max_age=int(SESSION.total_seconds())).decode()
    except (BadSignature, UnicodeError):
        return None


def _key_file() -> Path:
    return make_home() / "cookie.key"


@lru_cache(maxsize=4)
def _signer(key_file: Path) -> TimestampSigner:
    """Signs with a key of this home, made when first needed; linked, so that nobody reads half of it."""
    if not key_file.exists():
        made = key_file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        made.write_text(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(made, key_file)
        made.unlink()
    return TimestampSigner(key_file.read_text(), salt="session", digest_method=hashlib.sha256)


def _slow_down(name: str, person: Person | None, address: str) -> None:
    since = now() - MEMORY
    own = max(since, person.signed_in_at) if person and person.signed_in_at else since
    waits = [
        _wait(audit.failures(REFUSED, own, about=_tried(name)), FREE_FOR_A_NAME),
        _wait(audit.failures(REFUSED, since, address=address), FREE_FOR_AN_ADDRESS) if address else 0.0,
    ]
    if (seconds := max(waits)) > 0:
        raise TooManyTriesError(seconds)


def _wait(failed: audit.Failures, free: int) -> float:
    if failed.last is None or failed.count < free:
        return 0.0
    pause = min(2.0 ** (failed.count - free), LONGEST_WAIT)
    return pause - max(0.0, (now() - failed.last).total_seconds())


def _tried(name: str) -> str:
    return people.key(name[:200])[:200] or "?"


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Refused(f"There is no role {role[:40]!r}; choose from {', '.join(Role)}.", "role") from None


def _name(name: str) -> str:
    """A name to sign in with: letters and digits of any language, and a few signs, such as a mail address has."""
    clean = unicodedata.normalize("NFKC", name).strip()
    if not clean or len(clean) > 80 or not all(sign.isalnum() or sign in "._-@+" for sign in clean):
        raise Refused("A name has 1 to 80 letters, digits, dots, dashes, underscores, @ or +.", "name")
    return clean


def _hashed(password: str, name: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refused(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters.", "password")
    if people.key(name) in people.key(password) or len(set(password)) < 5:
        raise Refused(
            "This password is easy to guess; choose one without the name and with varied characters.", "password"
        )
    return _hasher().hash(password)


def _matches(person: Person | None, password: str) -> bool:
    """Takes the same time whether or not the person exists."""
    from argon2.exceptions import InvalidHashError, VerificationError

    kept = person.password if person and person.password else _nobodys_password()
    try:
        _hasher().verify(kept, password[:LONGEST_PASSWORD])
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


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
