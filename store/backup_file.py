"""The file of a backup: a plain tar, of which every byte is checked.

Stored files come first, each under its own hash, then checkpoints, the database, and last the manifest, which
names all of them; so a file that ends too early is never taken for a whole one.
"""

import fcntl
import hashlib
import os
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store import files, keys
from store.errors import RequestError
from store.files import CHUNK, FileRef
from store.files.folder import sync_names
from store.messages import Message

FORMAT = 1
BLOCK = tarfile.BLOCKSIZE
DATABASE, MANIFEST = "trainyard.db", "manifest.json"
LONGEST_MANIFEST = 1 << 28
PART_NAMES = re.compile(
    rf"files/([0-9a-f]{{2}})/\1[0-9a-f]{{62}}|checkpoints/step-[0-9]{{1,18}}-[0-9a-f]{{64}}|"
    rf"{re.escape(DATABASE)}|{re.escape(MANIFEST)}"
)
SHA256 = r"^[0-9a-f]{64}$"

Progress = Callable[[str, int, int], None]


class Part(BaseModel):
    """One file within a backup."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)


class Manifest(BaseModel):
    """What a backup holds, and what made it."""

    model_config = ConfigDict(frozen=True)

    format: int
    trainyard: str
    revision: str
    made_at: datetime
    workflows: int = Field(ge=0)
    datasets: int = Field(ge=0)
    database: Part
    checkpoints: list[Part]
    files: list[Part]
    missing: list[str]
    keys: list[str] = []  # the names of those that signed what is in it; older backups name none

    @property
    def parts(self) -> dict[str, Part]:
        return {part.name: part for part in (self.database, *self.checkpoints, *self.files)}


class Writer:
    """A backup that is being written; what is not what it should be is left out again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._files: dict[str, Part] = {}
        self._checkpoints: list[Part] = []
        self._database: Part | None = None

    def holds(self, sha256: str) -> bool:
        return sha256 in self._files

    def add_file(self, ref: FileRef) -> bool:
        """Add a stored file; return False when it is missing or not what was written."""
        part = self._add(_name_of(ref.sha256), files.unverified(ref), ref.size, ref.sha256)
        if part:
            self._files[ref.sha256] = part
        return part is not None

    def add_checkpoint(self, path: Path) -> None:
        if part := self._add(f"checkpoints/{path.name}", path, path.stat().st_size):
            self._checkpoints.append(part)

    def add_database(self, path: Path) -> None:
        self._database = self._add(DATABASE, path, path.stat().st_size)

    def seal(self, revision: str, version: str, workflows: int, datasets: int, missing: list[str]) -> Manifest:
        """Write the manifest, which makes the file a backup."""
        assert self._database is not None
        manifest = Manifest(
            format=FORMAT,
            trainyard=version,
            revision=revision,
            made_at=datetime.now(UTC),
            workflows=workflows,
            datasets=datasets,
            database=self._database,
            checkpoints=self._checkpoints,
            files=list(self._files.values()),
            missing=missing,
            keys=keys.names(),
        )
        text = manifest.model_dump_json().encode()
        self._stream.write(_header(MANIFEST, len(text)) + text + _padding(len(text)) + bytes(2 * BLOCK))
        return manifest

    def _add(self, name: str, path: Path, size: int, expected: str = "") -> Part | None:
        begin, digest, written = self._stream.tell(), hashlib.sha256(), 0
        with suppress(FileNotFoundError), path.open("rb") as source:
            self._stream.write(_header(name, size))
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                written += self._stream.write(chunk)
            self._stream.write(_padding(size))
            if written == size and expected in ("", digest.hexdigest()):
                return Part(name=name, size=size, sha256=digest.hexdigest())
        self._stream.seek(begin)
        self._stream.truncate()
        return None


class Reader:
    """A backup that is being read. Nothing in it is used before all of it was checked."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = os.fstat(stream.fileno()).st_size
        self._parts: dict[str, tuple[int, Part]] = {}

    def check(self, progress: Progress) -> Manifest:
        """Read every byte; refuse a file that is cut short, changed, or holds anything but what a backup holds."""
        for name, size in self._members():
            if name == MANIFEST:
                manifest = self._manifest(size)
                self._compare(manifest)
                self._expect_nothing(tarfile.RECORDSIZE + BLOCK)
                return manifest
            offset = self._stream.tell()
            self._parts[name] = offset, Part(name=name, size=size, sha256=self._copy(size, None))
            progress("Checking", self._stream.tell(), self.size)
        raise RequestError(Message("backup_cut_short"))

    def holds(self, sha256: str) -> bool:
        return _name_of(sha256) in self._parts

    def extract(self, name: str, target: Path) -> None:
        """Write a part to a new file, private to its owner."""
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123
            self._take(name, stream)

    def store(self, sha256: str) -> None:
        """Put a stored file back to where it belongs."""
        with files.incoming() as target:
            self._take(_name_of(sha256), target)
            target.keep()

    def size_of(self, sha256: str) -> int:
        return self._parts[_name_of(sha256)][1].size

    def _take(self, name: str, target: "BinaryIO | files.Incoming") -> None:
        offset, part = self._parts[name]
        self._stream.seek(offset)
        if self._copy(part.size, target) != part.sha256:
            raise RequestError(Message("backup_changed"))

    def _members(self) -> Iterator[tuple[str, int]]:
        """The name and length of each part, as long as they are such as a backup has."""
        self._stream.seek(0)
        while block := self._stream.read(BLOCK):
            try:
                member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
            except (tarfile.HeaderError, ValueError):
                raise RequestError(Message("backup_unreadable")) from None
            if member.type != tarfile.REGTYPE or not PART_NAMES.fullmatch(member.name) or member.name in self._parts:
                raise RequestError(Message("backup_foreign_part"))
            begin = self._stream.tell()
            if not 0 <= member.size <= self.size - begin:
                raise RequestError(Message("backup_cut_short"))
            yield member.name, member.size
            self._stream.seek(begin + member.size)
            self._expect_nothing(len(_padding(member.size)))

    def _expect_nothing(self, size: int) -> None:
        if any(self._stream.read(size)):
            raise RequestError(Message("backup_damaged"))

    def _copy(self, size: int, target: "BinaryIO | files.Incoming | None") -> str:
        digest = hashlib.sha256()
        while size > 0 and (chunk := self._stream.read(min(CHUNK, size))):
            digest.update(chunk)
            size -= len(chunk)
            if target:
                target.write(chunk)
        return digest.hexdigest()

    def _manifest(self, size: int) -> Manifest:
        if size > LONGEST_MANIFEST:
            raise RequestError(Message("backup_list_too_long"))
        text = self._stream.read(size)
        try:
            manifest = Manifest.model_validate_json(text)
        except ValidationError:
            format_ = re.match(rb'{"format":(\d+)', text)
            newer = format_ is not None and int(format_[1][:9]) > FORMAT
            raise RequestError(Message("backup_newer" if newer else "backup_list_damaged")) from None
        if manifest.format != FORMAT:
            raise RequestError(Message("backup_newer"))
        return manifest

    def _compare(self, manifest: Manifest) -> None:
        """Everything the manifest names is there as it says, and nothing else; files are what they are called."""
        parts = {name: part for name, (_, part) in self._parts.items()}
        if manifest.parts != parts or len(parts) != 1 + len(manifest.checkpoints) + len(manifest.files):
            raise RequestError(Message("backup_damaged"))
        if any(_name_of(part.sha256) != part.name for part in manifest.files) or manifest.database.name != DATABASE:
            raise RequestError(Message("backup_damaged"))


@contextmanager
def written(target: Path, replace: bool) -> Iterator[Writer]:
    """Write a file aside, for its owner only, and give it its name when it is whole; else leave nothing behind."""
    aside = target.with_name(f".{target.name}.part")
    with open(os.open(aside, os.O_RDWR | os.O_CREAT, 0o600), "wb") as stream:  # noqa: PTH123
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestError(Message("backup_being_written", {"file": str(target)})) from None
        try:
            stream.truncate()  # one that was killed may have left something
            yield Writer(stream)
            stream.flush()
            os.fsync(stream.fileno())
            _name(aside, target, replace)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """A backup to read."""
    if not path.is_file():
        raise RequestError(Message("no_such_file", {"file": str(path)}), "file")
    with path.open("rb") as stream:
        yield Reader(stream)


def _name(aside: Path, target: Path, replace: bool) -> None:
    if replace:
        aside.replace(target)
    else:
        try:
            os.link(aside, target)  # unlike a rename, this replaces nothing
            aside.unlink()
        except FileExistsError:
            raise RequestError(Message("file_exists", {"file": str(target)}), "file") from None
        except OSError:
            aside.rename(target)  # a file system without links
    sync_names(target.parent)


def _name_of(sha256: str) -> str:
    return f"files/{sha256[:2]}/{sha256}"


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)
