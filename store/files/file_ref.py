"""References to files in the store, and the error that a missing or changed one raises."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from store.errors import ConflictError
from store.messages import Message


@dataclass(frozen=True, slots=True)
class FileRef:
    """A reference to a file in the store: the hash and the size of its content."""

    sha256: str
    size: int


class DamagedError(ConflictError):
    """A file is missing or is not what was written; making it again helps."""

    retryable = True


def missing(ref: FileRef) -> DamagedError:
    return DamagedError(Message("file_missing", {"file": ref.sha256[:12]}))


def changed(ref: FileRef) -> DamagedError:
    return DamagedError(Message("file_changed", {"file": ref.sha256[:12]}))


def hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
