"""For how long things have not changed, as far as this process watched."""

import math
import time
from collections.abc import Hashable, Mapping
from typing import Any

MOST_SECONDS = 3.0


class Unchanged:
    """Measures by this process's own clock only, so that clocks that differ or jump make no difference.

    The time between two looks counts for a few seconds at most: while this process could not
    look, because the machine was suspended or the database locked, the watched ones could not report anything either.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[Any, float]] = {}
        self._looked = -math.inf

    def seconds(self, states: Mapping[Any, Any]) -> dict[Any, float]:
        """Return for how long each of these has had its present state; others are forgotten."""
        at = time.monotonic()
        passed, self._looked = min(at - self._looked, MOST_SECONDS), at
        before, self._seen = self._seen, {}
        for what, state in states.items():
            same = what in before and before[what][0] == state
            self._seen[what] = (state, before[what][1] + passed if same else 0.0)
        return {what: seconds for what, (_, seconds) in self._seen.items()}
