"""Sparse rows: packed rows that have entries of their own beside, as a text has words; few of its columns are not 0.

Each row says where its entries end, each entry its column and its value."""

from collections.abc import Sequence
from typing import Self

import numpy as np

# One number of a row that is not 0, and its column in the matrix.
ENTRY = np.dtype([("place", "<u2"), ("value", "<f4")])
# The field that says where in the entries those of a row end.
ENDS = "ends"


class SparseRows:
    """Packed rows with their entries, which lie row after row."""

    def __init__(self, rows: np.ndarray, entries: np.ndarray) -> None:
        self.rows, self.entries = rows, entries

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def counts(self) -> np.ndarray:
        """How many entries each row has."""
        return np.diff(self.rows[ENDS], prepend=0)

    def __getitem__(self, chosen: np.ndarray) -> "SparseRows":
        """Return chosen rows, given by their places, in that order."""
        counts = self.counts
        rows, own = self.rows[chosen], counts[chosen]
        begins = rows[ENDS] - own
        rows[ENDS] = np.cumsum(own)
        moved = np.repeat(begins - (rows[ENDS] - own), own)
        return SparseRows(rows, self.entries[moved + np.arange(len(moved))])

    @classmethod
    def joined(cls, parts: Sequence["SparseRows"]) -> Self:
        """Return all rows of several parts."""
        before = np.cumsum([0, *(len(part.entries) for part in parts)])
        rows = np.concatenate([part.after(int(first)) for part, first in zip(parts, before[:-1], strict=True)])
        return cls(rows, np.concatenate([part.entries for part in parts]))

    def after(self, entries: int) -> np.ndarray:
        """Return the rows as they are written after others with so many entries."""
        rows = self.rows.copy()
        rows[ENDS] += entries
        return rows

    def fill(self, matrix: np.ndarray, moved: int = 0) -> None:
        """Write the entries into a matrix with a line for each row, in which their columns are moved by so many."""
        lines = np.repeat(np.arange(len(self.rows)), self.counts)
        matrix[lines, self.entries["place"].astype(np.int64) + moved] = self.entries["value"]


# Packed rows, with or without entries.
PackedRows = np.ndarray | SparseRows
