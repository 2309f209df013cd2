"""Watching: which files and folders this process reads, each as it was just before, and whether they are still so."""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import source_from_cache
from pathlib import Path
from typing import Any

from jobs.pipelines.own_code import is_installed_file

NO_FILES = ("/proc/", "/sys/", "/dev/")
WRITES = os.O_WRONLY | os.O_RDWR
EVENTS = ("open", "os.listdir", "os.scandir")
WRITTEN = ("os.mkdir", "os.rename", "os.remove")
STARTED = ("os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen")

# The time and size of a file, or a hash of the names in a folder; None where there is neither. As JSON has it.
State = list[int] | str | None


class Watched:
    """What was read while it watched: files, and folders whose names were listed; installed packages are left out."""

    def __init__(self) -> None:
        self.files: dict[str, State] = {}
        self.written: set[str] = set()
        self.started_processes = False
        self._watching = False

    def begin(self) -> None:
        """Note from now on what this process reads."""
        self._watching = True
        sys.addaudithook(self._hear)  # cannot be taken away again

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Note what is read in the body of a `with`."""
        self.begin()
        try:
            yield
        finally:
            self._watching = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        with suppress(OSError):  # what is wrong with a file is for its reader to find out
            if event in EVENTS:
                self._note(*arguments)
            elif event in WRITTEN:
                self._note(arguments[0], flags=WRITES)
            elif event in STARTED:
                self.started_processes = True

    def _note(self, path: Any, mode: str | None = None, flags: int = 0) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        file = str(Path(os.fsdecode(path)).absolute())
        if flags & WRITES:
            if "__pycache__" not in file:  # compiled code, which the import itself writes
                self.written.add(file)
            return
        if file.endswith(".pyc"):
            file = _source(file)
        if file not in self.files and not file.startswith(NO_FILES) and not is_installed_file(file):
            self.files[file] = None  # to look at a folder is an event, too
            self.files[file] = state(file)


def unchanged(files: Mapping[str, State]) -> bool:
    """Whether every file and folder still looks as it did."""
    return all(state(file) == before for file, before in files.items())


def state(file: str) -> State:
    """How a file or folder looks. The import itself puts compiled code into a folder, so its time says nothing."""
    try:
        names = set(os.listdir(file)) - {"__pycache__"}  # noqa: PTH208 - as the import system reads it
    except OSError:
        return _stamp(file)
    return hashlib.sha256("/".join(sorted(names)).encode(errors="surrogateescape")).hexdigest()


def _stamp(file: str) -> list[int] | None:
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return [stat.st_mtime_ns, stat.st_size]


def _source(compiled: str) -> str:
    try:
        return source_from_cache(compiled)
    except ValueError:  # compiled code without its source
        return compiled
