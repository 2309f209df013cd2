"""Leases: which process may do a job that only one may do at a time.

The holder changes its row every few seconds. Another process takes over once it has seen the same row for the length
of the lease, by its own clock: clocks of different hosts are never compared, and may be wrong or jump.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from store import db
from store.tables import leases, now

SECONDS = 6.0
# The time between two looks counts for this share of a lease at most: a process that was suspended saw nothing.
LARGEST_SHARE = 0.5


@dataclass
class Lease:
    """One process's part in a lease; renew it about three times in its length."""

    name: str
    owner: str
    seconds: float = SECONDS
    _seen: "tuple[str, datetime] | None" = field(default=None, init=False)
    _looked: float = field(default=0.0, init=False)
    _unchanged: float = field(default=0.0, init=False)
    _mark: datetime | None = field(default=None, init=False)

    def hold(self) -> bool:
        """Take or renew the lease; False while another process has it."""
        at = time.monotonic()
        with db.reading() as connection:
            row = connection.execute(select(leases.c.owner, leases.c.until).where(leases.c.name == self.name)).first()
        if row is None:
            return self._insert()
        seen = (row.owner, row.until)
        return self._replace(seen) if self._is_free(seen, at) else False

    def _is_free(self, seen: tuple[str, datetime], at: float) -> bool:
        """Whether it is ours, or the row has not changed for the length of the lease."""
        if seen[0] == self.owner and self._mark in (None, seen[1]):
            return True  # a restarted process continues the lease of its predecessor
        same = seen == self._seen
        self._unchanged = self._unchanged + min(at - self._looked, self.seconds * LARGEST_SHARE) if same else 0.0
        self._seen, self._looked = seen, at
        return self._unchanged >= self.seconds

    def _insert(self) -> bool:
        mark = self._new_mark()
        try:
            with db.updating() as connection:
                connection.execute(leases.insert().values(name=self.name, owner=self.owner, until=mark))
        except IntegrityError:  # another process was first
            return False
        self._mark = mark
        return True

    def _replace(self, seen: tuple[str, datetime]) -> bool:
        """Change the row if it is still the one that was seen."""
        mark = max(self._new_mark(), seen[1] + timedelta(microseconds=1))
        unchanged = (leases.c.name == self.name, leases.c.owner == seen[0], leases.c.until == seen[1])
        with db.updating() as connection:
            changed = connection.execute(update(leases).where(*unchanged).values(owner=self.owner, until=mark)).rowcount
        self._mark = mark if changed else self._mark
        return bool(changed)

    def _new_mark(self) -> datetime:
        """A time for people who read the row; what counts is that it differs from every one before."""
        return now() + timedelta(seconds=self.seconds)


_held: dict[tuple[str, str], Lease] = {}


def take(name: str, owner: str, seconds: float = SECONDS) -> bool:
    """Take or renew a lease of this process; False while another process has it."""
    return _held.setdefault((name, owner), Lease(name, owner, seconds)).hold()
