"""Upload: the file as a typed table, and what is in every column of all of it."""

import contextlib
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.pipelines.context import Recorder, StepError
from jobs.pipelines.registry import step
from jobs.tabular import profile
from jobs.tabular.csv import reader
from jobs.tabular.csv.reader import Source
from jobs.tabular.prefetch import Behind, ahead
from jobs.tabular.profile import Profile
from store import datasets, files
from store.errors import Refused
from store.files import Kept

MOST_LISTED = 5
# Bytes of a cell in the file, with the sign after it.
SHORT_CELL = 5


@step("upload", reads_dataset=True, version=3)
def upload(recorder: Recorder) -> dict[str, Any]:
    """Turn the uploaded bytes into a typed table."""
    try:
        return _upload(recorder)
    except Refused as refused:
        raise StepError(refused.sentence) from None


def _upload(recorder: Recorder) -> dict[str, Any]:
    dataset = recorder.dataset
    path = recorder.folder / "table.arrow"
    with files.checked(dataset.kept) as stored:
        source = reader.reopen(stored, dataset.dialect)
        recorder.log(f"Reading {dataset.title}: {source.dialect.words}.")
        if dataset.exact and dataset.rows is not None:
            found = Profile(dataset.columns, dataset.preview, dataset.notices, dataset.proposal, dataset.rows, True)
            kept = _write(recorder, source, path, found.columns)
        else:
            found, kept = _write_and_profile(recorder, source, path)
    if not dataset.exact:
        datasets.describe(
            dataset.id,
            {
                "rows": found.rows,
                "exact": True,
                "columns": found.columns,
                "preview": found.preview,
                "notices": found.notices,
                "proposal": found.proposal,
            },
        )
    recorder.save("table", path, kept)
    recorder.log(f"{found.rows:,} rows and {len(found.columns)} columns.")
    return {
        "rows": found.rows,
        "columns": len(found.columns),
        "columns_profile": found.columns,
        "notices": found.notices,
        "preview": found.preview,
        "size": dataset.size,
        "sha256": dataset.sha256,
    }


def _write_and_profile(recorder: Recorder, source: Source, path: Path) -> tuple[Profile, Kept]:
    """Write with the kinds that the first part suggested; once more when the rest showed another kind."""
    guessed = recorder.dataset.columns
    profiler = profile.Profiler(source, recorder.dataset.size)
    kept = _write(recorder, source, path, guessed, profiler)
    found = profiler.finish(exact=True)
    found = Profile(found.columns, found.preview, _all_notices(recorder, found), found.proposal, found.rows, True)
    changed = [
        column["name"] for column, guess in zip(found.columns, guessed, strict=True) if _form(column) != _form(guess)
    ]
    if changed:
        recorder.log(f"Later rows showed that {_listed(changed)} of another kind than the first ones; reading again.")
        kept = _write(recorder, source, path, found.columns, before=recorder.dataset.size)
    return found, kept


def _listed(names: list[str]) -> str:
    """Return the subject and verb of a sentence: a, b and 3 more columns are."""
    if len(names) == 1:
        return f"{names[0]} is"
    if len(names) > MOST_LISTED:
        names = [*names[: MOST_LISTED - 1], f"{len(names) - MOST_LISTED + 1} more columns"]
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def _all_notices(recorder: Recorder, found: Profile) -> list[dict[str, Any]]:
    """What was noticed about the file as such stays; what is said of columns is replaced."""
    known = [entry["text"] for entry in found.notices]
    return [
        entry for entry in recorder.dataset.notices if entry["column"] is None and entry["text"] not in known
    ] + found.notices


def _form(column: dict[str, Any]) -> tuple[str, str | None]:
    """How a column is stored; yes and no are stored as the texts they are."""
    return column["kind"] if column["kind"] in ("number", "date") else "text", column.get("format")


def _write(
    recorder: Recorder,
    source: Source,
    path: Path,
    columns: list[dict[str, Any]],
    profiler: profile.Profiler | None = None,
    before: int = 0,
) -> Kept:
    """Read, look and write, each in a thread of its own."""
    batches = ahead(reader.batches(source, partial(_searching, recorder)))
    first = list(islice(batches, 1))
    schema, codec = _packing(profile.schema_of(columns), first)
    file = files.writing(path)
    with (
        contextlib.closing(file),
        pa.ipc.new_file(pa.PythonFile(file, "w"), schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer,
        Behind() as behind,
    ):
        for batch in _with_progress(recorder, chain(first, batches), before):
            if profiler:
                profiler.add(batch)
            just_read = profiler.just_read() if profiler else ()
            behind(writer.write_batch, profile.typed(batch, columns, source.dialect, just_read).cast(schema))
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


def _searching(recorder: Recorder, done: int) -> None:
    """A file is badly built, and is read line by line to say where."""
    size = recorder.dataset.size
    recorder.progress(size + done, 2 * size, "the file is badly built; finding the line")


def _with_progress(recorder: Recorder, batches: Iterator[pa.RecordBatch], before: int) -> Iterator[pa.RecordBatch]:
    """`before` says how many bytes had to be read once already."""
    rows, done, size = 0, 0, recorder.dataset.size
    for batch in batches:
        yield batch
        rows += batch.num_rows
        done += _bytes(batch)
        recorder.progress(before + done, before + max(size, done), f"{rows:,} rows read")
