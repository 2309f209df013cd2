"""Coded columns: categories of many values. On disk a row holds one code of each; in a matrix that becomes the numbers
that linear models and networks are shown, or, for trees, the category itself.

A value has several codes where what stands for it differs among rows, as it must for rows that it was learned from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np

from jobs.tabular.sparse import PackedRows, SparseRows

# The field of packed rows that holds their codes, and the most codes there can be.
CODED, MOST_CODES = "coded", 1 << 16


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """What each code of a column stands for: of some places the one with a 1, or beyond them none; then some numbers.
    Where categories are taken as such, it is the category in place of the 1, NaN where the value is unknown.

    All values have a code, then all have another one, and so on; how often, `again` says. In them, only the numbers
    differ, and rows that nothing was learned from have codes of the last time alone."""

    start: int
    places: int
    marks: np.ndarray
    numbers: np.ndarray
    categories: np.ndarray
    again: int = 1

    @property
    def codes_before(self) -> int:
        """How many codes there are before those of rows that nothing was learned from."""
        return len(self.marks) - len(self.marks) // self.again

    def held_out(self) -> "CodedColumn":
        """Return what the codes of rows stand for that nothing was learned from, less those before."""
        first = self.codes_before
        return CodedColumn(self.start, self.places, self.marks[first:], self.numbers[first:], self.categories[first:])

    @property
    def width(self) -> int:
        """How many columns of the matrix it takes."""
        return self.places + int(self.numbers.shape[1])

    def unpack(self, codes: np.ndarray, matrix: np.ndarray) -> None:
        """Write what the codes of some rows stand for into their lines of a matrix of zeros."""
        marks = self.marks[codes]
        marked = np.flatnonzero(marks < self.places)
        matrix[marked, self.start + marks[marked].astype(np.int64)] = 1
        matrix[:, self.start + self.places : self.start + self.width] = self.numbers[codes]

    def parts(self) -> list[np.ndarray]:
        """Return what is written of it."""
        once = len(self.marks) // self.again
        return [np.array([self.start, self.places]), self.marks[:once], self.numbers, self.categories[:once]]


def load(stream: BinaryIO, count: int) -> list[CodedColumn]:
    """Read so many coded columns."""
    columns = []
    for _column in range(count):
        (start, places), marks, numbers, categories = (np.load(stream) for _part in range(4))
        again = len(numbers) // len(marks)
        marks, categories = np.tile(marks, again), np.tile(categories, again)
        columns.append(CodedColumn(int(start), int(places), marks, numbers, categories, again))
    return columns


class Form(Protocol):
    """How rows are packed: the places of their numbers in a matrix, and start and width of what is marked."""

    @property
    def numbers(self) -> np.ndarray: ...
    @property
    def looked_up(self) -> np.ndarray: ...
    @property
    def marked(self) -> np.ndarray: ...
    @property
    def coded(self) -> Sequence[CodedColumn]: ...
    @property
    def sparse(self) -> int: ...
    @property
    def width(self) -> int: ...
    def numbers_of(self, rows: np.ndarray) -> np.ndarray: ...


class CompactRows:
    """The same rows with one column for each category, as algorithms take them that know categories as such."""

    def __init__(self, form: Form) -> None:
        """Take a form whose rows are packed."""
        self._form = form
        begins = [*form.numbers, *form.looked_up, *form.marked[:, 0], *(column.start for column in form.coded)]
        widths = [1] * (len(begins) - len(form.coded)) + [1 + column.numbers.shape[1] for column in form.coded]
        self.sparse = form.sparse
        self.width = sum(widths) + form.sparse
        order = np.argsort(begins)
        places = np.empty(len(begins), np.int64)
        places[order] = np.cumsum([0, *np.array(widths, np.int64)[order]])[:-1]
        ends = np.cumsum([len(form.numbers), len(form.looked_up), len(form.marked)])
        self._numbers, self._looked_up, self._marked, self._coded = np.split(places, ends)

    def unpacked(self, rows: PackedRows) -> np.ndarray:
        """Return rows as float32, all columns beside each other; the entries of a row stand behind all others."""
        if isinstance(rows, SparseRows):
            whole = self.unpacked(rows.rows)
            whole[:, self.width - self.sparse :] = 0
            rows.fill(whole, self.width - self._form.width)
            return whole
        form, matrix = self._form, np.empty((len(rows), self.width), np.float32)
        matrix[:, self._numbers] = rows["numbers"]
        matrix[:, self._looked_up] = form.numbers_of(rows)
        marks = rows["marked"].astype(np.float32)
        marks[rows["marked"] >= form.marked[:, 1]] = np.nan
        matrix[:, self._marked] = marks
        for place, column, codes in zip(self._coded, form.coded, codes_of(rows), strict=True):
            matrix[:, place] = column.categories[codes]
            matrix[:, place + 1 : place + 1 + column.numbers.shape[1]] = column.numbers[codes]
        return matrix


def codes_of(rows: np.ndarray) -> Iterable[np.ndarray]:
    """Return the codes of each coded column."""
    return rows[CODED].T if CODED in (rows.dtype.names or ()) else ()
