"""Where files live: a folder, each under its hash. Another place, such as a bucket, would be a module like this one."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store.files.file_ref import FileRef
from store.settings import settings


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store, whether any row names it or not."""

    sha256: str
    size: int
    written: float  # seconds since 1970, when it was last put here


def root() -> Path:
    folder = settings().files
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def path_of(sha256: str) -> Path:
    """Where the file with this hash lives; built from the hash alone."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a sha256")
    return root() / sha256[:2] / sha256


def put(temporary: Path, ref: FileRef) -> None:
    """Give a synced file of the same disk its place, in one step; afterwards a crash cannot lose it."""
    target = path_of(ref.sha256)
    target.parent.mkdir(exist_ok=True, mode=0o700)
    os.utime(temporary)  # it is in the store from now on, whenever it was written
    temporary.replace(target)
    sync_names(target.parent)


def sync_names(folder: Path) -> None:
    """Write the names in a folder to the disk, so that a crash takes none of them back."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def same_disk(path: Path) -> bool:
    """Whether a file can be put here without being copied."""
    return path.stat().st_dev == root().stat().st_dev


def local(sha256: str) -> Path:
    """A copy on this machine to read from: here, the file itself."""
    return path_of(sha256)


def find(sha256: str) -> StoredFile | None:
    """Return the file with this hash, by its size only; None when there is none."""
    try:
        stat = path_of(sha256).stat()
    except FileNotFoundError:
        return None
    return StoredFile(sha256, stat.st_size, stat.st_mtime)


def stored() -> Iterator[StoredFile]:
    """List every stored file; one that is removed meanwhile may be left out."""
    for path in root().glob("??/*"):
        if len(path.name) == 64 and (file := find(path.name)):
            yield file


def remove(sha256: str) -> None:
    """Remove a file that no row names; only `store.unnamed_files` may know that."""
    path_of(sha256).unlink(missing_ok=True)


def free_bytes() -> int:
    return shutil.disk_usage(root()).free
