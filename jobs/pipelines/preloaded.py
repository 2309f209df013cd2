"""Preloaded: people's own code, loaded by a child while it waits for a step, and whether it is still what is on disk.

To import a small module and hash its steps takes a fresh process 5 to 7 ms, most of them page faults, and a big one
seconds. Steps of one pipeline follow each other, so the next child does it meanwhile. What an import read, the code of
modules and any other file, is watched; what it can have learned elsewhere, such as the time or a variable, is trusted
for a few seconds only.
"""

import time

from jobs.pipelines import registry
from jobs.pipelines.code_hash import identity
from jobs.pipelines.watching import Watched, unchanged

TRUSTED_SECONDS = 5


class Preloaded:
    """The code of a pipeline as this process has loaded it, and all files that loading it has read."""

    def __init__(self, pipeline: str) -> None:
        self._read = Watched()
        with self._read.meanwhile():
            for step in registry.in_a_child(pipeline).steps:
                identity(step)  # which imports what only the body of a step imports
        self._loaded = time.monotonic()

    def is_current(self) -> bool:
        """Whether loading the code now would give the same."""
        return time.monotonic() <= self._loaded + TRUSTED_SECONDS and unchanged(self._read.files)
