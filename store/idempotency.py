"""Requests that are sent twice: the second one finds what the first one has made."""

from sqlalchemy import Connection, Table, or_, select

from store.errors import InvalidError
from store.messages import Message


def made_by(connection: Connection, table: Table, request: str | None) -> int | None:
    """The row that this request has made already. A request may be a key and a digest of its content, with a colon
    between them: the same key with another content is refused. A digest is hexadecimal, so every one of a key lies in
    a range of the index, in whatever order a database has letters; a LIKE would read the whole table."""
    if not request:
        return None
    key = request.partition(":")[0]
    same_key = or_(table.c.request == request, table.c.request.between(f"{key}:", f"{key}:g"))
    row = connection.execute(select(table.c.id, table.c.request).where(same_key)).first()
    if row is None:
        return None
    if row.request != request:
        raise InvalidError(Message("key_reused"), "Idempotency-Key")
    return int(row.id)
