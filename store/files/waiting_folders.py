"""Waiting folders: files that were made ahead of the step that asks for them, under a name that says of what.

Whoever writes into one holds a lock on it, so a step can wait for the writer, and notice when it was killed. A folder
that no step takes is removed after an hour; of more than a few, the oldest.
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from store.files.locked_folders import new_folder, unlocked
from store.settings import settings

FOLDER, UNNAMED = "waiting", "new-"
KEPT_SECONDS = 3600.0
MOST = 4


class Waiting:
    """A folder that is being filled; it is removed unless it is offered."""

    def __init__(self) -> None:
        _remove_oldest()
        self.path, self._lock = new_folder(root(), UNNAMED)

    def offer(self, name: str) -> None:
        """Give the folder the name by which a step takes it. A process that writes into it may go on."""
        os.utime(self.path)
        target = root() / name
        _remove(target)
        with suppress(OSError):  # one of that name is being written right now
            self.path.rename(target)

    def close(self) -> None:
        """Unlock the folder, and remove it if it was not offered."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def take(name: str, target: Path, wait: Callable[[Path], object]) -> bool:
    """Move the folder of a name to `target` and return whether there was one; `wait` is called as long as somebody
    writes into it."""
    path = root() / name
    while path.exists():
        with unlocked(path) as complete:
            if complete:
                try:
                    path.rename(target)
                except OSError:  # another step was first, or the folders are on different disks
                    return False
                return True
        wait(path)
    return False


def drop(name: str) -> None:
    """Remove the folder of a name. One that somebody still writes into loses its name, and is swept when complete."""
    unnamed = root() / f"{UNNAMED}{name}"
    with suppress(OSError):  # there is none
        (root() / name).rename(unnamed)
    _remove(unnamed)


def leftovers() -> list[Path]:
    """List folders that nobody will take, or that somebody still fills."""
    limit = time.time() - KEPT_SECONDS
    return [path for path in root().glob("*") if path.name.startswith(UNNAMED) or _offered(path) < limit]


def root() -> Path:
    return settings().folder / FOLDER


def _remove_oldest() -> None:
    for path in sorted(root().glob("*"), key=_offered, reverse=True)[MOST - 1 :]:
        _remove(path)


def _remove(path: Path) -> None:
    with unlocked(path) as free:
        if free:
            shutil.rmtree(path, ignore_errors=True)


def _offered(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # it was taken just now
        return time.time()
