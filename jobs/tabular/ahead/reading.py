"""Reading ahead, in a child of the sandbox: it describes a CSV file while it arrives, and writes the typed table.

How the file is written is detected by its begin. What only all of its bytes show is looked at in a second thread; where
they show something else, or a line is malformed, the child gives up, and the file is looked at when it is complete."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from io import BufferedRWPair, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.tabular import dialect
from jobs.tabular.ahead.growing_file import GrowingFile
from jobs.tabular.ahead.made_table import Notes
from jobs.tabular.csv import encoding
from jobs.tabular.csv.batches import batches_of_stream
from jobs.tabular.csv.lines import SAMPLE
from jobs.tabular.csv.reader import CsvSource, inspect_scanned
from jobs.tabular.formats import detect
from jobs.tabular.leak_sample import KeptRows
from jobs.tabular.prefetch import Background, prefetched
from jobs.tabular.profile.cells import typed
from jobs.tabular.profile.profiler import Profiler, noted
from jobs.tabular.typed_table import ROW_HASHES, TABLE, TypedTable, bytes_of, is_stored_alike
from store import files
from store.datasets import Description


class NotAheadError(Exception):
    """The file cannot be read before it is complete."""


def read_ahead(request: Mapping[str, Any], line: BufferedRWPair) -> Iterator[Description | None]:
    """Yield the description of the file once all of it has arrived, then go on until the table is written; yield None
    where the file has to be looked at as usual."""
    folder = Path(request["folder"])
    lock, place = files.lock_shared(folder), files.lock_alone(folder.parent)
    described = False
    try:
        if place is None:
            raise NotAheadError  # another file is being read ahead; two would take memory and time from other work
        for description in _described(request, GrowingFile(Path(request["path"]), line), folder):
            described = True
            yield description
    except Exception:  # noqa: BLE001 - whatever it is, looking at the complete file says it in a sentence
        for name in (TABLE, ROW_HASHES):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=lock)  # its folder may have been renamed
    if not described:
        yield None
    os.close(lock)


def _described(request: Mapping[str, Any], growing: GrowingFile, folder: Path) -> Iterator[Description]:
    chosen = dialect.read_settings(request["dialect"])
    source = _source_by_begin(growing, request["size"], chosen)
    with ThreadPoolExecutor(1, "scan") as thread:
        yield from _read(request, growing, source, thread.submit(_source_by_all, growing, chosen), folder)


def _read(
    request: Mapping[str, Any], growing: GrowingFile, source: CsvSource, proof: "Future[CsvSource]", folder: Path
) -> Iterator[Description]:
    profiler, kept = Profiler(source, request["size"]), KeptRows()
    batches = prefetched(batches_of_stream(growing.open(), source.dialect, source.names))
    held = list(_first(batches, profiler, kept, request["first_bytes"]))
    first = noted(profiler.finish(exact=False), source, kept, 0)
    description: Description = {"dialect": source.dialect.as_dict(), **first.to_json()}
    columns, notes = first.columns, Notes(folder)
    rows, size = profiler.rows, sum(bytes_of(batch) for batch, _numbers in held)
    described = False
    with TypedTable(folder, columns, [held[0][0]], None) as table, Background() as background:
        while held:
            batch, numbers = held.pop(0)
            background(table.add, typed(batch, columns, source.dialect, numbers))
        for batch in batches:
            profiler.add(batch)
            background(table.add, typed(batch, columns, source.dialect, profiler.just_read()))
            rows, size = rows + batch.num_rows, size + bytes_of(batch)
            notes.progress(rows, size)
            if proof.done() and not described:
                described = True
                yield _proved(description, source, proof)
            if notes.is_removed():
                return
    if not described:
        yield _proved(description, source, proof)
    profile = profiler.finish(exact=True)
    if not all(map(is_stored_alike, profile.columns, columns)):
        raise NotAheadError
    notes.complete(profile, table.written)


def _first(
    batches: Iterator[pa.RecordBatch], profiler: Profiler, kept: KeptRows, most: int
) -> Iterator[tuple[pa.RecordBatch, list[np.ndarray | None]]]:
    """Yield the first batches, by which a big file is described, with the numbers in them."""
    seen = 0
    for batch in batches:
        profiler.add(batch)
        kept.add(batch)
        yield batch, profiler.just_read()
        if (seen := seen + batch.nbytes) >= most:
            return
    raise NotAheadError  # the file is smaller than was announced


def _proved(description: Description, source: CsvSource, proof: "Future[CsvSource]") -> Description:
    """Return the description if all bytes of the file confirm how it is written."""
    if proof.result() != source:
        raise NotAheadError
    return description


def _source_by_begin(growing: GrowingFile, size: int, chosen: dict[str, Any]) -> CsvSource:
    with closing(growing.open()) as stream:
        head = stream.read(max(SAMPLE, detect.HEAD))
    if (chosen.get("format") or detect.format_of(growing.path)) != dialect.CSV:
        raise NotAheadError
    lines = head[: head.rfind(b"\n") + 1]  # the last letter may be cut

    def scanned(utf16: bool) -> encoding.Scan:
        return replace(encoding.scan_bytes(BytesIO(lines), utf16), size=size, odd_quotes=False)

    return inspect_scanned(growing.path, scanned, dialect.settings_for(dialect.CSV, chosen))


def _source_by_all(growing: GrowingFile, chosen: dict[str, Any]) -> CsvSource:
    def scanned(utf16: bool) -> encoding.Scan:
        with closing(growing.open()) as stream:
            return encoding.scan_bytes(stream, utf16)

    return inspect_scanned(growing.path, scanned, dialect.settings_for(dialect.CSV, chosen))
