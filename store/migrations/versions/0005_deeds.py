"""Deeds are facts: a code with values, and how often a refusal was repeated. Old rows are read, for the last time."""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBERED = re.compile(r"^(?P<way>as )?(?P<noun>workflow|dataset|step|token) (?P<numbers>\d+(?:, \d+)*)$")
QUEUE = re.compile(r"^queue (?P<queue>.+)$")
NAMED = (
    "add person",
    "change role of",
    "set password of",
    "change",
    "remove person",
    "sign out everywhere",
    "make token for",
)
BY_ITSELF = ("change own password", "make own token", "make backup", "restore backup", "sign in", "sign out")
WITH = {
    "refused": ("route_refused", "route"),
    "sign in: refused": ("sign_in_refused", "name"),
    "change own password: wrong": ("change_own_password_wrong", "name"),
    "sign in": ("sign_in_through", "through"),
}
AT_ONCE = 5_000


def upgrade() -> None:
    op.add_column("deeds", sa.Column("code", sa.String(60), nullable=False, server_default="text"))
    op.add_column("deeds", sa.Column("values", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("deeds", sa.Column("count", sa.Integer(), nullable=False, server_default="1"))
    deeds = sa.table(
        "deeds",
        sa.column("id"),
        sa.column("what"),
        sa.column("about"),
        sa.column("code"),
        sa.column("values", sa.JSON()),
    )
    connection = op.get_bind()
    written = (
        sa.update(deeds)
        .where(deeds.c.id == sa.bindparam("row"))
        .values({"code": sa.bindparam("new_code"), "values": sa.bindparam("new_values", type_=sa.JSON())})
    )
    last = 0
    while rows := connection.execute(
        sa.select(deeds.c.id, deeds.c.what, deeds.c.about).where(deeds.c.id > last).order_by(deeds.c.id).limit(AT_ONCE)
    ).all():
        read = [(row.id, *_read(row.what, row.about)) for row in rows]
        connection.execute(
            written, [{"row": row, "new_code": code, "new_values": values} for row, code, values in read]
        )
        last = rows[-1].id


def _read(what: str, about: str) -> tuple[str, dict[str, Any]]:
    """The code and values of an old row; words that nobody wrote with a code stay words."""
    if what in WITH and about:
        code, name = WITH[what]
        return f"deed_{code}", {name: about}
    if what.endswith(": refused"):
        return "deed_refused", {"what": what.removesuffix(": refused")}
    if what in NAMED and about:
        return _code(what), {"name": about}
    if match := NUMBERED.match(about):
        numbers = [int(number) for number in match["numbers"].split(", ")]
        value = numbers if len(numbers) > 1 else numbers[0]
        return _code(f"{what} {match['way'] or ''}{match['noun']}"), {match["noun"]: value}
    if match := QUEUE.match(about):
        return _code(f"{what} queue"), {"queue": match["queue"]}
    if what in BY_ITSELF and not about:
        return _code(what), {}
    return "text", {"text": f"{what} {about}".strip()}


def _code(words: str) -> str:
    return "deed_" + "_".join(words.split())
