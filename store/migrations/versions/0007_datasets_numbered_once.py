"""The number of a deleted dataset is not given to another one; PostgreSQL never did."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEPT = (
    "id, name, version, sha256, size, dialect, rows, exact, columns, preview, notices, proposal, created_at, created_by"
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "datasets_new",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("dialect", sa.JSON(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("preview", sa.JSON(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("proposal", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_datasets_name_version")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO datasets_new ({KEPT}) SELECT {KEPT} FROM datasets")  # noqa: S608
    op.drop_table("datasets")
    op.rename_table("datasets_new", "datasets")
    op.create_index(op.f("ix_datasets_created_at"), "datasets", ["created_at"])
    op.create_index(op.f("ix_datasets_sha256"), "datasets", ["sha256"])
    _skip_numbers_of_deleted()


def _skip_numbers_of_deleted() -> None:
    """The audit trail knows the highest number that was given."""
    put = op.get_bind().exec_driver_sql
    given = put(
        "SELECT max(json_extract(\"values\", '$.dataset')) FROM deeds "
        "WHERE json_type(\"values\", '$.dataset') = 'integer'"
    ).scalar()
    if given is None:
        return
    if not put("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'datasets'", (given,)).rowcount:
        put("INSERT INTO sqlite_sequence (name, seq) VALUES ('datasets', ?)", (given,))
