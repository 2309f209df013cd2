"""Any pipeline: datasets, targets and algorithms leave the workflow; attempts, messages and scores are facts.

What every workflow had is kept: its dataset becomes the input `data`, target and algorithm become params and facets.
Attempts are read, for the last time, from what the log said of them.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

DAY = 24 * 3600
FOLLOWS = re.compile(r"^(?P<reason>.*) Attempt (?P<attempt>\d+) follows\.$", re.DOTALL)
CONTINUES = re.compile(r"^Attempt (?P<attempt>\d+) continues from epoch (?P<epoch>\d+)\.$")
AT_ONCE = 5_000


def upgrade() -> None:
    _make_inputs_and_facets()
    _move_params()
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_workflows()
        _rebuild_steps()
    else:
        _alter_workflows()
        _alter_steps()
    _rebuild_scores()
    op.add_column("logs", sa.Column("message", sa.JSON(), nullable=True))
    _make_attempts()
    _write_errors_as_messages()


def _make_inputs_and_facets() -> None:
    op.create_table(
        "inputs",
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_inputs_dataset_id")),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_inputs_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_id", "name", name=op.f("pk_inputs")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facets",
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_facets_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_id", "name", name=op.f("pk_facets")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO inputs (workflow_id, name, dataset_id) SELECT id, 'data', dataset_id FROM workflows")
    for name in ("target", "algorithm"):
        op.execute(f"INSERT INTO facets (workflow_id, name, value) SELECT id, '{name}', {name} FROM workflows")  # noqa: S608
    op.create_index(op.f("ix_inputs_dataset_id"), "inputs", ["dataset_id"])
    op.create_index(op.f("ix_facets_name_value"), "facets", ["name", "value"])


def _move_params() -> None:
    """Target and algorithm become params like all others."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE workflows SET params = json_set(params, '$.target', target, '$.algorithm', algorithm)")
    else:
        op.execute(
            "UPDATE workflows SET params = "
            "(params::jsonb || jsonb_build_object('target', target, 'algorithm', algorithm))::json"
        )


def _rebuild_workflows() -> None:
    """SQLite cannot drop a column that refers to another table, so the table is written anew."""
    kept = (
        "id, name, note, pipeline, params, status, origin, parent_id, request, created_at, created_by, started_at, "
        "ended_at, seen_at"
    )
    op.create_table(
        "workflows_new",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.String(length=40), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("seen_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
        sa.UniqueConstraint("request", name=op.f("uq_workflows_request")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO workflows_new ({kept}, priority) SELECT {kept}, 0 FROM workflows")  # noqa: S608
    _replace("workflows")
    for columns in (["status", "created_at"], ["created_at"], ["ended_at"], ["name"], ["created_by"], ["pipeline"]):
        op.create_index(op.f(f"ix_workflows_{'_'.join(columns)}"), "workflows", columns)


def _rebuild_steps() -> None:
    kept = (
        "id, workflow_id, name, position, status, attempt, max_attempts, fresh, claim_token, ready_at, "
        "next_attempt_at, started_at, heartbeat_at, ended_at, worker, params, fingerprint, reused_from, progress, "
        "result, traceback"
    )
    op.create_table(
        "steps_new",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("claim_token", sa.String(length=32), nullable=True),
        sa.Column("ready_at", sa.DateTime(), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("reused_from", sa.Integer(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("progress_message", sa.JSON(), nullable=True),
        sa.Column("timeout", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        # Until _write_errors_as_messages has read them.
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_steps_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
        sa.UniqueConstraint("workflow_id", "key", name=op.f("uq_steps_workflow_id_key")),
        sqlite_autoincrement=True,
    )
    op.execute(
        f"INSERT INTO steps_new ({kept}, key, timeout, error_code, error_text) "  # noqa: S608
        f"SELECT {kept}, name, {DAY}, error_code, error FROM steps"
    )
    _replace("steps")
    for columns in (["status", "ready_at"], ["fingerprint"], ["ended_at"], ["ready_at"], ["started_at"]):
        op.create_index(op.f(f"ix_steps_{'_'.join(columns)}"), "steps", columns)


def _replace(table: str) -> None:
    """Put the new table in the place of the old one; ids that were given once are not given again."""
    highest = op.get_bind().execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table})
    sequence = highest.scalar()
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)
    if sequence is not None:
        op.get_bind().execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        op.get_bind().execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), {"name": table, "seq": sequence}
        )


def _alter_workflows() -> None:
    op.add_column("workflows", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("workflows", "priority", server_default=None)
    for column in ("dataset_id", "target", "algorithm"):
        op.drop_column("workflows", column)
    op.create_index(op.f("ix_workflows_pipeline"), "workflows", ["pipeline"])


def _alter_steps() -> None:
    op.drop_constraint(op.f("uq_steps_workflow_id_name"), "steps")
    op.alter_column("steps", "name", type_=sa.String(length=60))
    op.alter_column("steps", "error", new_column_name="error_text")
    op.add_column("steps", sa.Column("error", sa.JSON(), nullable=True))
    op.drop_column("steps", "progress_words")
    op.add_column("steps", sa.Column("progress_message", sa.JSON(), nullable=True))
    op.add_column("steps", sa.Column("key", sa.String(length=80), nullable=True))
    op.add_column("steps", sa.Column("timeout", sa.Integer(), nullable=False, server_default=str(DAY)))
    op.execute("UPDATE steps SET key = name")
    op.alter_column("steps", "key", nullable=False)
    op.alter_column("steps", "timeout", server_default=None)
    op.create_unique_constraint(op.f("uq_steps_workflow_id_key"), "steps", ["workflow_id", "key"])


def _rebuild_scores() -> None:
    """Scores belong to the step that found them: of those of today, the last one that left a result."""
    op.create_table(
        "scores_new",
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_scores_workflow_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name=op.f("fk_scores_step_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workflow_id", "name", "step_id", name=op.f("pk_scores_new")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO scores_new (workflow_id, name, step_id, value) "
        "SELECT scores.workflow_id, scores.name, owner.step_id, scores.value FROM scores JOIN ("
        "SELECT workflow_id, coalesce(max(CASE WHEN status = 'completed' THEN id END), max(id)) AS step_id "
        "FROM steps GROUP BY workflow_id) AS owner ON owner.workflow_id = scores.workflow_id"
    )
    op.drop_table("scores")
    op.rename_table("scores_new", "scores")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE scores RENAME CONSTRAINT pk_scores_new TO pk_scores")
    op.create_index(op.f("ix_scores_name_value"), "scores", ["name", "value"])
    op.create_index(op.f("ix_scores_step_id"), "scores", ["step_id"])


def _make_attempts() -> None:
    made = op.create_table(
        "attempts",
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("values", sa.JSON(), nullable=True),
        sa.Column("continued_from", sa.Integer(), nullable=True),
        sa.Column("resumed_at", sa.DateTime(), nullable=True),
        sa.Column("resumed_progress", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name=op.f("fk_attempts_step_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_id", "number", name=op.f("pk_attempts")),
        sqlite_with_rowid=False,
    )
    assert made is not None
    connection, rows = op.get_bind(), []
    for row in _attempts():
        rows.append(row)
        if len(rows) == AT_ONCE:
            connection.execute(made.insert(), rows)
            rows = []
    if rows:
        connection.execute(made.insert(), rows)


def _attempts() -> Iterator[dict[str, Any]]:
    """One row for each attempt that is known of: the present one of every step, and those that the log tells of."""
    connection = op.get_bind()
    steps = sa.table(
        "steps",
        *(sa.column(name) for name in ("id", "attempt", "worker", "status", "error_code", "error_text")),
        *(sa.column(name, sa.DateTime()) for name in ("started_at", "ended_at")),
    )
    told = _told()
    for step in connection.execute(sa.select(steps).where(steps.c.started_at.is_not(None))).all():
        ends = told.get(step.id, {})
        began = step.started_at
        for number in range(1, step.attempt + 1):
            ended = ends.get(number, {})
            current = number == step.attempt
            if current and step.status == "pending":
                continue  # it has not begun
            if not current and not ended and number not in ends:
                continue  # nothing is known of it
            code, values = _ending(step) if current else (ended.get("code"), ended.get("values"))
            yield {
                "step_id": step.id,
                "number": number,
                "worker": step.worker if current else None,
                "began_at": began,
                "ended_at": step.ended_at if current else ended.get("at"),
                "code": code,
                "values": values,
                "continued_from": ended.get("epoch"),
            }
            began = ended.get("at") or began


def _ending(step: Any) -> tuple[str | None, dict[str, str] | None]:
    if step.status == "running":
        return None, None
    if step.status == "failed":
        return step.error_code or "error", {"text": step.error_text or ""}
    return step.status, None


def _told() -> dict[int, dict[int, dict[str, Any]]]:
    """What the log says of attempts: how one ended, and from which epoch one went on; by step and number."""
    logs = sa.table(
        "logs", sa.column("id"), sa.column("step_id"), sa.column("text", sa.Text()), sa.column("at", sa.DateTime())
    )
    query = (
        sa.select(logs)
        .where(logs.c.text.like("% Attempt % follows.") | logs.c.text.like("Attempt % continues from epoch %"))
        .order_by(logs.c.id)
    )
    found: dict[int, dict[int, dict[str, Any]]] = {}
    for line in op.get_bind().execute(query):
        of_step = found.setdefault(line.step_id, {})
        if match := FOLLOWS.match(line.text):
            ended: dict[str, Any] = {"at": _time(line.at), "code": "lost", "values": {"text": match["reason"]}}
            of_step.setdefault(int(match["attempt"]) - 1, {}).update(ended)
        elif match := CONTINUES.match(line.text):
            of_step.setdefault(int(match["attempt"]), {})["epoch"] = int(match["epoch"])
    return found


def _time(at: Any) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def _write_errors_as_messages() -> None:
    connection = op.get_bind()
    steps = sa.table(
        "steps", sa.column("id"), sa.column("error_code"), sa.column("error_text"), sa.column("error", sa.Text())
    )
    for row in connection.execute(sa.select(steps).where(steps.c.error_text.is_not(None))).all():
        message = json.dumps({"code": row.error_code or "error", "values": {"text": row.error_text}})
        if connection.dialect.name == "sqlite":
            connection.execute(sa.update(steps).where(steps.c.id == row.id).values(error=message))
        else:
            connection.execute(
                sa.text("UPDATE steps SET error = CAST(:message AS json) WHERE id = :id"),
                {"message": message, "id": row.id},
            )
    op.drop_column("steps", "error_code")
    op.drop_column("steps", "error_text")
