"""Preloaded: people's own code, loaded by a process ahead of the steps that need it, and whether it is current.

To import a small module and hash its steps takes a fresh process 5 to 8 ms, most of them page faults, and a big one
seconds. Steps of one pipeline follow each other, so a process loads it meanwhile and is forked for each of them. What
an import read, the code of modules and any other file, is watched; what it can have learned elsewhere, such as the time
or a variable, is trusted for a few seconds only.

A fork has what importing left in memory. What it left outside, such as a connection or a thread, cannot be had twice:
then the process is used for one step, and not forked.
"""

import os
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.code_hash import CodeIdentity, identity
from jobs.pipelines.watching import State, Watched, unchanged

TRUSTED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """Which code the steps of a pipeline are, as a process has loaded it, and all files that loading it has read."""

    identities: dict[str, CodeIdentity]
    files: dict[str, State]
    at: float

    def is_current(self) -> bool:
        """Whether loading the code now would give the same."""
        return self.is_trusted() and unchanged(self.files)

    def is_trusted(self, seconds: float = 0) -> bool:
        """Whether what loading it learned elsewhere may be relied on, also in some seconds."""
        return time.monotonic() + seconds <= self.at + TRUSTED_SECONDS


class Preloaded:
    """The code of a pipeline in the process that has loaded it."""

    def __init__(self, pipeline: str) -> None:
        read = Watched()
        before, self._chance = _open_files(), _Chance()
        with read.meanwhile():  # to identify a step imports what only its body imports
            identities = {step.key: identity(step) for step in registry.in_a_child(pipeline).steps}
        self._chance.loaded()
        threads = os.listdir("/proc/self/task")  # noqa: PTH208 - names only
        self.may_be_forked = not (read.written or read.started_processes or _open_files() - before or threads[1:])
        self.loaded = Loaded(identities, read.files, time.monotonic())

    def before_fork(self) -> None:
        """Let each fork draw random numbers of its own, unless the code has seeded them."""
        self._chance.before_fork()

    def forked(self) -> None:
        """In a fork: draw what the code has seeded."""
        self._chance.forked()


@dataclass(slots=True)
class _Chance:
    """What the generators of Python and NumPy will draw. A module that seeds them means it for each of its steps."""

    _python: Any = None
    _numpy: Any = None
    _seeded: Any = None
    _numpy_seeded: bool = True

    def __post_init__(self) -> None:
        self._python, self._numpy = random.getstate(), _numpy_state()

    def loaded(self) -> None:
        after = random.getstate()
        self._seeded = after if after != self._python else None
        self._numpy_seeded = self._numpy is None or _numpy_state() != self._numpy

    def before_fork(self) -> None:
        if not self._numpy_seeded:
            sys.modules["numpy"].random.seed()

    def forked(self) -> None:
        if self._seeded:
            random.setstate(self._seeded)  # Python itself draws anew after a fork


def _numpy_state() -> tuple[bytes, int] | None:
    """What NumPy's global generator will draw, if NumPy is loaded."""
    if "numpy" not in sys.modules:
        return None
    _, keys, position, *_ = sys.modules["numpy"].random.get_state()
    return keys.tobytes(), position


def _open_files() -> set[tuple[str, str]]:
    """Every descriptor of this process, and what it leads to."""
    found = set()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names only
        try:
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))  # noqa: PTH115 - as text
        except OSError:
            continue  # the one that lists them
    return found
