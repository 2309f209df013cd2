"""What the steps above a step left for it."""

from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from store import outputs
from store.messages import Message
from store.steps.reads import artifacts_in
from store.steps.records import Upstream
from store.tables import Status, needs, steps


def whole(connection: Connection, step_id: int) -> dict[str, Upstream]:
    """What everything above left, however far above."""
    rows = connection.execute(_ALL_ABOVE, {"this": step_id}).all()
    refs = artifacts_in(connection, [row.id for row in rows])
    return {row.key: Upstream(row.result or {}, row.fingerprint or "", refs.get(row.id, {})) for row in rows}


def direct(connection: Connection, step_id: int) -> dict[str, Upstream]:
    """What a plain function can be given: that of the steps that it needs itself, without their results."""
    rows = connection.execute(_ABOVE, {"this": step_id}).all()
    refs = artifacts_in(connection, [row.id for row in rows])
    handed = outputs.handed_by(connection, [row.id for row in rows])
    return {
        row.key: Upstream(
            {},
            row.fingerprint or "",
            refs.get(row.id, {}),
            handed.get(row.id, {}),
            None if row.status is Status.completed else row.error or Message("not_run", {"status": str(row.status)}),
        )
        for row in rows
    }


def nothing(connection: Connection, step_id: int) -> dict[str, Upstream]:
    """A flow looks up what its steps left when it asks for it."""
    return {}


def _all_above() -> Select[Any]:
    above = select(needs.c.needs_id).where(needs.c.step_id == bindparam("this")).cte("above", recursive=True)
    above = above.union(select(needs.c.needs_id).join(above, needs.c.step_id == above.c.needs_id))
    return select(steps.c.id, steps.c.key, steps.c.result, steps.c.fingerprint).where(
        steps.c.id.in_(select(above.c.needs_id))
    )


_ALL_ABOVE = _all_above()
_ABOVE = (
    select(steps.c.id, steps.c.key, steps.c.fingerprint, steps.c.status, steps.c.error)
    .join(needs, needs.c.needs_id == steps.c.id)
    .where(needs.c.step_id == bindparam("this"))
)
