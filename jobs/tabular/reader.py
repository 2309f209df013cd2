"""Readers: what the steps ask of a file of any format. CSV is the one format so far.

A reader of another format is one more package beside `csv/` and one more line in `READERS`; its source gives every cell
as text, so that kinds are decided on all rows in one way.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from jobs.tabular.csv import reader as csv
from jobs.tabular.csv.explain import no_progress
from store.messages import Notice


class Notation(Protocol):
    """How numbers and dates are written in a file."""

    @property
    def decimal(self) -> str: ...
    @property
    def thousands(self) -> str: ...
    @property
    def day_first(self) -> bool | None: ...


class Dialect(Notation, Protocol):
    """How a file is written: as settings to read it again, and in words."""

    @property
    def words(self) -> str: ...
    def as_dict(self) -> dict[str, str | bool | None]: ...


class Source(Protocol):
    """A table in a file that can be read."""

    @property
    def dialect(self) -> Dialect: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def written_names(self) -> tuple[str, ...]:
        """The names as pandas reads them from the file."""

    @property
    def notices(self) -> tuple[Notice, ...]: ...

    def batches(self, progress: Callable[[int], object] = no_progress) -> Iterator[pa.RecordBatch]:
        """Yield the rows, every cell as text, empty ones as null. A malformed file is refused with its line;
        `progress` is called with the number of bytes that the search for it has read."""
        ...


class Reader(Protocol):
    """One format."""

    def inspect(self, path: Path, settings: Mapping[str, object] | None = None) -> Source: ...
    def reopen(self, path: Path, settings: Mapping[str, object]) -> Source: ...


READERS: dict[str, Reader] = {"csv": csv}


def inspect(path: Path, settings: Mapping[str, object] | None = None) -> Source:
    """Detect how a file is written, or refuse it; `settings` decides what it names."""
    return _reader(settings or {}).inspect(path, settings)


def reopen(path: Path, settings: Mapping[str, object]) -> Source:
    """Return a file whose dialect is known already, as `as_dict` of its dialect gave it."""
    return _reader(settings).reopen(path, settings)


def _reader(settings: Mapping[str, object]) -> Reader:
    return READERS[str(settings.get("format", "csv"))]
