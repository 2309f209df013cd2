"""Local copies of stored files, to read from."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from store.files import folder
from store.files.file_ref import FileRef, changed, hash_of, missing


def unverified(ref: FileRef) -> Path:
    """Return a local copy, as it is on the disk."""
    return folder.local(ref.sha256)


def verified(ref: FileRef) -> Path:
    """Return a local copy after checking that it is what was written."""
    path = folder.local(ref.sha256)
    try:
        if path.stat().st_size == ref.size and hash_of(path) == ref.sha256:
            return path
    except FileNotFoundError:
        raise missing(ref) from None
    raise changed(ref)


@contextmanager
def checked(ref: FileRef) -> Iterator[Path]:
    """Give a local copy that is checked while it is read; damage is raised instead of errors from reading it."""
    with ThreadPoolExecutor(1, "checking") as thread:
        proof = thread.submit(verified, ref)
        try:
            yield unverified(ref)
        finally:
            proof.result()


def present(ref: FileRef) -> None:
    """Raise DamagedError when a stored file is missing."""
    if folder.find(ref.sha256) is None:
        raise missing(ref)
