"""Upload: the step that makes a typed table of the file, and the profile of all of its rows."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.pipelines import StepContext, StepError, step
from jobs.tabular import reader
from jobs.tabular.ahead.made_table import content_of, progress_of
from jobs.tabular.column import Column, columns_of, is_current, with_kinds
from jobs.tabular.facts import fact
from jobs.tabular.kinds import KINDS
from jobs.tabular.prefetch import Background, prefetched
from jobs.tabular.profile.cells import typed
from jobs.tabular.profile.profiler import DUPLICATE_ROWS, Profile, Profiler, duplicates_noted
from jobs.tabular.reader import Source
from jobs.tabular.table_name import VERSION, name_of
from jobs.tabular.typed_table import (
    ROW_HASHES,
    TABLE,
    TypedTable,
    WrittenTable,
    bytes_of,
    is_stored_alike,
)
from store import datasets, files
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Message, Notice

MOST_LISTED = 5
WAIT_SECONDS = 0.01


@step("upload", reads_dataset=True, params=(KINDS,), version=VERSION)
def upload(context: StepContext) -> dict[str, Any]:
    """Turn the uploaded bytes into a typed table."""
    try:
        return _upload(context)
    except RequestError as refused:
        raise StepError(refused.message) from None


def _upload(context: StepContext) -> dict[str, Any]:
    dataset, kinds = context.dataset, context.params.get("kinds") or {}
    profile, written = _read_ahead(context, kinds) or _read(context, kinds)
    described = profile.to_json()
    if not is_current(dataset) and not kinds:
        datasets.describe(dataset.id, described)
    context.save("table", written.folder / TABLE, written.table)
    context.save("row_hashes", written.folder / ROW_HASHES, written.hashes)
    context.log(fact("table_written", rows=profile.rows, columns=len(profile.columns)))
    return {
        "rows": profile.rows,
        "columns": len(profile.columns),
        "columns_profile": described["columns"],
        "notices": described["notices"],
        "preview": profile.preview,
        "duplicates": written.duplicates,
        "size": dataset.size,
        "sha256": dataset.sha256,
    }


def _read_ahead(context: StepContext, kinds: Mapping[str, str]) -> tuple[Profile, WrittenTable] | None:
    """Take over the table that was written while the file arrived; None where there is none, as after a kill."""
    dataset, folder = context.dataset, context.folder / "ahead"
    if kinds or dataset.row_columns is not None:
        return None

    def wait(writing: Path) -> None:
        rows, size = progress_of(writing)
        context.progress(size, max(size, dataset.size), fact("rows_read", rows=rows))
        time.sleep(WAIT_SECONDS)

    if not files.take_waiting(name_of(dataset.sha256, dataset.dialect), folder, wait):
        return None
    if (content := content_of(folder)) is None:
        return None
    context.log(fact("read_while_arriving", dataset=dataset.title))
    profile, written = content
    return _with_all_notices(dataset, profile, written), written


def _read(context: StepContext, kinds: Mapping[str, str]) -> tuple[Profile, WrittenTable]:
    dataset = context.dataset
    with files.checked(dataset.file) as stored:
        source = reader.reopen(stored, dataset.dialect)
        context.log(fact("reading_dataset", dataset=dataset.title, dialect=source.dialect.words))
        if is_current(dataset) and not kinds:
            return _known(dataset), _write(context, source, columns_of(dataset))
        return _write_and_profile(context, source, kinds)


def _known(dataset: Dataset) -> Profile:
    """Return the profile of a dataset that was read as a whole before."""
    assert dataset.rows is not None
    notices = [Notice.from_json(stored) for stored in dataset.notices]
    return Profile(columns_of(dataset), dataset.preview, notices, dataset.proposal, dataset.rows, True)


def _write_and_profile(context: StepContext, source: Source, kinds: Mapping[str, str]) -> tuple[Profile, WrittenTable]:
    """Write with the kinds that the first part suggested; once more when the rest showed another kind."""
    guessed = with_kinds(columns_of(context.dataset), kinds)
    profiler = Profiler(source, context.dataset.size, kinds)
    written = _write(context, source, guessed, profiler)
    profile = profiler.finish(exact=True)
    changed = [
        column.name
        for column, guess in zip(profile.columns, guessed, strict=True)
        if not is_stored_alike(column, guess)
    ]
    if unexpected := [name for name in changed if name not in kinds]:
        context.log(_kinds_changed(unexpected))
    if changed:
        written = _write(context, source, profile.columns, before=context.dataset.size)
    return _with_all_notices(context.dataset, profile, written), written


def _kinds_changed(names: list[str]) -> Message:
    """Return the line of the log that later rows showed columns to be of another kind."""
    if len(names) <= MOST_LISTED:
        return fact("kinds_changed", columns=names, count=len(names))
    return fact("kinds_changed_many", columns=names[: MOST_LISTED - 1], more=len(names) - MOST_LISTED + 1)


def _with_all_notices(dataset: Dataset, profile: Profile, written: WrittenTable) -> Profile:
    """Return the profile with the notices about the file as such, which stay; those about its columns are replaced."""
    before = [Notice.from_json(stored) for stored in dataset.notices]
    known = [notice for notice in before if notice.column is None and notice.message.code != DUPLICATE_ROWS]
    others = [notice for notice in known if notice not in profile.notices]
    copies = duplicates_noted(written.duplicates, profile.rows)
    return replace(profile, notices=[*copies, *others, *profile.notices])


def _write(
    context: StepContext,
    source: Source,
    columns: Sequence[Column],
    profiler: Profiler | None = None,
    before: int = 0,
) -> WrittenTable:
    """Read, profile and write, each in a thread of its own."""
    batches = prefetched(source.batches(partial(_report_search, context)))
    first = list(islice(batches, 1))
    with TypedTable(context.folder, columns, first, context.dataset.row_columns) as table, Background() as background:
        for batch in _with_progress(context, chain(first, batches), before):
            if profiler:
                profiler.add(batch)
            just_read = profiler.just_read() if profiler else ()
            background(table.add, typed(batch, columns, source.dialect, just_read))
    return table.written


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
        done += bytes_of(batch)
        context.progress(before + done, before + max(size, done), fact("rows_read", rows=rows))
