"""People who may sign in, the sessions of their browsers, and the tokens of their programs.

Of what a browser or a program shows, only the sha256 is stored, so that a copy of the database gives no access.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from store import db
from store.actors import Role
from store.errors import ConflictError, NotFoundError
from store.messages import Message
from store.records import record
from store.tables import now, people, sessions, tokens

USED_MINUTES = 1
# Asked with each message of each open page: put together once.
_OF_SESSION = (
    select(people)
    .join(sessions)
    .where(sessions.c.sha256 == bindparam("sha256"), sessions.c.expires_at > bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    role: str
    password: str | None
    created_at: datetime
    signed_in_at: datetime | None

    @property
    def has_password(self) -> bool:
        return self.password is not None


@dataclass(frozen=True, slots=True)
class Token:
    id: int
    person_id: int
    label: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def key(name: str) -> str:
    """Names that look the same are the same: case, and the two Turkish i, make no difference."""
    folded = unicodedata.normalize("NFKC", name.replace("\0", "")).replace("İ", "i").replace("ı", "i").casefold()
    return unicodedata.normalize("NFC", folded)


def add(name: str, role: Role, password: str | None) -> Person:
    try:
        with db.writing() as connection:
            row = connection.execute(
                people.insert()
                .values(name=name, key=key(name), role=str(role), password=password, created_at=now())
                .returning(*people.c)
            ).one()
            return record(Person, row)
    except IntegrityError:
        raise ConflictError(Message("person_exists", {"name": name}), "name") from None


def get(name: str) -> Person:
    if (person := find(name)) is None:
        raise NotFoundError(Message("no_such_person", {"name": name[:80]}), "name")
    return person


def find(name: str) -> Person | None:
    with db.reading() as connection:
        row = connection.execute(select(people).where(people.c.key == key(name))).one_or_none()
        return record(Person, row) if row else None


def everybody() -> list[Person]:
    with db.reading() as connection:
        return [record(Person, row) for row in connection.execute(select(people).order_by(people.c.key))]


def exist() -> bool:
    """Tell whether there are accounts, so that sign-in is on."""
    with db.reading() as connection:
        return connection.scalar(select(people.c.id).limit(1)) is not None


def change(person_id: int, *, role: Role | None = None, password: str | None = None) -> None:
    """Change a role, a password or both; a new password ends every session and token."""
    values = {name: value for name, value in (("role", role and str(role)), ("password", password)) if value}
    with db.writing() as connection:
        if role not in (None, Role.admin):
            _keep_an_admin(connection, person_id)
        if values:
            connection.execute(update(people).where(people.c.id == person_id).values(**values))
        if password:
            _end_all(connection, person_id)


def remove(person_id: int) -> None:
    """Forget a person, with their sessions and tokens; what they made stays."""
    with db.writing() as connection:
        _keep_an_admin(connection, person_id)
        connection.execute(delete(people).where(people.c.id == person_id))


@dataclass(frozen=True, slots=True)
class AccessCounts:
    """How many sessions and tokens of a person are valid."""

    sessions: int = 0
    tokens: int = 0


def access_counts() -> dict[int, AccessCounts]:
    """By person; who has neither session nor token is left out."""
    counts: dict[int, dict[str, int]] = {}
    with db.reading() as connection:
        for table in (sessions, tokens):
            query = select(table.c.person_id, func.count()).where(table.c.expires_at > now())
            for person_id, count in connection.execute(query.group_by(table.c.person_id)):
                counts.setdefault(person_id, {})[table.name] = count
    return {person_id: AccessCounts(**counted) for person_id, counted in counts.items()}


def open_session(person_id: int, sha256: str, lasts: timedelta) -> None:
    at = now()
    with db.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.expires_at < at))
        connection.execute(
            sessions.insert().values(sha256=sha256, person_id=person_id, created_at=at, expires_at=at + lasts)
        )
        connection.execute(update(people).where(people.c.id == person_id).values(signed_in_at=at))


def end_session(sha256: str) -> None:
    with db.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.sha256 == sha256))


def end_all(person_id: int) -> AccessCounts:
    """End every session and token of a person; returns how many there were."""
    with db.writing() as connection:
        return _end_all(connection, person_id)


def of_session(sha256: str) -> Person | None:
    """Whose session this is, while it lasts."""
    with db.reading() as connection:
        row = connection.execute(_OF_SESSION, {"sha256": sha256, "now": now()}).one_or_none()
        return record(Person, row) if row else None


def add_token(person_id: int, label: str, sha256: str, lasts: timedelta, most: int) -> Token:
    """Keep a new token; those that are over go. Refused where the person has `most` that are not."""
    at, own = now(), tokens.c.person_id == person_id
    with db.writing() as connection:
        connection.execute(delete(tokens).where(own, tokens.c.expires_at < at))
        if (connection.scalar(select(func.count()).select_from(tokens).where(own)) or 0) >= most:
            raise ConflictError(Message("too_many_tokens", {"count": most}))
        row = connection.execute(
            tokens.insert()
            .values(person_id=person_id, label=label, sha256=sha256, created_at=at, expires_at=at + lasts)
            .returning(*tokens.c)
        ).one()
        return record(Token, row)


def tokens_of(person_id: int) -> list[Token]:
    with db.reading() as connection:
        rows = connection.execute(select(tokens).where(tokens.c.person_id == person_id).order_by(tokens.c.id))
        return [record(Token, row) for row in rows]


def remove_token(token_id: int, person_id: int | None = None) -> Token:
    """Take a token back; only one of this person's when named."""
    own = [tokens.c.person_id == person_id] if person_id is not None else []
    with db.writing() as connection:
        row = connection.execute(delete(tokens).where(tokens.c.id == token_id, *own).returning(*tokens.c)).one_or_none()
    if row is None:
        raise NotFoundError(Message("no_such_token", {"token": token_id}), "token_id")
    return record(Token, row)


def of_token(sha256: str) -> Person | None:
    """Whose token this is, while it lasts; that it was used is noted once a minute."""
    query = select(people, tokens.c.id.label("token_id"), tokens.c.used_at).join(tokens)
    with db.reading() as connection:
        row = connection.execute(query.where(tokens.c.sha256 == sha256, tokens.c.expires_at > now())).one_or_none()
    if row is None:
        return None
    if row.used_at is None or row.used_at < now() - timedelta(minutes=USED_MINUTES):
        with db.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == row.token_id).values(used_at=now()))
    return record(Person, row)


def _end_all(connection: Connection, person_id: int) -> AccessCounts:
    ended = {
        table.name: connection.execute(delete(table).where(table.c.person_id == person_id)).rowcount
        for table in (sessions, tokens)
    }
    return AccessCounts(**ended)


def _keep_an_admin(connection: Connection, person_id: int) -> None:
    """Refuse to remove the last admin while other accounts remain."""
    others = select(func.count()).select_from(people).where(people.c.id != person_id)
    admins: Sequence[int] = connection.scalars(select(people.c.id).where(people.c.role == str(Role.admin))).all()
    if list(admins) == [person_id] and connection.scalar(others):
        raise ConflictError(Message("last_admin"), "role")
