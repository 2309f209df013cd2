"""Curves and their charts, made once for all visitors; of a curve that grows only what is new is read."""

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from datetime import datetime
from functools import lru_cache
from math import ceil, floor
from threading import Lock
from typing import Any

from jobs.language import numbers
from jobs.pipelines import Measure
from pages.parts import charts
from store import db, metrics
from store.metrics import Curves, Point
from store.steps import Step

# A long one takes some megabytes.
KEPT = 32


def of(step: Step) -> "Shared":
    """The curves of a step's current attempt."""
    shared = _shared(db.engine(), step.id, step.attempt, step.started_at)
    shared.read(step.status.over)
    return shared


class Shared:
    """The curves of one attempt of one step."""

    def __init__(self, step_id: int) -> None:
        self.curves: Curves = {}
        self._charts: dict[Hashable, Any] = {}
        self._step_id, self._final = step_id, False
        self._lock = Lock()

    def read(self, over: bool) -> None:
        """Read what is new; once the step is over, nothing can be."""
        with self._lock:
            if self._final:
                return
            known = min((points[-1].epoch for points in self.curves.values()), default=None)
            new = metrics.curves_of([self._step_id], after=known).get(self._step_id, {})
            grown = {
                name: _until(self.curves.get(name, []), known) + new.get(name, [])
                for name in dict.fromkeys([*self.curves, *new])
            }
            if new and grown != self.curves:
                self.curves, self._charts = grown, {}
            self._final = over

    def chart(self, measure: Measure, epochs: int | None, best: int | None, zoom: charts.Zoom | None) -> Any:
        """The chart of one measure, drawn once."""
        key = (measure, epochs, best, str(zoom), numbers.current().code)
        with self._lock:
            if key not in self._charts:
                self._charts[key] = charts.learning(self.curves, measure, epochs, best, zoom)
            return self._charts[key]


@lru_cache(maxsize=KEPT)
def _shared(_database: Hashable, step_id: int, _attempt: int, _started_at: datetime | None) -> Shared:
    return Shared(step_id)


def whole_epochs(edges: Sequence[float]) -> charts.Zoom:
    """The epochs within a part of a chart that was dragged over, at least two of them."""
    low, high = max(ceil(min(edges)), 1), floor(max(edges))
    return (low, high) if high > low else (max(low - 1, 1), max(low, 2))


def _until(points: list[Point], epoch: int | None) -> list[Point]:
    return points[: bisect_right(points, epoch, key=lambda point: point.epoch)] if epoch is not None else []
