"""Codes: people's own code as it was when a workflow started, kept by content, and unpacked where steps run.

A pipeline that a script or a command brought is known from then on: by its newest code.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from store import actors, db, files
from store.errors import NotFoundError
from store.files import FileRef
from store.messages import Message
from store.records import record
from store.settings import settings
from store.tables import brought, codes, now

FOLDER = "folder"  # of the options of a run: in which it was started


@dataclass(frozen=True, slots=True)
class Code:
    """A folder of code; `paths` are those of its folders that are on the path of modules, relative to it."""

    id: int
    contents: str
    sha256: str
    size: int
    root: str
    paths: list[str]
    files: int
    left_out: list[str]
    made_at: datetime
    made_by: str | None

    def __hash__(self) -> int:
        return hash(self.contents)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pipeline is: a folder of code, and the module in it. It crosses to other processes."""

    code_id: int
    contents: str
    sha256: str
    size: int
    paths: tuple[str, ...]
    module: str
    folder: str = ""  # in which its code runs: where it was started, or came from

    def unpacked(self) -> list[str]:
        """The folders that are to be on the path of modules, unpacked here if they are not yet."""
        folder = unpacked(self.contents, FileRef(self.sha256, self.size))
        return [str(folder / path) for path in self.paths]


def place_of(code: Code, module: str, folder: str = "") -> Place:
    return Place(code.id, code.contents, code.sha256, code.size, tuple(code.paths), module, folder or code.root)


def keep(contents: str, file: FileRef, root: str, paths: Sequence[str], count: int, left_out: Sequence[str]) -> Code:
    """Record a folder of code whose packed file is in the store; the same contents are the same code."""
    values = {
        "contents": contents,
        "sha256": file.sha256,
        "size": file.size,
        "root": root,
        "paths": list(paths),
        "files": count,
        "left_out": list(left_out),
        "made_at": now(),
        "made_by": actors.name(),
    }
    with suppress(IntegrityError), db.writing() as connection:
        if connection.scalar(select(codes.c.id).where(codes.c.contents == contents)) is None:
            connection.execute(insert(codes).values(values))
    found = find(contents)
    assert found is not None
    return found


def find(contents: str) -> Code | None:
    """The code with these contents, if it is known."""
    with db.reading() as connection:
        row = connection.execute(select(codes).where(codes.c.contents == contents)).one_or_none()
        return record(Code, row) if row else None


def get(code_id: int) -> Code:
    with db.reading() as connection:
        row = connection.execute(select(codes).where(codes.c.id == code_id)).one_or_none()
    if row is None:
        raise NotFoundError(Message("no_such_code", {"code": code_id}), "code_id")
    return record(Code, row)


def place_in(
    connection: Connection, code_id: int | None, module: str | None, options: Mapping[str, Any]
) -> Place | None:
    """Where a workflow's pipeline is; None where the settings say so."""
    if code_id is None or module is None:
        return None
    row = connection.execute(select(codes).where(codes.c.id == code_id)).one()
    return place_of(record(Code, row), module, str(options.get(FOLDER) or ""))


@dataclass(frozen=True, slots=True)
class Brought:
    """A pipeline that a script or a command brought: where its newest code is, and what it takes and does."""

    name: str
    place: Place
    facts: Mapping[str, Any]


def bring(facts: Mapping[str, Mapping[str, Any]], place: Place) -> None:
    """Remember pipelines that a script or a command brought, by name with their facts."""
    with db.writing() as connection:
        for name, known in facts.items():
            values = {"code_id": place.code_id, "module": place.module, "facts": dict(known), "at": now()}
            if not connection.execute(update(brought).where(brought.c.name == name).values(values)).rowcount:
                connection.execute(insert(brought).values(name=name, **values))


def all_brought() -> dict[str, Brought]:
    """Every pipeline that was brought, by name."""
    query = select(brought.c.name, brought.c.module, brought.c.facts, codes)
    with db.reading() as connection:
        rows = connection.execute(query.join(codes, codes.c.id == brought.c.code_id).order_by(brought.c.name))
        return {row.name: Brought(row.name, place_of(record(Code, row), row.module), row.facts) for row in rows}


def unpacked(contents: str, packed: FileRef) -> Path:
    """The folder of a code on this machine."""
    home = settings().folder / "codes"
    folder = home / contents
    if folder.is_dir():
        return folder
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=home))
    try:
        with zipfile.ZipFile(files.verified(packed)) as archive:
            archive.extractall(making)
        with suppress(OSError):  # another process was first
            making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder
