"""What a file in the store is known by, and what is raised when it is gone or changed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from store.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the store."""

    sha256: str
    size: int


class Damaged(ConflictError):  # noqa: N818
    """A file is missing or is not what was written; making it again helps."""

    retryable = True


def missing(kept: Kept) -> Damaged:
    return Damaged(f"The stored file {kept.sha256[:12]} is missing. Run the step that made it again.")


def changed(kept: Kept) -> Damaged:
    return Damaged(f"The stored file {kept.sha256[:12]} was changed on disk. Run the step that made it again.")


def hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
