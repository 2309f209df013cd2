"""Folders that go away with their process, and what killed processes left behind."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.files import incoming_files
from store.settings import settings


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is removed afterwards."""
    root = settings().folder / "scratch"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder, lock = _begin(root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_scratch() -> None:
    """Remove what killed processes left behind. What is still being written is locked, and stays; a lock ends with its
    process."""
    for path in _all():
        with _abandoned(path) as abandoned:
            if abandoned:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def abandoned() -> list[Path]:
    """List what no process writes any more."""
    paths = []
    for path in _all():
        with _abandoned(path) as left:
            paths += [path] if left else []
    return paths


def _all() -> list[Path]:
    return [*(settings().folder / "scratch").glob("*"), *incoming_files.unfinished()]


def _begin(root: Path) -> tuple[Path, int]:
    """Make a folder and lock it. A sweep may find it before it is locked, and remove it; then another one is made."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if folder.exists():
                return folder, lock
            os.close(lock)


@contextmanager
def _abandoned(path: Path) -> Iterator[bool]:
    """Whether no process writes it; none begins to, meanwhile."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    alone = False
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    try:
        yield alone
    finally:
        os.close(lock)
