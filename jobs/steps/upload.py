"""Upload: the file as a typed table, and what is in every column of all of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs import profile, reader
from jobs.pipelines import step
from jobs.profile import Profile
from jobs.reader import Source
from jobs.recorder import Recorder, StepError
from store import datasets
from store.errors import Refused


@step("upload", reads_dataset=True, version=2)
def upload(recorder: Recorder) -> dict[str, Any]:
    """Turn the uploaded bytes into a typed table."""
    try:
        return _upload(recorder)
    except Refused as refused:
        raise StepError(refused.sentence) from None


def _upload(recorder: Recorder) -> dict[str, Any]:
    dataset = recorder.dataset
    source = reader.reopen(recorder.dataset_file(), dataset.dialect)
    recorder.log(f"Reading {dataset.title}: {source.dialect.words}.")
    path = recorder.folder / "table.arrow"
    if dataset.exact and dataset.rows is not None:
        found = Profile(dataset.columns, dataset.preview, dataset.notices, dataset.proposal, dataset.rows, True)
        _write(recorder, source, path, found.columns)
    else:
        found = _write_and_profile(recorder, source, path)
        datasets.describe(dataset.id, {
            "rows": found.rows, "exact": True, "columns": found.columns, "preview": found.preview,
            "notices": found.notices, "proposal": found.proposal})
    recorder.save("table", path)
    recorder.log(f"{found.rows:,} rows and {len(found.columns)} columns.")
    return {
        "rows": found.rows, "columns": len(found.columns), "columns_profile": found.columns, "notices": found.notices,
        "preview": found.preview, "size": dataset.size, "sha256": dataset.sha256,
    }


def _write_and_profile(recorder: Recorder, source: Source, path: Path) -> Profile:
    """Write with the kinds that the first part suggested; once more when the rest showed another kind."""
    guessed = recorder.dataset.columns
    profiler = profile.Profiler(source, recorder.dataset.size)
    _write(recorder, source, path, guessed, profiler)
    found = profiler.finish(exact=True)
    found = Profile(found.columns, found.preview, _all_notices(recorder, found), found.proposal, found.rows, True)
    if [_kind(column) for column in found.columns] != [_kind(column) for column in guessed]:
        recorder.log("Later rows showed that some columns are of another kind than the first ones; reading again.")
        _write(recorder, source, path, found.columns)
    return found


def _all_notices(recorder: Recorder, found: Profile) -> list[dict[str, Any]]:
    """What was noticed about the file as such stays; what is said of columns is replaced."""
    known = [entry["text"] for entry in found.notices]
    return [entry for entry in recorder.dataset.notices if entry["column"] is None and entry["text"] not in known
            ] + found.notices


def _kind(column: dict[str, Any]) -> tuple[str, str | None]:
    return column["kind"], column.get("format")


def _write(recorder: Recorder, source: Source, path: Path, columns: list[dict[str, Any]],
           profiler: profile.Profiler | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(path, profile.schema_of(columns), options=options) as writer:
        for batch in _with_progress(recorder, source):
            if profiler:
                profiler.add(batch)
            just_read = profiler.just_read() if profiler else ()
            writer.write_batch(profile.typed(batch, columns, source.dialect, just_read))


def _with_progress(recorder: Recorder, source: Source) -> Iterator[pa.RecordBatch]:
    rows = done = 0
    for batch in reader.batches(source):
        yield batch
        rows += batch.num_rows
        done += batch.nbytes
        recorder.progress(done, max(recorder.dataset.size, done), f"{rows:,} rows read")
