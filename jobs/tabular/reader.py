"""Readers: what the steps ask of a file of any format.

A reader of another format is one more module in `formats/` and one more case in `_reader`; its source gives every cell
as text, so that kinds are decided on all rows in one way.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from jobs.tabular.csv import reader as csv
from jobs.tabular.csv.explain import no_progress
from jobs.tabular.dialect import EXCEL, JSON_LINES, PARQUET, format_of, read_settings, settings_for
from jobs.tabular.formats import detect
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


def inspect(path: Path, settings: Mapping[str, object] | None = None) -> Source:
    """Detect how a file is written, or refuse it; `settings` decides what it names."""
    chosen = read_settings(settings or {})
    form = chosen.get("format") or detect.format_of(path)
    return _reader(form).inspect(path, settings_for(form, chosen))


def reopen(path: Path, settings: Mapping[str, object]) -> Source:
    """Return a file whose dialect is known already, as `as_dict` of its dialect gave it."""
    form = format_of(settings)
    return _reader(form).reopen(path, settings_for(form, settings))


def _reader(form: str) -> Reader:
    """Return the reader of a format; its libraries are loaded when a file of it comes."""
    if form == EXCEL:
        from jobs.tabular.formats import excel

        return excel
    if form == PARQUET:
        from jobs.tabular.formats import parquet

        return parquet
    if form == JSON_LINES:
        from jobs.tabular.formats import json_lines

        return json_lines
    return csv
