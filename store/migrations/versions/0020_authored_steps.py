"""Steps that are plain functions: where each function is, what is handed to it, and its outputs with their types."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("workflows", sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("workflows", sa.Column("code_id", sa.Integer(), nullable=True))
    op.add_column("workflows", sa.Column("module", sa.String(length=200), nullable=True))
    op.add_column("steps", sa.Column("source", sa.String(length=300), nullable=True))
    op.add_column("steps", sa.Column("label", sa.String(length=80), nullable=True))
    op.add_column("steps", sa.Column("group", sa.String(length=200), nullable=True))
    op.add_column("steps", sa.Column("handed", sa.JSON(), nullable=True))
    op.add_column("steps", sa.Column("tags", sa.JSON(), nullable=True))
    op.add_column("steps", sa.Column("policy", sa.JSON(), nullable=True))
    op.add_column("steps", sa.Column("retried", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("steps", sa.Column("pause", sa.Float(), nullable=True))
    op.create_table(
        "codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contents", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("paths", sa.JSON(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codes")),
        sa.UniqueConstraint("contents", name=op.f("uq_codes_contents")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_codes_sha256"), "codes", ["sha256"])
    op.create_table(
        "brought",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("code_id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["code_id"], ["codes.id"], name=op.f("fk_brought_code_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_brought")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outputs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("executable", sa.Boolean(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("preview", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name=op.f("fk_outputs_step_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outputs")),
        sa.UniqueConstraint("step_id", "name", name=op.f("uq_outputs_step_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outputs_name_version"), "outputs", ["name", "version"])
