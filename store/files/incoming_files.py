"""Files on their way into the store: written aside, hashed while they are written, synced, and put in place."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from store.files import folder
from store.files.file_ref import FileRef, hash_of

CHUNK = 1 << 20


class Incoming:
    """A file that is being written; its hash grows with it, so that storing it does not read it again."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes | memoryview) -> int:
        self._stream.write(chunk)
        self._hash.update(chunk)
        size = memoryview(chunk).nbytes
        self.size += size
        return size

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()

    @property
    def ref(self) -> FileRef:
        """The reference to the file, once all of it is written."""
        return FileRef(self._hash.hexdigest(), self.size)

    @property
    def path(self) -> Path:
        """Where the bytes are so far, flushed, so that they can be read."""
        self._stream.flush()
        return Path(self._stream.name)

    def sync(self) -> None:
        """Write the bytes so far to the disk, so that `keep` has less to do."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def keep(self) -> FileRef:
        """Give the file its final place; afterwards a crash cannot lose it."""
        self.sync()
        folder.put(Path(self._stream.name), self.ref)
        return self.ref

    def move_to(self, target: Path) -> None:
        """Give the file another place on the same disk, synced, in one step."""
        self.sync()
        Path(self._stream.name).replace(target)


@contextmanager
def incoming() -> Iterator[Incoming]:
    """Receive a file of any size; it is removed unless `keep` or `move_to` was called."""
    with _begin() as stream:
        try:
            yield Incoming(stream)
        finally:
            Path(stream.name).unlink(missing_ok=True)


def writing(path: Path) -> Incoming:
    """Open a file of the caller's own that is to be stored."""
    return Incoming(path.open("wb"))


def keep(path: Path, known: FileRef | None = None) -> FileRef:
    """Move a complete file into the store; `known` is its reference, computed while it was written."""
    with path.open("rb") as source:
        ref = known or FileRef(hash_of(path), path.stat().st_size)
        os.fsync(source.fileno())
    if folder.same_disk(path):
        folder.put(path, ref)
        return ref
    with path.open("rb") as source, incoming() as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
        return target.keep()


def unfinished() -> list[Path]:
    """List files that are being received, or were when their process was killed."""
    return list(folder.root().glob("incoming-*"))


def _begin() -> BinaryIO:
    """Open a new file, locked. A sweep may find it before it is locked, and remove it; then another one is made."""
    while True:
        stream = tempfile.NamedTemporaryFile(dir=folder.root(), prefix="incoming-", delete=False)  # noqa: SIM115
        fcntl.flock(stream, fcntl.LOCK_SH)
        if Path(stream.name).exists():
            return stream  # type: ignore[return-value]
        stream.close()
