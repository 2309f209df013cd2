"""Files, known by what is in them: written aside, synced, renamed, and checked before use."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from store.errors import Refused
from store.settings import settings

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the store."""

    sha256: str
    size: int


class Damaged(Refused):
    """A file is missing or is not what was written; making it again helps."""

    retryable = True


class Incoming:
    """A file on its way in; its hash grows with it, so it is read only once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes | memoryview) -> None:
        self._stream.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    @property
    def path(self) -> Path:
        """Where the bytes are so far; flushed, for somebody who wants to look."""
        self._stream.flush()
        return Path(self._stream.name)

    def keep(self) -> Kept:
        """Give the file its final name; afterwards a crash cannot lose it."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        kept = Kept(self._hash.hexdigest(), self.size)
        _into_place(Path(self._stream.name), kept)
        return kept


@contextmanager
def incoming() -> Iterator[Incoming]:
    """Take in a file of any size; what was not kept is removed."""
    root = _root()
    with tempfile.NamedTemporaryFile(dir=root, prefix="incoming-", delete=False) as stream:
        path = Path(stream.name)
        fcntl.flock(stream, fcntl.LOCK_SH)
        try:
            yield Incoming(stream)  # type: ignore[arg-type]
        finally:
            path.unlink(missing_ok=True)


def keep(path: Path) -> Kept:
    """Move a finished file into the store."""
    with path.open("rb") as source:
        kept = Kept(hashlib.file_digest(source, "sha256").hexdigest(), path.stat().st_size)
        os.fsync(source.fileno())
    if path.stat().st_dev == _root().stat().st_dev:
        _into_place(path, kept)
        return kept
    with path.open("rb") as source, incoming() as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
        return target.keep()


def path_of(sha256: str) -> Path:
    """Where a file with this hash lives; built from the hash alone."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a sha256")
    return _root() / sha256[:2] / sha256


def verified(kept: Kept) -> Path:
    """The path of a stored file, after checking that it is what was written."""
    path = path_of(kept.sha256)
    try:
        if path.stat().st_size == kept.size and _hash_of(path) == kept.sha256:
            return path
    except FileNotFoundError:
        raise _missing(kept) from None
    raise Damaged(f"The stored file {kept.sha256[:12]} was changed on disk; run the step that made it again.")


def present(kept: Kept) -> None:
    """Raise Damaged when a stored file is gone."""
    if not path_of(kept.sha256).exists():
        raise _missing(kept)


def remove(sha256: str) -> None:
    """Forget a file that nothing refers to."""
    path_of(sha256).unlink(missing_ok=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of one's own that goes away with its user."""
    root = settings().folder / "scratch"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{os.getpid()}-"))
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_scratch() -> None:
    """Remove what killed processes left behind. What somebody still writes is locked, and stays; a lock ends with its
    process."""
    for leftover in (*(settings().folder / "scratch").glob("*"), *_root().glob("incoming-*")):
        if _is_abandoned(leftover):
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)


def checkpoint_path(step_id: int) -> Path:
    """Where a step keeps what it needs to go on after a kill."""
    folder = settings().folder / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"step-{step_id}"


def replace_safely(target: Path, temporary: Path) -> None:
    """Swap a finished temporary file into its final name, so that readers see the old or the new, never half."""
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(target)


def _missing(kept: Kept) -> Damaged:
    return Damaged(f"The stored file {kept.sha256[:12]} is missing; run the step that made it again.")


def _root() -> Path:
    root = settings().files
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


def _into_place(temporary: Path, kept: Kept) -> None:
    target = path_of(kept.sha256)
    target.parent.mkdir(exist_ok=True, mode=0o700)
    temporary.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _is_abandoned(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
