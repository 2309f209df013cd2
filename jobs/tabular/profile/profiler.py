"""The profiler: takes batches of text cells and returns what is in each column."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.tabular.column import Column
from jobs.tabular.leak_sample import KeptRows
from jobs.tabular.limits import FEWEST_ROWS
from jobs.tabular.profile.cells import numbers_of, texts_of, typed
from jobs.tabular.profile.notices import notices_of, role_of
from jobs.tabular.profile.observed import SAMPLED, ObservedColumn, tidy
from jobs.tabular.proposal import propose_target
from jobs.tabular.reader import Notation, Source
from jobs.tabular.row_hash import Duplicates, hashes_of
from store.datasets import Profile as StoredProfile
from store.errors import RequestError
from store.messages import Message, Notice, Scalar

SAMPLED_IN_ALL = 8_000_000
PREVIEW_ROWS = 20
DUPLICATE_ROWS = "duplicate_rows"


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of a table; `exact` where all of its rows were read."""

    columns: list[Column]
    preview: list[list[Scalar]]
    notices: list[Notice]
    proposal: Mapping[str, Any] | None
    rows: int
    exact: bool

    def to_json(self) -> StoredProfile:
        """Return the profile as a dataset stores it; rows are not known before all of them were read."""
        return {
            "rows": self.rows if self.exact else None,
            "exact": self.exact,
            "columns": [column.to_json() for column in self.columns],
            "preview": self.preview,
            "notices": [notice.as_json() for notice in self.notices],
            "proposal": self.proposal,
        }

    @classmethod
    def from_json(cls, stored: StoredProfile) -> "Profile":
        """Read a stored profile of all rows."""
        assert stored["rows"] is not None
        columns = [Column.from_json(column) for column in stored["columns"]]
        notices = [Notice.from_json(notice) for notice in stored["notices"]]
        return cls(columns, stored["preview"], notices, stored["proposal"], stored["rows"], stored["exact"])


class Profiler:
    """Takes batches of text cells; `finish` returns the profile of all of them."""

    def __init__(self, source: Source, size: int, kinds: Mapping[str, str] | None = None) -> None:
        """`kinds` are those that people set."""
        self._source = source
        self._size = size
        sampled = min(SAMPLED, SAMPLED_IN_ALL // len(source.names))
        self._columns = [
            ObservedColumn(name, source.dialect, sampled, (kinds or {}).get(name)) for name in source.names
        ]
        self._head: pa.RecordBatch | None = None
        self.rows = 0
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        self.rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._head is None:
            self._head = batch.slice(0, PREVIEW_ROWS)
        # Cells take at least as many bytes here as in the file, so this does not underestimate by much.
        rows_in_all = self.rows * max(self._size / max(self._bytes, 1), 1.0) * 1.5
        for column, cells in zip(self._columns, batch.columns, strict=True):
            column.add(cells, rows_in_all)

    def just_read(self) -> list[np.ndarray | None]:
        """Return the numbers of the batch that was added last, column by column."""
        return [column.just_read for column in self._columns]

    def as_read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch that was added last, with numbers where all cells are some: these are compared faster."""
        cells = [
            texts if observed.just_read is None or not observed.all_read else pa.array(observed.just_read)
            for observed, texts in zip(self._columns, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(cells, [observed.name for observed in self._columns])

    def finish(self, exact: bool) -> Profile:
        """Return the profile of all rows so far; `exact` says that there are no others."""
        if exact and self.rows < FEWEST_ROWS:
            code = "too_few_rows" if self.rows else "no_rows"
            raise RequestError(Message(code, {"count": self.rows, "fewest": FEWEST_ROWS}), "file")
        columns = [self._described(observed, exact) for observed in self._columns]
        if all(column.kind == "empty" for column in columns):
            raise RequestError(Message("no_cells"), "file")
        notices = list(self._source.notices)
        for column, observed in zip(columns, self._columns, strict=True):
            notices += notices_of(column, observed)
        return Profile(columns, self._preview(columns), notices, propose_target(columns), self.rows, exact)

    def _described(self, observed: ObservedColumn, exact: bool) -> Column:
        column = observed.described()
        role, reason = role_of(column, observed, exact)
        return replace(column, role=role, reason=reason)

    def _preview(self, columns: list[Column]) -> list[list[Scalar]]:
        assert self._head is not None
        shown = [
            _shown(cells, column, self._source.dialect)
            for cells, column in zip(self._head.columns, columns, strict=True)
        ]
        return [list(row) for row in zip(*shown, strict=True)]


def profile_of(source: Source, chunks: Iterable[pa.RecordBatch], size: int, first_bytes: int | None = None) -> Profile:
    """Return the profile of a table, or only of its first bytes."""
    profiler, duplicates, kept = Profiler(source, size), Duplicates(), KeptRows()
    seen, exact = 0, True
    for batch in chunks:
        profiler.add(batch)
        kept.add(batch)
        if first_bytes is None:  # of a part it would say little, and take time from what is waited for
            duplicates.add(hashes_of(profiler.as_read(batch)))
        seen += batch.nbytes
        if first_bytes is not None and seen >= first_bytes:
            exact = False
            break
    return noted(profiler.finish(exact), source, kept, duplicates.count())


def noted(profile: Profile, source: Source, kept: KeptRows, copies: int) -> Profile:
    """Return the profile with what was noticed of whole rows, after the notices about the file."""
    of_file = len(source.notices)
    duplicates = duplicates_noted(copies, profile.rows)
    leaks = kept.notices(profile.columns, profile.proposal, lambda part: typed(part, profile.columns, source.dialect))
    return replace(profile, notices=[*profile.notices[:of_file], *duplicates, *leaks, *profile.notices[of_file:]])


def duplicates_noted(count: int, rows: int) -> list[Notice]:
    """Return the notice that so many rows are copies of others; none where there are none."""
    share = 100 * count / rows
    message = Message(DUPLICATE_ROWS, {"count": count, "percent": share})
    return [Notice(message, "warning" if share >= 1 else "info")] if count else []


def _shown(cells: pa.Array, column: Column, marks: Notation) -> list[Scalar]:
    """Return cells for a preview."""
    if column.kind == "number":
        return [
            None if np.isnan(value) else tidy(float(value), column.whole) for value in numbers_of(cells, marks).values
        ]
    return [value if value is None or len(value) <= 200 else value[:199] + "…" for value in texts_of(cells).to_pylist()]
