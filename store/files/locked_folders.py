"""Folders that are locked while a process writes into them; a lock ends with its process, however that ends."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def new_folder(root: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder and lock it. A sweep may find it before it is locked, and remove it; then another one is made."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        with suppress(FileNotFoundError):
            lock = lock_shared(folder)
            if folder.exists():
                return folder, lock
            os.close(lock)


def lock_shared(folder: Path) -> int:
    """Lock a folder beside others who write into it; closing the descriptor unlocks it."""
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def lock_alone(folder: Path) -> int | None:
    """Lock a folder or file if nobody else has; closing the descriptor unlocks it."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


@contextmanager
def unlocked(path: Path) -> Iterator[bool]:
    """Whether it is there and no process writes into it; none begins to, meanwhile."""
    try:
        lock = lock_alone(path)
    except FileNotFoundError:
        lock = None
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)
