"""Folders that go away with their process, and what killed processes left behind."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.files import incoming_files, waiting_folders
from store.files.locked_folders import new_folder, unlocked
from store.settings import settings


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is removed afterwards."""
    folder, lock = new_folder(settings().folder / "scratch", f"{os.getpid()}-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_scratch() -> None:
    """Remove what killed processes left behind. What is still being written is locked, and stays; a lock ends with its
    process."""
    for path in _all():
        with unlocked(path) as abandoned:
            if abandoned:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def abandoned() -> list[Path]:
    """List what no process writes any more."""
    paths = []
    for path in _all():
        with unlocked(path) as left:
            paths += [path] if left else []
    return paths


def _all() -> list[Path]:
    scratch = (settings().folder / "scratch").glob("*")
    return [*scratch, *incoming_files.unfinished(), *waiting_folders.leftovers()]
