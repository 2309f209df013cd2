"""Marks: how numbers are written in a file, and the same numbers written as where a model learned."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from jobs.tabular.profile.cells import numbers_of, without_units
from store.messages import Message, Notice


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks between thousands and before decimals."""

    decimal: str
    thousands: str
    day_first: bool | None = None

    def pattern(self) -> re.Pattern[str]:
        """Return what matches a number so written; not one with leading zeros, which is a code."""
        return _pattern(self.decimal, self.thousands)

    def number(self, text: str) -> float:
        """Return the number that a text which matches says."""
        plain = text.replace(self.thousands, "") if self.thousands else text
        return float(plain.replace(self.decimal, "."))


@lru_cache(maxsize=8)
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+|" if thousands else ""
    return re.compile(rf"[+-]?(?P<whole>{grouped}0|[1-9]\d*)(?:{re.escape(decimal)}\d+)?(?:[eE][+-]?\d+)?")


def marks_of(numbers: Sequence[pa.Array], usual: Marks, detected: Marks, notices: list[Notice]) -> Marks:
    """Return how numbers are written: as where the model learned, unless more cells can be read as the file seems to
    be written."""

    def unread(marks: Marks) -> int:
        return sum(numbers_of(cells, marks).unread for cells in numbers)

    if detected == usual or unread(detected) >= unread(usual):
        return usual
    notices.append(Notice(Message("predict_other_marks", {"given": detected.decimal, "usual": usual.decimal})))
    return detected


def rewritten(cells: pa.Array, given: Marks, decimal: str) -> pa.Array:
    """Return numbers with another decimal mark; marks of thousands are dropped where they group three digits."""
    cells = without_units(cells)
    if given.thousands:
        mark, point = re.escape(given.thousands), re.escape(given.decimal)
        grouped = pc.match_substring_regex(cells, rf"^\s*[+-]?[1-9]\d{{0,2}}({mark}\d{{3}})+({point}\d+)?\s*$")
        cells = pc.if_else(grouped, pc.replace_substring(cells, given.thousands, ""), cells)
    return pc.replace_substring(cells, given.decimal, decimal)
