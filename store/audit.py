"""The audit trail: one row for each change that a person made or tried to make."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from store import db
from store.actors import Actor
from store.messages import Message, Values
from store.people import key
from store.records import record
from store.tables import deeds, now

SIGNED_IN = "sign in"
REPEATED = timedelta(minutes=1)
KEPT = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Deed:
    id: int
    at: datetime
    who: str
    via: str
    what: str
    about: str
    address: str
    code: str
    values: Values
    count: int

    @property
    def message(self) -> Message:
        """What was done, as a code with values."""
        return Message(self.code, self.values)


def add(actor: Actor, what: str, about: str = "", message: Message | None = None) -> None:
    """Record what was done; with each sign-in, deeds older than a year are forgotten."""
    message = message or Message("text", {"text": f"{what} {about}".strip()})
    with db.writing() as connection:
        if what == SIGNED_IN:
            connection.execute(deeds.delete().where(deeds.c.at < now() - KEPT))
        row = {"at": now(), "who": actor.name[:80], "via": actor.via, "what": what, "about": about[:200]}
        connection.execute(deeds.insert(), row | {"address": actor.address[:60], **message.as_json()})


def add_refusal(actor: Actor, what: str, about: str, message: Message) -> None:
    """Record that something was refused; the same refusal again within a minute is counted in the same row."""
    same = (deeds.c.who == actor.name[:80], deeds.c.what == what, deeds.c.about == about[:200])
    repeated = update(deeds).where(*same, deeds.c.at > now() - REPEATED).values(count=deeds.c["count"] + 1)
    with db.writing() as connection:
        if connection.execute(repeated).rowcount:
            return
    add(actor, what, about, message)


def find(who: str = "", limit: int = 100, offset: int = 0) -> list[Deed]:
    """The newest first; of one person when named."""
    query = select(deeds).where(*_of(who)).order_by(deeds.c.id.desc()).limit(limit).offset(offset)
    with db.reading() as connection:
        return [record(Deed, row) for row in connection.execute(query)]


def count(who: str = "") -> int:
    with db.reading() as connection:
        return connection.scalar(select(func.count()).select_from(deeds).where(*_of(who))) or 0


@dataclass(frozen=True, slots=True)
class Failures:
    """How often something failed lately, and when last."""

    count: int
    last: datetime | None


def failures(what: str, since: datetime, about: str = "", address: str = "") -> Failures:
    """Deeds of this kind since then, about one thing or from one address."""
    conditions: Sequence[ColumnElement[bool]] = [
        deeds.c.what == what,
        deeds.c.at >= since,
        *([deeds.c.about == about] if about else []),
        *([deeds.c.address == address[:60]] if address else []),
    ]
    query = select(func.count().label("count"), func.max(deeds.c.at).label("last")).where(*conditions)
    with db.reading() as connection:
        return record(Failures, connection.execute(query).one())


def has_signed_in_from(who: str, address: str) -> bool:
    """Tell whether this person has signed in from this address before, as far back as the audit trail reaches."""
    query = select(deeds.c.id).where(deeds.c.what == SIGNED_IN, deeds.c.who == who, deeds.c.address == address[:60])
    with db.reading() as connection:
        return bool(address) and connection.scalar(query.limit(1)) is not None


def _of(who: str) -> list[ColumnElement[bool]]:
    """Match what a person did, and what an unknown visitor did with their name, such as trying to sign in."""
    about = and_(deeds.c.who == "", deeds.c.about.in_([who, key(who)]))
    return [or_(deeds.c.who == who, about)] if who else []
