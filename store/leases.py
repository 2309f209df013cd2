"""Leases: who may do a job that only one may do at a time."""

from datetime import timedelta

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError

from store import db
from store.tables import leases, now


def take(name: str, owner: str, seconds: float) -> bool:
    """Take or renew a lease; False while somebody else has it. One that ends later than any can was taken by a clock
    that has been put back since, and is free."""
    until = now() + timedelta(seconds=seconds)
    try:
        with db.writing() as connection:
            free = or_(leases.c.owner == owner, leases.c.until < now(), leases.c.until > until)
            if connection.execute(
                update(leases).where(leases.c.name == name, free).values(owner=owner, until=until)
            ).rowcount:
                return True
            connection.execute(leases.insert().values(name=name, owner=owner, until=until))
            return True
    except IntegrityError:
        return False
