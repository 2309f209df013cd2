"""Outputs: the typed values that steps hand to each other and to people, each a version of its name.

A small value is in its row; a large one is a file that the step saved under the same name (`artifacts`).
Not here: how a value becomes bytes and back (`jobs.artifacts`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, false, func, insert, select

from store import db
from store.errors import NotFoundError
from store.files.file_ref import FileRef
from store.messages import Message
from store.records import record
from store.tables import now, outputs, steps, workflows
from store.text import is_sayable

# What an output is called that was not given a name.
UNNAMED = re.compile(r"output(_\d+)?")


@dataclass(frozen=True, slots=True)
class NewOutput:
    """What a step hands on under a name. One that was reused keeps its version.

    A value that is in the row is the only item of a list, so that None is a value, too."""

    name: str
    type: str
    format: str
    sha256: str
    size: int
    value: list[Any] | None = None
    executable: bool = False
    signature: str | None = None
    metadata: dict[str, Any] | None = None
    preview: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    version: int | None = None

    def handed(self) -> "Handed":
        """As the step that is given it needs it."""
        file = FileRef(self.sha256, self.size) if self.value is None else None
        given = (self.executable, self.value, self.sha256, self.size, self.signature, self.metadata or {})
        return Handed(self.name, self.type, self.format, *given, file)


@dataclass(frozen=True, slots=True)
class Handed:
    """An output as the step that is given it needs it. `file` is where its bytes are, if they are not in the row."""

    name: str
    type: str
    format: str
    executable: bool
    value: list[Any] | None
    sha256: str
    size: int
    signature: str | None
    metadata: dict[str, Any]
    file: FileRef | None


@dataclass(frozen=True, slots=True)
class Output:
    """An output with where it comes from."""

    id: int
    step_id: int
    name: str
    version: int
    type: str
    format: str
    executable: bool
    value: list[Any] | None
    sha256: str
    size: int
    signature: str | None
    metadata: dict[str, Any]
    preview: dict[str, Any]
    tags: list[str]
    created_at: datetime
    workflow_id: int
    pipeline: str
    step: str  # its key

    @property
    def file(self) -> FileRef | None:
        """Where its bytes are, if they are not in its row."""
        return FileRef(self.sha256, self.size) if self.value is None else None

    def handed(self) -> Handed:
        """What is needed to load it."""
        given = (self.executable, self.value, self.sha256, self.size, self.signature, self.metadata)
        return Handed(self.name, self.type, self.format, *given, self.file)


@dataclass(frozen=True, slots=True)
class OutputBrief:
    """An output in a list: without its value and its preview, which can be long."""

    id: int
    name: str
    version: int
    type: str
    format: str
    sha256: str
    size: int
    tags: list[str]
    created_at: datetime
    workflow_id: int
    pipeline: str
    step: str

    def __hash__(self) -> int:
        return self.id


def write(connection: Connection, step_id: int, new: Sequence[NewOutput]) -> None:
    """Replace the outputs of one step. Each becomes the next version of its name, unless it has one already."""
    connection.execute(_NONE, {"this": step_id})
    for each in new:
        series = _series_of(connection, step_id, each.name)
        values = {
            "step_id": step_id,
            "name": each.name,
            "series": series,
            "version": each.version or (connection.scalar(_NEWEST, {"named": series}) or 0) + 1,
            "type": each.type,
            "format": each.format,
            "executable": each.executable,
            "value": each.value,
            "sha256": each.sha256,
            "size": each.size,
            "signature": each.signature,
            "metadata": each.metadata or {},
            "preview": each.preview or {},
            "tags": list(each.tags),
            "created_at": now(),
        }
        connection.execute(insert(outputs).values(values))


def _series_of(connection: Connection, step_id: int, name: str) -> str:
    """In what the versions of an output are counted: those of one name, or of one pipeline and step where it was not
    given a name, as each step has such an output."""
    if not UNNAMED.fullmatch(name):
        return name
    pipeline, step = connection.execute(_PLACE, {"this": step_id}).one()
    return f"{pipeline}/{step}/{name}"


def left_by(connection: Connection, step_id: int) -> list[NewOutput]:
    """The outputs of a step, to be left by another one that reuses it."""
    names = ("name", "type", "format", "sha256", "size", "value", "executable", "signature", "metadata", "preview")
    rows = connection.execute(select(outputs).where(outputs.c.step_id == step_id).order_by(outputs.c.id)).mappings()
    return [
        NewOutput(**{name: row[name] for name in names}, tags=tuple(row["tags"]), version=row["version"])
        for row in rows
    ]


def handed_by(connection: Connection, step_ids: Iterable[int]) -> dict[int, dict[str, Handed]]:
    """The outputs of several steps by name, without previews."""
    by_step: dict[int, dict[str, Handed]] = {}
    columns = [outputs.c[name] for name in Handed.__dataclass_fields__ if name != "file"]
    query = select(outputs.c.step_id, *columns).where(outputs.c.step_id.in_(list(step_ids)))
    for row in connection.execute(query):
        file = FileRef(row.sha256, row.size) if row.value is None else None
        by_step.setdefault(row.step_id, {})[row.name] = record(Handed, row, file=file)
    return by_step


def of_workflow(workflow_id: int, step: str | None = None) -> list[Output]:
    """The outputs of a workflow's steps, or of one of them by its key, in the order of the steps."""
    query = _with_places().where(steps.c.workflow_id == workflow_id)
    if step is not None:
        query = query.where(steps.c.key == step)
    return _outputs(query.order_by(steps.c.position, outputs.c.id))


def of_steps(step_ids: Sequence[int]) -> dict[int, list[Output]]:
    """The outputs of several steps, by the id of the step."""
    by_step: dict[int, list[Output]] = {}
    if step_ids:
        for each in _outputs(_with_places().where(outputs.c.step_id.in_(step_ids)).order_by(outputs.c.id)):
            by_step.setdefault(each.step_id, []).append(each)
    return by_step


def get(output_id: int) -> Output:
    """The output with this id."""
    found = _outputs(_with_places().where(outputs.c.id == output_id))
    if not found:
        raise NotFoundError(Message("no_such_output", {"output": output_id}), "artifact_id")
    return found[0]


def listed(name: str | None = None, version: int | None = None, limit: int = 50, offset: int = 0) -> list[Output]:
    """Outputs of all workflows, newest first; of one name, and of one version of it, if given."""
    query = _with_places()
    if name is not None:
        query = query.where(outputs.c.name == name)
    if version is not None:
        query = query.where(outputs.c.version == version)
    return _outputs(query.order_by(outputs.c.id.desc()).limit(limit).offset(offset))


def briefs(
    name: str | None = None, workflow_id: int | None = None, limit: int = 50, offset: int = 0
) -> list[OutputBrief]:
    """Outputs in a list, newest first; of one name or of one workflow, if given."""
    query = _with_places(*_BRIEF).where(*_conditions(name, workflow_id))
    return _briefs(query.order_by(outputs.c.id.desc()).limit(limit).offset(offset))


def briefs_by_step(workflow_id: int) -> dict[str, list[OutputBrief]]:
    """What each step of a workflow left, by the step's key."""
    by_step: dict[str, list[OutputBrief]] = {}
    for each in _briefs(_with_places(*_BRIEF).where(steps.c.workflow_id == workflow_id).order_by(outputs.c.id)):
        by_step.setdefault(each.step, []).append(each)
    return by_step


def count(name: str | None = None, workflow_id: int | None = None) -> int:
    """How many outputs there are; of one name or of one workflow, if given."""
    query = select(func.count()).select_from(outputs)
    if workflow_id is not None:
        query = query.join(steps, steps.c.id == outputs.c.step_id)
    with db.reading() as connection:
        return connection.scalar(query.where(*_conditions(name, workflow_id))) or 0


def newest(name: str, version: int | None = None) -> Output | None:
    """The output of this name with the highest version, or with this one; None if there is none."""
    query = _with_places().where(*_conditions(name, None))
    if version is not None:
        query = query.where(outputs.c.version == version)
    # Versions of outputs without a name are of many series.
    newest_first = (
        (outputs.c.id.desc(),) if UNNAMED.fullmatch(name) else (outputs.c.version.desc(), outputs.c.id.desc())
    )
    found = _outputs(query.order_by(*newest_first).limit(1))
    return found[0] if found else None


def _conditions(name: str | None, workflow_id: int | None) -> list[ColumnElement[bool]]:
    if name is not None and not is_sayable(name):
        return [false()]
    return [
        *([outputs.c.name == name] if name is not None else []),
        *([steps.c.workflow_id == workflow_id] if workflow_id is not None else []),
    ]


def _briefs(query: Select[Any]) -> list[OutputBrief]:
    with db.reading() as connection:
        return [record(OutputBrief, row) for row in connection.execute(query)]


def _outputs(query: Select[Any]) -> list[Output]:
    with db.reading() as connection:
        return [record(Output, row) for row in connection.execute(query)]


def _with_places(*columns: ColumnElement[Any]) -> Select[Any]:
    """Outputs, or these columns of them, with where each comes from."""
    return (
        select(*(columns or outputs.c), steps.c.workflow_id, steps.c.key.label("step"), workflows.c.pipeline)
        .join(steps, steps.c.id == outputs.c.step_id)
        .join(workflows, workflows.c.id == steps.c.workflow_id)
    )


_BRIEF = tuple(outputs.c[name] for name in OutputBrief.__dataclass_fields__ if name in outputs.c)
_NONE = outputs.delete().where(outputs.c.step_id == bindparam("this"))
_NEWEST = select(func.max(outputs.c.version)).where(outputs.c.series == bindparam("named"))
_PLACE = (
    select(workflows.c.pipeline, steps.c.name)
    .join(workflows, workflows.c.id == steps.c.workflow_id)
    .where(steps.c.id == bindparam("this"))
)
