"""The profile of one column of a table; without any library, for pages and commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal

from store.datasets import Dataset
from store.messages import Message

# "text" is a category, "free_text" a text of several words.
Kind = Literal["number", "text", "yes_no", "date", "free_text", "empty"]
Role = Literal["feature", "leave_out"]

# The kinds that people can set a column to.
NUMBER, CATEGORY, DATE, TEXT, LEAVE_OUT = KINDS_BY_HAND = ("number", "category", "date", "text", "leave_out")
# Where the kind that people set is called otherwise in a profile.
_STORED_KINDS = {CATEGORY: "text", TEXT: "free_text"}

# A number column with more distinct values than this is an amount, not a set of classes.
MOST_NUMBER_CLASSES = 20
# Rises when a file is described in another way, so that no profile of an older release stands for one of this.
PROFILER = 3
# What a model is given of a day: its number since 2000, and where it is in the week, the month and the year.
DAY_PARTS = ("days", "month", "weekday", "day", "day_of_year")


@dataclass(frozen=True, slots=True)
class Column:
    """What all cells of a column say: its kind, figures, and whether it is proposed as a feature.

    `min` and `max` are numbers, or texts such as 2024-03-14 for dates. `top` holds values with their counts."""

    name: str
    kind: Kind = "text"
    whole: bool = False
    missing: int = 0
    distinct: int = 0
    distinct_exact: bool = True
    min: Any = None
    max: Any = None
    mean: float | None = None
    top: list[list[Any]] = field(default_factory=list)
    histogram: list[int] = field(default_factory=list)
    unread: int = 0
    huge: int = 0
    format: str | None = None
    # What stands beside its numbers: %, ₺.
    unit: str | None = None
    # Whether its dates have times of the day.
    timed: bool = False
    # Whether the rows stand in the order of these dates.
    ordered: bool = False
    # The words and letters of a text, on average.
    words: float | None = None
    letters: float | None = None
    # Whether other programs may read its texts as numbers: 007 as 7, or 7.0 beside a gap.
    codes: bool = False
    role: Role = "feature"
    reason: Message | None = None
    # Whether people set its kind.
    by_hand: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the column as the database stores it."""
        stored = {name: getattr(self, name) for name in _names()}
        return {**stored, "reason": self.reason and self.reason.as_json(), "profiler": PROFILER}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Column":
        """Read a stored column, also one of an older version with fewer or other fields."""
        known = {name: stored[name] for name in _names() if name in stored}
        if known.get("reason"):
            known["reason"] = Message.from_json(known["reason"])
        return cls(**known)

    @property
    def date_parts(self) -> tuple[str, ...]:
        """Return which parts of a date tell something: no day where there are only times."""
        times = ("hour", "minute") if self.timed else ()
        return times if self.has_no_day else (*DAY_PARTS, *times)

    @property
    def has_no_day(self) -> bool:
        """Return whether it holds times of the day alone."""
        return (self.format or "").startswith("%H")

    @property
    def classes(self) -> int:
        """Return the number of classes when this column is the target; 0 when it cannot be a label."""
        if not self.distinct_exact or self.distinct < 2 or self.kind in ("date", "empty"):
            return 0
        if self.kind == "number" and (not self.whole or self.distinct > MOST_NUMBER_CLASSES):
            return 0
        return self.distinct

    @property
    def task(self) -> Literal["classification", "regression"]:
        """Return what predicting this column is."""
        return "classification" if self.kind != "number" or (self.classes and not self.by_hand) else "regression"

    def as_kind(self, kind: str) -> "Column":
        """Return the column as people set its kind, as far as that is known before its cells are read again."""
        if kind == LEAVE_OUT:
            return replace(self, role="leave_out", reason=Message("by_hand"), by_hand=True)
        if self.kind == "empty":
            return self
        made: Any = self.kind if kind == CATEGORY and self.kind == "yes_no" else _STORED_KINDS.get(kind, kind)
        same = replace(self, kind=made, role="feature", reason=None, by_hand=True)
        if made == self.kind:
            return same
        codes = self.codes or self.kind == "number"
        return replace(same, whole=False, min=None, max=None, mean=None, histogram=[], format=None, codes=codes)


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple(each.name for each in fields(Column))


def with_kinds(columns: Sequence[Column], kinds: Mapping[str, str] | None) -> list[Column]:
    """Return columns, some of them of the kind that people set."""
    chosen = kinds or {}
    return [column.as_kind(chosen[column.name]) if column.name in chosen else column for column in columns]


def is_current(dataset: Dataset) -> bool:
    """Return whether this release made the profile of a dataset, of all of its rows."""
    return dataset.exact and dataset.rows is not None and dataset.profiler == PROFILER


def columns_of(dataset: Dataset) -> list[Column]:
    """Return the columns of a dataset, as far as its profile knows them."""
    return [Column.from_json(stored) for stored in dataset.columns]
