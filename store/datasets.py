"""Datasets: uploaded tables, known by what is in them, in versions of one name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Connection, Select, Subquery, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from store import actors, db, files, unnamed_files
from store.errors import ConflictError, NotFoundError
from store.messages import Message, Scalar, StoredNotice
from store.records import record
from store.tables import datasets, inputs, now


class Profile(TypedDict):
    """The profile of a table's content; columns and proposal are the JSON of the room that reads tables."""

    rows: int | None
    exact: bool
    columns: list[dict[str, Any]]
    preview: list[list[Scalar]]
    notices: list[StoredNotice]
    proposal: Mapping[str, Any] | None


class Description(Profile):
    """How a table's file is written, and its content."""

    dialect: dict[str, str | bool | None]


@dataclass(frozen=True, slots=True)
class Dataset:
    id: int
    name: str
    version: int
    sha256: str
    size: int
    dialect: dict[str, str | bool | None]
    rows: int | None
    exact: bool
    columns: list[dict[str, Any]]
    preview: list[list[Scalar]]
    notices: list[StoredNotice]
    proposal: Mapping[str, Any] | None
    created_at: datetime
    created_by: str | None
    # The columns by which a row is known again: those of the first version of the name, where these differ.
    row_columns: list[str] | None = None
    used_by: int = field(default=0)

    @property
    def title(self) -> str:
        """The name, with its version when there is more than one."""
        return self.name if self.version == 1 else f"{self.name} (version {self.version})"

    @property
    def profiler(self) -> object:
        """The version of what described the columns; none in those of before there were versions."""
        return _profiler_of(self.columns)

    @property
    def file(self) -> files.FileRef:
        return files.FileRef(self.sha256, self.size)


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A row of the list of datasets: the newest version of a name, and totals of all its versions."""

    id: int
    name: str
    version: int
    versions: int
    rows: int | None
    columns: int
    size: int
    created_at: datetime
    created_by: str | None
    used_by: int


def add(name: str, file: files.FileRef, described: Description) -> Dataset:
    """Record a table that is in the file store; the same bytes read the same way are the same dataset."""
    while True:
        try:
            with db.writing() as connection:
                candidates = connection.execute(
                    select(datasets.c.id, datasets.c.dialect).where(
                        datasets.c.sha256 == file.sha256, datasets.c.name == name
                    )
                )
                for candidate in candidates:
                    if candidate.dialect == described["dialect"]:
                        row = connection.execute(_with_use().where(datasets.c.id == candidate.id)).one()
                        return record(Dataset, row)
                if files.find(file.sha256) is None:
                    raise ConflictError(Message("file_just_deleted"))
                newest = connection.scalar(select(func.max(datasets.c.version)).where(datasets.c.name == name))
                values = {
                    "name": name,
                    "version": (newest or 0) + 1,
                    "sha256": file.sha256,
                    "size": file.size,
                    "created_at": now(),
                    "created_by": actors.name(),
                    "row_columns": _row_columns(connection, name, described["columns"]),
                    **described,
                    **_exact_profile(connection, file.sha256, described),
                }
                made = connection.execute(insert(datasets).values(values).returning(datasets.c.id)).scalar_one()
                return record(Dataset, connection.execute(_with_use().where(datasets.c.id == made)).one())
        except IntegrityError:
            continue  # another process took the same version number; count again


def _exact_profile(connection: Connection, sha256: str, described: Description) -> dict[str, Any]:
    """The profile of a dataset that is the same bytes, read the same way by the same version, and was read as a whole;
    else nothing."""
    profile = [datasets.c[name] for name in Profile.__annotations__]
    same = select(datasets.c.dialect, *profile).where(datasets.c.sha256 == sha256, datasets.c.exact)
    for row in connection.execute(same).mappings():
        same_profiler = _profiler_of(row["columns"]) == _profiler_of(described["columns"])
        if row["dialect"] == described["dialect"] and same_profiler:
            return {name: row[name] for name in Profile.__annotations__}
    return {}


def _profiler_of(columns: list[dict[str, Any]]) -> object:
    return columns[0].get("profiler") if columns else None


def _row_columns(connection: Connection, name: str, columns: list[dict[str, Any]]) -> list[str] | None:
    """Return the columns of the first version of the name, as far as this one has them; None where they are all, or so
    few that this is another table."""
    oldest = select(datasets.c.row_columns, datasets.c.columns).where(datasets.c.name == name)
    first = connection.execute(oldest.order_by(datasets.c.version).limit(1)).one_or_none()
    own = [column["name"] for column in columns]
    if first is None:
        return None
    before = set(first.row_columns or [column["name"] for column in first.columns])
    shared = [column for column in own if column in before]
    return None if shared == own or 2 * len(shared) <= len(before) else shared


def get(dataset_id: int) -> Dataset:
    with db.reading() as connection:
        row = connection.execute(_with_use().where(datasets.c.id == dataset_id)).one_or_none()
    if row is None:
        raise NotFoundError(Message("no_such_dataset", {"dataset": dataset_id}), "dataset_id")
    return record(Dataset, row)


def find(text: str = "", limit: int = 200, offset: int = 0) -> list[Dataset]:
    """Datasets, newest first."""
    query = _with_use().order_by(datasets.c.created_at.desc(), datasets.c.id.desc()).limit(limit).offset(offset)
    if text:
        query = query.where(db.holds(datasets.c.name, text))
    with db.reading() as connection:
        return [record(Dataset, row) for row in connection.execute(query)]


def count(text: str = "") -> int:
    query = select(func.count()).select_from(datasets)
    if text:
        query = query.where(db.holds(datasets.c.name, text))
    with db.reading() as connection:
        return connection.scalar(query) or 0


def listed(text: str = "", limit: int = 50, offset: int = 0) -> list[DatasetSummary]:
    """Names, newest first, each with its newest version; without the profiles, which may be large."""
    newest = _newest(text)
    same_name = datasets.alias()
    used_by = (
        select(func.count())
        .select_from(inputs.join(same_name, inputs.c.dataset_id == same_name.c.id))
        .where(same_name.c.name == datasets.c.name)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(
            datasets.c.id,
            datasets.c.name,
            datasets.c.version,
            newest.c.versions,
            datasets.c.rows,
            func.json_array_length(datasets.c.columns).label("columns"),
            datasets.c.size,
            datasets.c.created_at,
            datasets.c.created_by,
            used_by.label("used_by"),
        )
        .join(newest, (newest.c.name == datasets.c.name) & (newest.c.version == datasets.c.version))
        .order_by(datasets.c.created_at.desc(), datasets.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with db.reading() as connection:
        return [record(DatasetSummary, row) for row in connection.execute(query)]


def count_names(text: str = "") -> int:
    with db.reading() as connection:
        return connection.scalar(select(func.count()).select_from(_newest(text))) or 0


def versions(name: str) -> list[Dataset]:
    """Every version of one name, newest first."""
    with db.reading() as connection:
        rows = connection.execute(_with_use().where(datasets.c.name == name).order_by(datasets.c.version.desc()))
        return [record(Dataset, row) for row in rows]


def describe(dataset_id: int, described: Profile) -> None:
    """Replace the profile of a dataset by a more exact one, and that of every other that is the same bytes, read the
    same way."""
    with db.writing() as connection:
        own = connection.execute(select(datasets.c.dialect, datasets.c.sha256).where(datasets.c.id == dataset_id)).one()
        same = select(datasets.c.id, datasets.c.dialect).where(datasets.c.sha256 == own.sha256)
        ids = [row.id for row in connection.execute(same) if row.dialect == own.dialect]
        connection.execute(update(datasets).where(datasets.c.id.in_(ids)).values(described))


def rename(dataset_id: int, name: str) -> None:
    """Give all versions of a dataset another name, which no dataset has; workflows keep the names that they have."""
    with db.writing() as connection:
        before = connection.scalar(select(datasets.c.name).where(datasets.c.id == dataset_id))
        if before == name:
            return
        if connection.scalar(select(datasets.c.id).where(datasets.c.name == name).limit(1)) is not None:
            raise ConflictError(Message("dataset_name_taken", {"name": name}), "name")
        connection.execute(update(datasets).where(datasets.c.name == before).values(name=name))


def remove(dataset_id: int) -> None:
    """Delete a dataset that no workflow uses, and its bytes when nothing else needs them."""
    dataset = get(dataset_id)
    with db.writing() as connection:
        users = connection.scalar(select(func.count()).where(inputs.c.dataset_id == dataset_id))
        if users:
            raise ConflictError(Message("dataset_in_use", {"dataset": dataset.title, "count": users}))
        connection.execute(delete(datasets).where(datasets.c.id == dataset_id))
    unnamed_files.remove([dataset.sha256])


def _newest(text: str) -> Subquery:
    query = select(datasets.c.name, func.max(datasets.c.version).label("version"), func.count().label("versions"))
    if text:
        query = query.where(db.holds(datasets.c.name, text))
    return query.group_by(datasets.c.name).subquery()


def _with_use() -> Select[Any]:
    used_by = select(func.count()).where(inputs.c.dataset_id == datasets.c.id).scalar_subquery()
    return select(datasets, used_by.label("used_by"))
