"""Preloaded: people's own code, loaded by a child while it waits for a step, and whether it is still what is on disk.

To import a small module and hash its steps takes a fresh process 5 to 7 ms, most of them page faults, and a big one
seconds. Steps of one pipeline follow each other, so the next child does it meanwhile. What an import read, the code of
modules and any other file, is watched; what it can have learned elsewhere, such as the time or a variable, is trusted
for a few seconds only.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import source_from_cache
from pathlib import Path
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.code_hash import identity
from jobs.pipelines.describer import stamp
from jobs.pipelines.own_code import is_installed_file

TRUSTED_SECONDS = 5
NO_FILES = ("/proc/", "/sys/", "/dev/")
WRITES = os.O_WRONLY | os.O_RDWR
EVENTS = ("open", "os.listdir", "os.scandir")


class Preloaded:
    """The code of a pipeline as this process has loaded it, and all files that loading it has read."""

    def __init__(self, pipeline: str) -> None:
        self._files: dict[str, object] = {}
        with self._watching():
            for step in registry.in_a_child(pipeline).steps:
                identity(step)  # which imports what only the body of a step imports
        self._loaded = time.monotonic()

    def is_current(self) -> bool:
        """Whether loading the code now would give the same."""
        if time.monotonic() > self._loaded + TRUSTED_SECONDS:
            return False
        return all(_state(file) == before for file, before in self._files.items())

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Note every file and folder that is read meanwhile, as it was just before."""
        watching = True

        def note(event: str, arguments: tuple[Any, ...]) -> None:
            if watching and event in EVENTS:
                with suppress(OSError):  # what is wrong with a file is for its reader to find out
                    self._note(*arguments)

        sys.addaudithook(note)  # cannot be taken away again; the process ends with its one step
        yield
        watching = False

    def _note(self, path: Any, mode: str | None = None, flags: int = 0) -> None:
        if not isinstance(path, str | bytes | os.PathLike) or flags & WRITES:
            return
        file = str(Path(os.fsdecode(path)).absolute())
        if file.endswith(".pyc"):
            file = _source(file)
        if file not in self._files and not file.startswith(NO_FILES) and not is_installed_file(file):
            self._files[file] = None  # to look at a folder is an event, too
            self._files[file] = _state(file)


def _state(file: str) -> object:
    """How a file or folder looks. The import itself puts compiled code into a folder, so its time says nothing."""
    try:
        return set(os.listdir(file)) - {"__pycache__"}  # noqa: PTH208 - as the import system reads it
    except OSError:
        return stamp(file)


def _source(compiled: str) -> str:
    try:
        return source_from_cache(compiled)
    except ValueError:  # compiled code without its source
        return compiled
