"""The typed table that the upload step left: some of its columns, read batch by batch in the table's order."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.tabular.profile.cells import without_words

# Preparing a few large parts is faster than many small ones.
PART_ROWS = 65_536
PART_BYTES = 16 << 20
# So many rows are counted at once.
COUNTED_ROWS = 1 << 20


def batches_of(table: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the table batch by batch, each in memory of its own."""
    return batches_at(table, names, None)


def batches_at(table: Path, names: list[str], positions: Iterable[int] | None) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the batches at these positions, or of all."""
    with pa.OSFile(str(table)) as stream:
        schema = pa.ipc.open_file(stream).schema
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in names])
        opened = pa.ipc.open_file(stream, options=options)
        wanted = pa.schema([(name, _unpacked(schema.field(name).type)) for name in names])
        for position in range(opened.num_record_batches) if positions is None else positions:
            yield opened.get_batch(position).select(names).cast(wanted)


def sizes_of(table: Path, column: str) -> list[int]:
    """Return how many rows each batch has; one column is read for that."""
    return [batch.num_rows for batch in batches_of(table, [column])]


def names_of(table: Path) -> list[str]:
    """Return the names of all columns of the table."""
    with pa.OSFile(str(table)) as stream:
        return list(pa.ipc.open_file(stream).schema.names)


def parts_of(table: Path, names: list[str]) -> Iterator[pa.Table]:
    """Yield some columns of the table in large parts, words for missing as null."""
    for batches in _grouped(batches_of(table, names)):
        yield pa.Table.from_batches([_words_as_null(batch) for batch in batches]).combine_chunks()


def slices_of(rows: int) -> Iterator[slice]:
    """Yield all rows, so many at once that what is computed of them takes little memory."""
    return (slice(start, min(start + COUNTED_ROWS, rows)) for start in range(0, rows, COUNTED_ROWS))


def floats_of(cells: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return cells of a number column; NaN where one is missing."""
    floats: np.ndarray
    floats = cells.to_numpy() if isinstance(cells, pa.ChunkedArray) else cells.to_numpy(zero_copy_only=False)
    return floats


def _grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(one.num_rows for one in group) >= PART_ROWS or sum(one.nbytes for one in group) >= PART_BYTES:
            yield group
            group = []
    if group:
        yield group


def _words_as_null(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [without_words(cells) if cells.type == pa.string() else cells for cells in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _unpacked(kind: pa.DataType) -> pa.DataType:
    return pa.string() if kind == pa.string_view() else kind
