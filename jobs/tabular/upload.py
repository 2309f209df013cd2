"""Upload: the step that makes a typed table of the file, and the profile of all of its rows."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.pipelines import StepContext, StepError, step
from jobs.tabular import reader
from jobs.tabular.column import Column, columns_of, with_kinds
from jobs.tabular.facts import fact
from jobs.tabular.kinds import KINDS
from jobs.tabular.prefetch import Background, prefetched
from jobs.tabular.profile.cells import schema_of, typed
from jobs.tabular.profile.profiler import DUPLICATE_ROWS, Profile, Profiler, duplicates_noted
from jobs.tabular.reader import Source
from jobs.tabular.row_hash import KEPT, KEPT_SHIFT, Duplicates, hashes_of
from store import datasets, files
from store.datasets import Dataset
from store.errors import RequestError
from store.files import FileRef
from store.messages import Message, Notice

MOST_LISTED = 5
# Bytes of a cell in the file, with the sign after it.
SHORT_CELL = 5


@step("upload", reads_dataset=True, params=(KINDS,), version=7)
def upload(context: StepContext) -> dict[str, Any]:
    """Turn the uploaded bytes into a typed table."""
    try:
        return _upload(context)
    except RequestError as refused:
        raise StepError(refused.message) from None


def _upload(context: StepContext) -> dict[str, Any]:
    dataset, kinds = context.dataset, context.params.get("kinds") or {}
    path = context.folder / "table.arrow"
    with files.checked(dataset.file) as stored:
        source = reader.reopen(stored, dataset.dialect)
        context.log(fact("reading_dataset", dataset=dataset.title, dialect=source.dialect.words))
        if dataset.exact and dataset.rows is not None and not kinds:
            profile, table = _known(dataset), _write(context, source, path, columns_of(dataset))
        else:
            profile, table = _write_and_profile(context, source, path, kinds)
    described = profile.to_json()
    if not dataset.exact and not kinds:
        datasets.describe(dataset.id, described)
    context.save("table", path, table.written)
    context.save("row_hashes", table.hashes, table.hashes_written)
    context.log(fact("table_written", rows=profile.rows, columns=len(profile.columns)))
    return {
        "rows": profile.rows,
        "columns": len(profile.columns),
        "columns_profile": described["columns"],
        "notices": described["notices"],
        "preview": profile.preview,
        "duplicates": table.duplicates,
        "size": dataset.size,
        "sha256": dataset.sha256,
    }


def _known(dataset: Dataset) -> Profile:
    """Return the profile of a dataset that was read as a whole before."""
    assert dataset.rows is not None
    notices = [Notice.from_json(stored) for stored in dataset.notices]
    return Profile(columns_of(dataset), dataset.preview, notices, dataset.proposal, dataset.rows, True)


def _write_and_profile(
    context: StepContext, source: Source, path: Path, kinds: Mapping[str, str]
) -> tuple[Profile, "_Table"]:
    """Write with the kinds that the first part suggested; once more when the rest showed another kind."""
    guessed = with_kinds(columns_of(context.dataset), kinds)
    profiler = Profiler(source, context.dataset.size, kinds)
    written = _write(context, source, path, guessed, profiler)
    profile = profiler.finish(exact=True)
    changed = [
        column.name for column, guess in zip(profile.columns, guessed, strict=True) if _form(column) != _form(guess)
    ]
    if unexpected := [name for name in changed if name not in kinds]:
        context.log(_kinds_changed(unexpected))
    if changed:
        written = _write(context, source, path, profile.columns, before=context.dataset.size)
    copies = duplicates_noted(written.duplicates, profile.rows)
    return replace(profile, notices=[*copies, *_all_notices(context.dataset, profile)]), written


def _kinds_changed(names: list[str]) -> Message:
    """Return the line of the log that later rows showed columns to be of another kind."""
    if len(names) <= MOST_LISTED:
        return fact("kinds_changed", columns=names, count=len(names))
    return fact("kinds_changed_many", columns=names[: MOST_LISTED - 1], more=len(names) - MOST_LISTED + 1)


def _all_notices(dataset: Dataset, profile: Profile) -> list[Notice]:
    """Return the notices about the file as such, which stay, and those about its columns, which are replaced."""
    before = [Notice.from_json(stored) for stored in dataset.notices]
    known = [notice for notice in before if notice.column is None and notice.message.code != DUPLICATE_ROWS]
    return [notice for notice in known if notice not in profile.notices] + profile.notices


def _form(column: Column) -> tuple[str, str | None]:
    """Return how a column is stored; yes and no are stored as the texts they are."""
    return column.kind if column.kind in ("number", "date") else "text", column.format


def _write(
    context: StepContext,
    source: Source,
    path: Path,
    columns: Sequence[Column],
    profiler: Profiler | None = None,
    before: int = 0,
) -> "_Table":
    """Read, profile and write, each in a thread of its own."""
    batches = prefetched(source.batches(partial(_report_search, context)))
    first = list(islice(batches, 1))
    schema, codec = _packing(schema_of(columns), first)
    with _Table(path, schema, codec, context.dataset.row_columns) as table, Background() as background:
        for batch in _with_progress(context, chain(first, batches), before):
            if profiler:
                profiler.add(batch)
            just_read = profiler.just_read() if profiler else ()
            background(table.add, typed(batch, columns, source.dialect, just_read))
    return table


class _Table:
    """The typed table while it is written, and a hash of each of its rows."""

    def __init__(
        self, path: Path, schema: pa.Schema, codec: str | pa.Codec | None, row_columns: list[str] | None
    ) -> None:
        self.hashes = path.with_name("row_hashes")
        self._schema, self._row_columns = schema, row_columns
        self._file, self._hash_file = files.writing(path), files.writing(self.hashes)
        options = pa.ipc.IpcWriteOptions(compression=codec)
        self._writer = pa.ipc.new_file(pa.PythonFile(self._file, "w"), schema, options=options)
        self._duplicates = Duplicates()

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *_how: object) -> None:
        with contextlib.closing(self._file), contextlib.closing(self._hash_file):
            self._writer.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Write a typed batch, and hash its rows."""
        self._writer.write_batch(batch.cast(self._schema))
        hashes = hashes_of(batch, self._row_columns)
        self._duplicates.add(hashes if self._row_columns is None else hashes_of(batch))
        self._hash_file.write((hashes >> KEPT_SHIFT).astype(KEPT).view(np.uint8).data)

    @property
    def written(self) -> FileRef:
        return self._file.ref

    @property
    def hashes_written(self) -> FileRef:
        return self._hash_file.ref

    @property
    def duplicates(self) -> int:
        """How many rows are copies of others."""
        return self._duplicates.count()


def _packing(schema: pa.Schema, first: list[pa.RecordBatch]) -> tuple[pa.Schema, str | pa.Codec]:
    """Return the schema and codec of the table: short cells would take more room in it than in the file, so they are
    packed tightly; long ones gain little by that, and are read in a fraction of the time without."""
    if not any(_bytes(batch) < SHORT_CELL * batch.num_rows * batch.num_columns for batch in first):
        return schema, "lz4"
    views = [column.with_type(pa.string_view()) if column.type == pa.string() else column for column in schema]
    return pa.schema(views), pa.Codec("zstd", compression_level=1)


def _bytes(batch: pa.RecordBatch) -> int:
    """Return the bytes that a batch takes in the file, where one sign stands between two texts, and four bytes here."""
    return int(batch.nbytes - 3 * batch.num_rows * batch.num_columns)


def _report_search(context: StepContext, done: int) -> None:
    """Report how far the search for the malformed line of a file is."""
    size = context.dataset.size
    context.progress(size + done, 2 * size, fact("searching_malformed_line"))


def _with_progress(context: StepContext, batches: Iterator[pa.RecordBatch], before: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches and report how far they are; `before` bytes had to be read once already."""
    rows, done, size = 0, 0, context.dataset.size
    for batch in batches:
        yield batch
        rows += batch.num_rows
        done += _bytes(batch)
        context.progress(before + done, before + max(size, done), fact("rows_read", rows=rows))
