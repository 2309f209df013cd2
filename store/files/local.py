"""Local copies of stored files, to read from."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from store.files import folder
from store.files.kept import Kept, changed, hash_of, missing


def unverified(kept: Kept) -> Path:
    """Return a local copy, as it is on the disk."""
    return folder.local(kept.sha256)


def verified(kept: Kept) -> Path:
    """Return a local copy after checking that it is what was written."""
    path = folder.local(kept.sha256)
    try:
        if path.stat().st_size == kept.size and hash_of(path) == kept.sha256:
            return path
    except FileNotFoundError:
        raise missing(kept) from None
    raise changed(kept)


@contextmanager
def checked(kept: Kept) -> Iterator[Path]:
    """Give a local copy that is checked while it is read; damage counts more than what came of reading it."""
    with ThreadPoolExecutor(1, "checking") as thread:
        proof = thread.submit(verified, kept)
        try:
            yield unverified(kept)
        finally:
            proof.result()


def present(kept: Kept) -> None:
    """Raise Damaged when a stored file is gone."""
    if folder.find(kept.sha256) is None:
        raise missing(kept)
