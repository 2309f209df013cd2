"""Upload: the file as a typed table, and what is in every column of all of it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.pipelines import Recorder, StepError, step
from jobs.tabular import reader
from jobs.tabular.column import Column, columns_of
from jobs.tabular.prefetch import Behind, ahead
from jobs.tabular.profile.cells import schema_of, typed
from jobs.tabular.profile.profiler import Profile, Profiler
from jobs.tabular.reader import Source
from store import datasets, files
from store.datasets import Dataset
from store.errors import Refused
from store.files import Kept
from store.messages import Notice

MOST_LISTED = 5
# Bytes of a cell in the file, with the sign after it.
SHORT_CELL = 5


@step("upload", reads_dataset=True, version=3)
def upload(context: Recorder) -> dict[str, Any]:
    """Turn the uploaded bytes into a typed table."""
    try:
        return _upload(context)
    except Refused as refused:
        raise StepError(refused.sentence) from None


def _upload(context: Recorder) -> dict[str, Any]:
    dataset = context.dataset
    path = context.folder / "table.arrow"
    with files.checked(dataset.kept) as stored:
        source = reader.reopen(stored, dataset.dialect)
        context.log(f"Reading {dataset.title}: {source.dialect.words}.")
        if dataset.exact and dataset.rows is not None:
            profile, kept = _known(dataset), _write(context, source, path, columns_of(dataset))
        else:
            profile, kept = _write_and_profile(context, source, path)
    described = profile.to_json()
    if not dataset.exact:
        datasets.describe(dataset.id, described)
    context.save("table", path, kept)
    context.log(f"{profile.rows:,} rows and {len(profile.columns)} columns.")
    return {
        "rows": profile.rows,
        "columns": len(profile.columns),
        "columns_profile": described["columns"],
        "notices": described["notices"],
        "preview": profile.preview,
        "size": dataset.size,
        "sha256": dataset.sha256,
    }


def _known(dataset: Dataset) -> Profile:
    """Return the profile of a dataset that was read as a whole before."""
    assert dataset.rows is not None
    notices = [Notice.from_json(stored) for stored in dataset.notices]
    return Profile(columns_of(dataset), dataset.preview, notices, dataset.proposal, dataset.rows, True)


def _write_and_profile(context: Recorder, source: Source, path: Path) -> tuple[Profile, Kept]:
    """Write with the kinds that the first part suggested; once more when the rest showed another kind."""
    guessed = columns_of(context.dataset)
    profiler = Profiler(source, context.dataset.size)
    kept = _write(context, source, path, guessed, profiler)
    profile = profiler.finish(exact=True)
    profile = replace(profile, notices=_all_notices(context.dataset, profile))
    changed = [
        column.name for column, guess in zip(profile.columns, guessed, strict=True) if _form(column) != _form(guess)
    ]
    if changed:
        context.log(f"Later rows showed that {_listed(changed)} of another kind than the first ones; reading again.")
        kept = _write(context, source, path, profile.columns, before=context.dataset.size)
    return profile, kept


def _listed(names: list[str]) -> str:
    """Return the subject and verb of a sentence: a, b and 3 more columns are."""
    if len(names) == 1:
        return f"{names[0]} is"
    if len(names) > MOST_LISTED:
        names = [*names[: MOST_LISTED - 1], f"{len(names) - MOST_LISTED + 1} more columns"]
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def _all_notices(dataset: Dataset, profile: Profile) -> list[Notice]:
    """Return the notices about the file as such, which stay, and those about its columns, which are replaced."""
    before = [Notice.from_json(stored) for stored in dataset.notices]
    return [notice for notice in before if notice.column is None and notice not in profile.notices] + profile.notices


def _form(column: Column) -> tuple[str, str | None]:
    """Return how a column is stored; yes and no are stored as the texts they are."""
    return column.kind if column.kind in ("number", "date") else "text", column.format


def _write(
    context: Recorder,
    source: Source,
    path: Path,
    columns: Sequence[Column],
    profiler: Profiler | None = None,
    before: int = 0,
) -> Kept:
    """Read, look and write, each in a thread of its own."""
    batches = ahead(source.batches(partial(_searching, context)))
    first = list(islice(batches, 1))
    schema, codec = _packing(schema_of(columns), first)
    file = files.writing(path)
    with (
        contextlib.closing(file),
        pa.ipc.new_file(pa.PythonFile(file, "w"), schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer,
        Behind() as behind,
    ):
        for batch in _with_progress(context, chain(first, batches), before):
            if profiler:
                profiler.add(batch)
            just_read = profiler.just_read() if profiler else ()
            behind(writer.write_batch, typed(batch, columns, source.dialect, just_read).cast(schema))
    return file.kept


def _packing(schema: pa.Schema, first: list[pa.RecordBatch]) -> tuple[pa.Schema, str | pa.Codec]:
    """Short cells would take more room in the table than in the file, so they are packed tightly; long ones gain little
    by it, and are read in a fraction of the time without."""
    if not any(_bytes(batch) < SHORT_CELL * batch.num_rows * batch.num_columns for batch in first):
        return schema, "lz4"
    views = [column.with_type(pa.string_view()) if column.type == pa.string() else column for column in schema]
    return pa.schema(views), pa.Codec("zstd", compression_level=1)


def _bytes(batch: pa.RecordBatch) -> int:
    """What a batch of texts takes in the file: between two texts there is one sign, and four bytes here."""
    return int(batch.nbytes - 3 * batch.num_rows * batch.num_columns)


def _searching(context: Recorder, done: int) -> None:
    """A file is badly built, and is read line by line to say where."""
    size = context.dataset.size
    context.progress(size + done, 2 * size, "the file is badly built; finding the line")


def _with_progress(context: Recorder, batches: Iterator[pa.RecordBatch], before: int) -> Iterator[pa.RecordBatch]:
    """`before` says how many bytes had to be read once already."""
    rows, done, size = 0, 0, context.dataset.size
    for batch in batches:
        yield batch
        rows += batch.num_rows
        done += _bytes(batch)
        context.progress(before + done, before + max(size, done), f"{rows:,} rows read")
