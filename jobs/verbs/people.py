"""The verbs on people: who may sign in, with which role, and the sessions and tokens that stand for them.

Sign-in is off until the first person is added, unless other machines can reach the app.
"""

import hashlib
import os
import secrets
import threading
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner

from jobs.verbs import passwords
from jobs.verbs.access import ACCESS, must_sign_in
from jobs.verbs.permission import deed, require
from store import actors, audit, people
from store.actors import ANYBODY, NOBODY, Actor, Role
from store.errors import ForbiddenError, InvalidError, NotFoundError
from store.messages import Message
from store.people import Person, Token
from store.program import COMMAND
from store.settings import make_home, settings

# Scripts with letters that look like those of another.
CONFUSABLE_SCRIPTS = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}
SESSION = timedelta(days=7)
TOKEN_DAYS, MOST_TOKEN_DAYS = 365, 3650
LONGEST_NAME = 80
SHORTEST_PASSWORD, LONGEST_PASSWORD = passwords.SHORTEST, passwords.LONGEST
MOST_TOKENS = 50
TOKEN_BEGINS = "ty_"
REFUSED = "sign in: refused"
WRONG_PASSWORD = "change own password: wrong"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, and the only time its text is known."""

    token: Token
    text: str

    @property
    def id(self) -> int:
        return self.token.id


def anybody_known() -> bool:
    return people.exist()


@deed("add person", role=Role.admin, named=True)
def add(name: str, role: str, password: str | None) -> Person:
    """Add a person who may sign in; without a password, only through single sign-on or with tokens."""
    if ACCESS.open_to_others and not people.exist():
        raise ForbiddenError(Message("first_person_by_operator", {"command": COMMAND}))
    _only_in_person()
    clean = _name(name)
    return people.add(clean, _role(role), passwords.hashed(password, clean) if password is not None else None)


@deed("change role of", role=Role.admin, named=True)
def set_role(name: str, role: str) -> Person:
    return change(name, role=role)


@deed("set password of", role=Role.admin, named=True)
def set_password(name: str, password: str) -> Person:
    """Give a person a new password; their sessions and tokens end."""
    return change(name, password=password)


@deed("change", role=Role.admin, named=True)
def change(name: str, role: str | None = None, password: str | None = None) -> Person:
    """Change the role, the password or both, or nothing at all where one of them is refused."""
    person = people.get(name)
    new_role = _role(role) if role is not None else None
    if password is not None or (new_role is not None and not Role(person.role).covers(new_role)):
        _only_in_person()
    new_password = passwords.hashed(password, person.name) if password is not None else None
    people.change(person.id, role=new_role, password=new_password)
    return people.get(name)


@deed("change own password", role=Role.viewer)
def change_own_password(current: str, password: str) -> None:
    """Change the password of the current actor, given the current one; their sessions and tokens end."""
    _only_in_person()
    person = _myself()
    if not passwords.check(WRONG_PASSWORD, people.key(person.name), person, current, actors.current()):
        raise InvalidError(Message("wrong_password"), "before")
    people.change(person.id, password=passwords.hashed(password, person.name))


@deed("remove person", role=Role.admin, named=True)
def remove(name: str) -> Person:
    """Remove a person, whose access ends at once; what they made stays."""
    _only_in_person()
    person = people.get(name)
    people.remove(person.id)
    return person


@deed("sign out everywhere", role=Role.admin, named=True)
def sign_out_everywhere(name: str) -> people.AccessCounts:
    """End every session and token of a person, as when a laptop is lost; returns how many there were."""
    return people.end_all(people.get(name).id)


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
    """Check a name and its password; returns what the browser shows from now on."""
    person = people.find(name) if len(name) <= 200 else None
    tried = people.key(name[:200])[:200] or "?"
    if not passwords.check(REFUSED, tried, person, password, Actor("", None, "page", address)):
        raise InvalidError(Message("wrong_name_or_password"), "password")
    assert person is not None
    return _open_session(person, address)


def sign_in_as(name: str, address: str, through: str) -> str | None:
    """Open a session for a person whom single sign-on has verified, if they have an account."""
    person = people.find(name)
    return _open_session(person, address, through) if person else None


def sign_out(cookie: str) -> None:
    """End the session that this cookie stands for."""
    if (secret := _secret_in(cookie)) and (person := people.of_session(_sha256(secret))):
        people.end_session(_sha256(secret))
        audit.add(_actor(person, "page", ""), "sign out", "", Message("deed_sign_out"))


def visitor(cookie: str | None, address: str = "") -> Actor:
    """Return the actor of this cookie: a signed-in person; without one, an anonymous actor where sign-in is off."""
    secret = _secret_in(cookie) if cookie else None
    if secret and (person := people.of_session(_sha256(secret))):
        return _actor(person, "page", address)
    return NOBODY if must_sign_in() else ANYBODY


def program(token: str, address: str = "") -> Actor:
    """Whose program shows this token."""
    person = people.of_token(_sha256(token)) if token.startswith(TOKEN_BEGINS) else None
    return replace(_actor(person, "api", address), by_token=True) if person else NOBODY


def cookie_name() -> str:
    """Browsers keep one cookie of a name for all ports of a machine; two homes on it must not share theirs."""
    return f"trainyard-{hashlib.sha256(os.fsencode(settings().folder)).hexdigest()[:8]}"


def list_deeds(who: str = "", limit: int = 100, offset: int = 0) -> tuple[list[audit.Deed], int]:
    """Who did what, the newest first, and how many rows there are; for admins only."""
    require(Role.admin)
    return audit.find(who, limit, offset), audit.count(who)


def everybody() -> list[Person]:
    """Everybody who may sign in; for admins only."""
    require(Role.admin)
    return people.everybody()


def access_counts() -> dict[int, people.AccessCounts]:
    """How many sessions and tokens each person has; for admins only."""
    require(Role.admin)
    return people.access_counts()


def _actor(person: Person, via: str, address: str) -> Actor:
    return Actor(person.name, Role(person.role), via, address, person.id)


def _myself() -> Person:
    actor = actors.current()
    person = people.find(actor.name) if actor.person_id is not None else None
    if person is None:
        raise NotFoundError(Message("nobody_signed_in"))
    return person


def _only_in_person() -> None:
    """Refuse a token: one that was stolen must not give access that outlives it, nor remove those who could end it."""
    if actors.current().by_token:
        raise ForbiddenError(Message("browser_needed"))


def _make_token(person: Person, label: str, days: int) -> NewToken:
    _only_in_person()
    if not 1 <= days <= MOST_TOKEN_DAYS:
        raise InvalidError(Message("token_days", {"most": MOST_TOKEN_DAYS}), "days")
    text = TOKEN_BEGINS + secrets.token_urlsafe(32)
    label = " ".join(label.split())[:80] or "token"
    token = people.add_token(person.id, label, _sha256(text), timedelta(days=days), MOST_TOKENS)
    return NewToken(token, text)


def _open_session(person: Person, address: str, through: str = "") -> str:
    secret = secrets.token_urlsafe(32)
    people.open_session(person.id, _sha256(secret), SESSION)
    message = Message("deed_sign_in_through", {"through": through}) if through else Message("deed_sign_in")
    audit.add(_actor(person, "page", address), "sign in", through, message)
    return _signer(_key_file()).sign(secret).decode()


def _secret_in(cookie: str) -> str | None:
    """Return the signed content of a cookie; None when the signature is not ours or too old."""
    try:
        return _signer(_key_file()).unsign(cookie, max_age=int(SESSION.total_seconds())).decode()
    except (BadSignature, UnicodeError):
        return None


def _key_file() -> Path:
    return make_home() / "cookie.key"


@lru_cache(maxsize=4)
def _signer(key_file: Path) -> TimestampSigner:
    """Signs with a key of this home, made when first needed; linked into place, so that no process reads half of it."""
    if not key_file.exists():
        made = key_file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        made.write_text(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(made, key_file)
        made.unlink()
    return TimestampSigner(key_file.read_text(), salt="session", digest_method=hashlib.sha256)


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise InvalidError(
            Message("no_such_role", {"role": role[:40], "roles": [str(each) for each in Role]}), "role"
        ) from None


def _name(name: str) -> str:
    """A name to sign in with: letters and digits of any language, and a few signs, such as a mail address has."""
    clean = unicodedata.normalize("NFKC", name).strip()
    if any(sign.isspace() for sign in clean):
        raise InvalidError(Message("name_with_space", {"better": "".join(clean[:LONGEST_NAME].split())}), "name")
    if not clean or len(clean) > LONGEST_NAME or not all(sign.isalnum() or sign in "._-@+" for sign in clean):
        raise InvalidError(Message("name_malformed", {"most": LONGEST_NAME}), "name")
    if not clean[0].isalnum():
        raise InvalidError(Message("name_begins_wrong"), "name")
    if len({unicodedata.name(sign, "?").split()[0] for sign in clean if sign.isalpha()} & CONFUSABLE_SCRIPTS) > 1:
        raise InvalidError(Message("name_mixed_scripts"), "name")
    return clean


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
