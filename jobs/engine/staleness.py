"""For how long things have looked the same while somebody watched."""

import math
import time
from collections.abc import Hashable, Mapping
from typing import Any

MOST_SECONDS = 3.0


class Unchanged:
    """Measures by this process's own clock only, so that clocks that differ or jump make no difference.

    The time between two looks counts for a few seconds at most: when nobody could look, perhaps because the machine
    stood still or the database was locked, nobody could tell anything either.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[Any, float]] = {}
        self._looked = -math.inf

    def seconds(self, found: Mapping[Any, Any]) -> dict[Any, float]:
        """For how long each of these has looked as it does now; what is not among them is forgotten."""
        at = time.monotonic()
        passed, self._looked = min(at - self._looked, MOST_SECONDS), at
        before, self._seen = self._seen, {}
        for what, looks in found.items():
            same = what in before and before[what][0] == looks
            self._seen[what] = (looks, before[what][1] + passed if same else 0.0)
        return {what: seconds for what, (_, seconds) in self._seen.items()}
