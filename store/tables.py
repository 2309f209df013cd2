"""The tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from store.column_types import MessageJson, Utc, Word
from store.status import OPEN as OPEN
from store.status import Need as Need
from store.status import Priority as Priority
from store.status import Status as Status
from store.status import StepRole as StepRole
from store.status import flow_status as flow_status
from store.status import now as now
from store.status import workflow_status as workflow_status

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("dialect", JSON, nullable=False),
    Column("rows", BigInteger),
    Column("exact", Boolean, nullable=False, default=True),
    Column("columns", JSON, nullable=False),
    Column("preview", JSON, nullable=False),
    Column("notices", JSON, nullable=False),
    Column("proposal", JSON),
    Column("row_columns", JSON(none_as_null=True)),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(80)),
    UniqueConstraint("name", "version"),
    Index(None, "sha256"),
    Index(None, "created_at"),
    sqlite_autoincrement=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("pipeline", String(40), nullable=False),
    Column("method", String(20), nullable=False),
    Column("params", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("trials", JSON, nullable=False),
    Column("started", Integer, nullable=False, default=0),
    Column("most_trials", Integer),
    Column("most_minutes", Float),
    Column("stopped", MessageJson),
    Column("request", String(64), unique=True),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(80)),
    Column("person_id", Integer),
    Column("ended_at", Utc),
    Index(None, "ended_at"),
    sqlite_autoincrement=True,
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("pipeline", String(40), nullable=False),
    Column("params", JSON, nullable=False),
    Column("status", Word, nullable=False),
    Column("priority", Integer, nullable=False, default=int(Priority.person)),
    Column("origin", String(20), nullable=False, default="new"),
    Column("parent_id", Integer),
    Column("config_from", Integer),
    Column("request", String(64), unique=True),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(80)),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("seen_at", Utc),
    Column("sweep_id", Integer),
    Column("trial", Integer),
    Column("options", JSON, nullable=False, default=dict, server_default="{}"),
    Column("code_id", Integer),
    Column("module", String(200)),  # of that code, where the pipeline is
    Index(None, "status", "created_at"),
    Index(None, "created_at"),
    Index(None, "ended_at"),
    Index(None, "name"),
    Index(None, "created_by"),
    Index(None, "pipeline", "created_at"),
    Index(None, "sweep_id", "trial"),
    Index(None, "parent_id", "origin"),
    sqlite_autoincrement=True,
)

inputs = Table(
    "inputs",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("dataset_id", ForeignKey("datasets.id"), nullable=False),
    Column("position", Integer, nullable=False, server_default="0"),
    Index(None, "dataset_id"),
    sqlite_with_rowid=False,
)

facets = Table(
    "facets",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
    Index(None, "name", "value"),
    sqlite_with_rowid=False,
)

tags = Table(
    "tags",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(60), primary_key=True),
    Index(None, "tag"),
    sqlite_with_rowid=False,
)

steps = Table(
    "steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("key", String(80), nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", Word, nullable=False),
    Column("attempt", Integer, nullable=False, default=1),
    Column("max_attempts", Integer, nullable=False, default=3),
    Column("allowed_attempts", Integer, nullable=False, default=3),  # by its author, and again after each Retry
    Column("fresh", Boolean, nullable=False, default=False),
    Column("stop_early", Boolean, nullable=False, default=False),
    Column("claim_token", String(32)),
    Column("ready_at", Utc),
    Column("next_attempt_at", Utc),
    Column("started_at", Utc),
    Column("heartbeat_at", Utc),
    Column("ended_at", Utc),
    Column("worker", String(80)),
    Column("params", JSON, nullable=False),
    Column("fingerprint", String(64)),
    Column("reused_from", Integer),
    Column("progress", Float),
    Column("progress_message", MessageJson),
    Column("timeout", Integer, nullable=False),
    Column("result", JSON),
    Column("error", MessageJson),
    Column("traceback", Text),
    # Of steps that are plain functions: where the function is, what other steps hand to it, and its author's retries.
    Column("source", String(300)),
    Column("label", String(80)),
    Column("group", String(200)),
    Column("handed", JSON(none_as_null=True)),
    Column("tags", JSON(none_as_null=True)),
    Column("policy", JSON(none_as_null=True)),
    Column("retried", Integer, nullable=False, default=0, server_default="0"),
    Column("pause", Float),  # seconds before the next attempt
    # Of flows: what it is for beside doing its function, how often it was taken up again, and when it must be over.
    Column("role", String(8)),
    Column("turn", Integer, nullable=False, default=0, server_default="0"),
    Column("late", Boolean, nullable=False, default=False, server_default=false()),  # queued when it is ready only
    Column("handled", Boolean, nullable=False, default=False, server_default=false()),  # its failure, by the flow
    Column("deadline", Utc),
    Column("held_by", String(60)),  # the tag whose limit it waits for
    UniqueConstraint("workflow_id", "key"),
    Index(None, "status", "ready_at"),
    Index(None, "fingerprint"),
    Index(None, "ended_at"),
    Index(None, "ready_at"),
    Index(None, "started_at"),
    Index(None, "deadline"),
    Index(None, "held_by"),
    sqlite_autoincrement=True,
)

needs = Table(
    "needs",
    metadata,
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("needs_id", ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(9), nullable=False, default=Need.completed, server_default=Need.completed),
    Index(None, "needs_id"),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("worker", String(80)),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("code", String(40)),
    Column("values", JSON(none_as_null=True)),
    Column("continued_from", Integer),
    Column("resumed_at", Utc),
    Column("resumed_progress", Float),
    sqlite_with_rowid=False,
)

metrics = Table(
    "metrics",
    metadata,
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("value", Float, nullable=False),
    sqlite_with_rowid=False,
)

scores = Table(
    "scores",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("value", Float, nullable=False),
    Index(None, "name", "value"),
    Index(None, "step_id"),
    sqlite_with_rowid=False,
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Index(None, "sha256"),
    sqlite_with_rowid=False,
)

codes = Table(
    "codes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("contents", String(64), nullable=False, unique=True),  # hash of the paths and hashes of all files
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", Text, nullable=False),
    Column("paths", JSON, nullable=False),
    Column("files", Integer, nullable=False),
    Column("left_out", JSON, nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("made_by", String(80)),
    Index(None, "sha256"),
    sqlite_autoincrement=True,
)

brought = Table(
    "brought",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("code_id", ForeignKey("codes.id"), nullable=False),
    Column("module", String(200), nullable=False),
    Column("facts", JSON, nullable=False),  # what it takes and does, as a process said that had loaded its code
    Column("at", Utc, nullable=False),
    sqlite_with_rowid=False,
)

outputs = Table(
    "outputs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("series", String(200), nullable=False),  # what its versions are counted in
    Column("type", String(200), nullable=False),
    Column("format", String(40), nullable=False),
    Column("executable", Boolean, nullable=False, default=False),
    Column("value", JSON(none_as_null=True)),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("signature", String(64)),
    Column("metadata", JSON, nullable=False),
    Column("preview", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("step_id", "name"),
    Index(None, "name", "version"),
    Index(None, "series", "version"),
    sqlite_autoincrement=True,
)

thresholds = Table(
    "thresholds",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("label", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("alarm_cost", Float),
    Column("found_gain", Float),
    Column("set_at", Utc, nullable=False),
    Column("set_by", String(80)),
    sqlite_with_rowid=False,
)

logs = Table(
    "logs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("step_id", ForeignKey("steps.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    Column("level", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("message", MessageJson),
    Index(None, "step_id", "id"),
)

pauses = Table(
    "pauses",
    metadata,
    Column("queue", String(40), primary_key=True),
    Column("paused_at", Utc, nullable=False),
    Column("paused_by", String(80)),
)

limits = Table(
    "limits",
    metadata,
    Column("tag", String(60), primary_key=True),
    Column("most", Integer, nullable=False),
    Column("set_at", Utc, nullable=False),
    Column("set_by", String(80)),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("until", Utc, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("key", String(80), nullable=False, unique=True),
    Column("role", String(8), nullable=False),
    Column("password", Text),
    Column("created_at", Utc, nullable=False),
    Column("signed_in_at", Utc),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Index(None, "person_id"),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("label", String(80), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
    Index(None, "person_id"),
    sqlite_autoincrement=True,
)

deeds = Table(
    "deeds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("who", String(80), nullable=False),
    Column("via", String(8), nullable=False),
    Column("what", String(40), nullable=False),
    Column("about", String(200), nullable=False),
    Column("address", String(60), nullable=False),
    Column("code", String(60), nullable=False, server_default="text"),
    Column("values", JSON, nullable=False, server_default="{}"),
    Column("count", Integer, nullable=False, server_default="1"),
    Index(None, "at"),
    Index(None, "what", "at"),
    sqlite_autoincrement=True,
)
