"""Preloaded: people's own code, loaded by a process ahead of the steps that need it, and whether it is current.

To import a small module and hash its steps takes a fresh process 5 to 8 ms, most of them page faults, and a big one
seconds. Steps of one pipeline follow each other, so a process loads it meanwhile and is forked for each of them. What
an import read, the code of modules and any other file, is watched; what it can have learned elsewhere, such as the time
or a variable, is trusted for a few seconds only.

A fork has what importing left in memory. What it left outside, such as a connection or a thread, cannot be had twice,
and a generator of random numbers would draw the same for each step: then the process is used for one step, and not
forked.
"""

import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.code_hash import CodeIdentity, identity
from jobs.pipelines.own_code import is_project
from jobs.pipelines.watching import State, Watched, unchanged
from store.codes import Place

TRUSTED_SECONDS = 5
# Words in the state of a generator, and after how many such blocks it counts as seeded.
BLOCK, MOST_BLOCKS = 624, 32

Mersenne = tuple[int, ...]


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


@dataclass(frozen=True, slots=True)
class OwnCode:
    """The code of a pipeline of people's own, as it is now or as it is in a place."""

    pipeline: str
    place: Place | None


class Preloaded:
    """The code of a pipeline in the process that has loaded it."""

    def __init__(self, wanted: OwnCode) -> None:
        read = Watched()
        before, modules, self._chance = _open_files(), set(sys.modules), _Chance()
        with read.meanwhile():  # to identify a step imports what only its body imports
            known = registry.in_a_child(wanted.pipeline, wanted.place).by_reference()
            identities = {reference: identity(step) for reference, step in known.items()}
        self._chance.loaded()
        left_behind = read.written or read.started_processes or _open_files() - before or _threads()[1:]
        own = filter(is_project, [sys.modules[name] for name in set(sys.modules) - modules])
        self.may_be_forked = not (left_behind or any(map(_holds_a_generator, own)))
        self.loaded = Loaded(identities, read.files, time.monotonic())

    def before_fork(self) -> None:
        """Let each fork draw random numbers of its own, unless the code has seeded them."""
        self._chance.before_fork()

    def forked(self) -> None:
        """In a fork: draw what the code has seeded."""
        self._chance.forked()


class _Chance:
    """What the generators of Python and NumPy will draw. A module that seeds them means it for each of its steps."""

    def __init__(self) -> None:
        self._before = random.getstate()[1], _numpy_state()
        self._seeded: Any = None
        self._numpy_seeded = True

    def loaded(self) -> None:
        python, numpy = self._before
        if not _only_drawn(python, random.getstate()[1]):
            self._seeded = random.getstate()
        after = _numpy_state()
        self._numpy_seeded = numpy is None or after is None or not _only_drawn(numpy, after)

    def before_fork(self) -> None:
        if not self._numpy_seeded:
            sys.modules["numpy"].random.seed()

    def forked(self) -> None:
        if self._seeded:
            random.setstate(self._seeded)  # Python itself draws anew after a fork


def _only_drawn(before: Mersenne, after: Mersenne) -> bool:
    """Whether a generator came from one state to another by drawing numbers, and was not seeded meanwhile."""
    generator = random.Random()
    generator.setstate((3, before, None))
    for _ in range(MOST_BLOCKS):
        if generator.getstate()[1][:-1] == after[:-1]:
            return True
        generator.getrandbits(32 * BLOCK)
    return False


def _numpy_state() -> Mersenne | None:
    """The state of NumPy's global generator, written as Python writes that of its own, if NumPy is loaded."""
    if "numpy" not in sys.modules:
        return None
    _, keys, position, *_ = sys.modules["numpy"].random.get_state()
    return (*keys.tolist(), position)


def _holds_a_generator(module: ModuleType) -> bool:
    """Whether a module, a class in it or a default of a function holds a generator of random numbers."""
    numpy = sys.modules.get("numpy")
    kinds = (random.Random, *((numpy.random.Generator, numpy.random.RandomState) if numpy else ()))
    held = list(vars(module).values())
    for each in [*held]:
        if isinstance(each, type):
            held += vars(each).values()
        elif isinstance(each, FunctionType):
            held += [*(each.__defaults__ or ()), *(each.__kwdefaults__ or {}).values()]
    return any(isinstance(each, kinds) and not isinstance(each, random.SystemRandom) for each in held)


def _threads() -> list[str]:
    """The names of this process's threads, without that of Arrow's allocator, which each fork starts anew by itself."""
    names = [Path(f"/proc/self/task/{number}/comm").read_text().strip() for number in os.listdir("/proc/self/task")]  # noqa: PTH208
    return [name for name in names if name != "jemalloc_bg_thd"]


def _open_files() -> set[tuple[str, str]]:
    """Every descriptor of this process, and what it leads to."""
    found = set()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names only
        try:
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))  # noqa: PTH115 - as text
        except OSError:
            continue  # the one that lists them
    return found
