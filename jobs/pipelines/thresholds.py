"""Thresholds: from which chance on a class is predicted, and what becomes of rows at each place it can stand.

A pipeline that tells two classes apart declares `thresholds`, which reads from what a workflow left how many rows are
found and how many are false alarms at each place. Pages, commands and requests know no more of it than this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jobs.pipelines.predictions import Trained
from store.messages import Message

# Rows that chose the epoch; rows on which nothing was chosen; all rows, each predicted by a model that has not seen it.
Part = Literal["validation", "test", "all"]


@dataclass(frozen=True, slots=True)
class Costs:
    """What a false alarm costs, and what a found row gains, in one unit."""

    alarm: float
    found: float


@dataclass(frozen=True, slots=True)
class Place:
    """What becomes of some rows where the class is predicted from `value` on: of its own rows some are found and some
    missed, of the others some are false alarms and the rest is rightly passed over."""

    value: float
    found: int
    missed: int
    alarms: int
    passed: int

    @property
    def rows(self) -> int:
        return self.found + self.missed + self.alarms + self.passed

    def cost(self, costs: Costs) -> float:
        """Return what the false alarms cost."""
        return self.alarms * costs.alarm

    def gain(self, costs: Costs) -> float:
        """Return what is gained by those found, less what the false alarms cost."""
        return self.found * costs.found - self.cost(costs)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows of a part are found, and how many are false alarms, at each place; `wanted` have the class."""

    part: Part
    wanted: int
    others: int
    found: tuple[int, ...]
    alarms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The places at which a threshold can stand, lowest first, and what becomes of rows there.

    `label` is predicted from the threshold on, else `other`. A value is a `chance` between 0 and 1, or a `score` of a
    model that gives no chances; `usual` is where the model decides by itself."""

    label: str
    other: str
    of: Literal["chance", "score"]
    usual: float
    values: tuple[float, ...]
    chosen_on: Counted
    reported_on: Counted

    def nearest(self, value: float) -> float:
        """Return the place that is closest to a value: only there it is known what becomes of rows."""
        return min(self.values, key=lambda place: (abs(place - value), abs(place - self.usual)))

    def at(self, value: float) -> Place:
        """Return what becomes of the rows that are reported on."""
        return _place(self.reported_on, self.values.index(self.nearest(value)), self.values)

    def chosen_at(self, value: float) -> Place:
        """Return what becomes of the rows that choose."""
        return _place(self.chosen_on, self.values.index(self.nearest(value)), self.values)

    def places(self) -> list[Place]:
        """Return what becomes of the rows that are reported on, at each place."""
        return [_place(self.reported_on, number, self.values) for number in range(len(self.values))]

    def best(self, costs: Costs) -> float:
        """Return where these costs gain most on the rows that choose. Of places that gain alike, the one closest to
        where costs and gains of a row would balance if its chance were exact."""
        total = costs.alarm + costs.found
        balanced = costs.alarm / total if self.of == "chance" and total > 0 else self.usual
        chosen = (_place(self.chosen_on, number, self.values) for number in range(len(self.values)))
        return max(chosen, key=lambda place: (place.gain(costs), -abs(place.value - balanced))).value


def _place(counted: Counted, number: int, values: tuple[float, ...]) -> Place:
    found, alarms = counted.found[number], counted.alarms[number]
    return Place(values[number], found, counted.wanted - found, alarms, counted.others - alarms)


def moved(label: str, value: float, chances: bool) -> Message:
    """Return from where on a class is predicted, where a person has set that."""
    if not chances:
        return Message("predict_from_score", {"label": label, "score": value})
    return Message("predict_from_chance", {"label": label, "percent": 100 * value})


# Raises NotFoundError where there are not two classes, ConflictError where it was not measured what becomes of rows.
ThresholdsOf = Callable[[Trained], Thresholds]
