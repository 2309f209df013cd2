"""The typed table while it is written: its rows with the types of their columns, and a hash of each row beside them."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.tabular.column import Column
from jobs.tabular.profile.cells import schema_of
from jobs.tabular.row_hash import KEPT, KEPT_SHIFT, Duplicates, hashes_of
from store import files
from store.files import FileRef

TABLE, ROW_HASHES = "table.arrow", "row_hashes"
# Cells of fewer bytes in the file, with the sign after them, are short. They would take more room in the table than in
# the file, so they are packed tightly; long ones gain little by that, and are read in a fraction of the time without.
SHORT_CELL = 5
WORTH_PACKING = 0.85


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """The files of a table in a folder, and how many of its rows are copies of others."""

    folder: Path
    table: FileRef
    hashes: FileRef
    duplicates: int


class TypedTable:
    """Writes a table batch by batch."""

    def __init__(
        self, folder: Path, columns: Sequence[Column], first: list[pa.RecordBatch], row_columns: list[str] | None
    ) -> None:
        """`first` are the first rows, as text; rows are known again by `row_columns`, or by all columns."""
        self._folder, self._row_columns = folder, row_columns
        self._file, self._hash_file = files.writing(folder / TABLE), files.writing(folder / ROW_HASHES)
        self._schema = schema_of(columns)
        self._short = any(bytes_of(batch) < SHORT_CELL * batch.num_rows * batch.num_columns for batch in first)
        self._writer: pa.RecordBatchFileWriter | None = None
        self._duplicates = Duplicates()

    def __enter__(self) -> "TypedTable":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        with contextlib.closing(self._file), contextlib.closing(self._hash_file):
            self._writing().close()
            if kind is None:
                self._file.sync()
                self._hash_file.sync()

    def add(self, batch: pa.RecordBatch) -> None:
        """Write a typed batch, and hash its rows."""
        writer = self._writing(batch)
        writer.write_batch(batch.cast(self._schema))
        hashes = hashes_of(batch, self._row_columns)
        self._duplicates.add(hashes if self._row_columns is None else hashes_of(batch))
        self._hash_file.write((hashes >> KEPT_SHIFT).astype(KEPT).view(np.uint8).data)

    def _writing(self, first: pa.RecordBatch | None = None) -> pa.RecordBatchFileWriter:
        """Return the writer, which packs the table as suits its first rows."""
        if self._writer is None:
            if self._short:
                self._schema, codec = _with_views(self._schema), pa.Codec("zstd", compression_level=1)
            else:
                codec = "lz4" if first is not None and _shrinks(first) else None
            options = pa.ipc.IpcWriteOptions(compression=codec)
            self._writer = pa.ipc.new_file(pa.PythonFile(self._file, "w"), self._schema, options=options)
        return self._writer

    @property
    def written(self) -> WrittenTable:
        """What is in the folder, on the disk for good, once the table is closed."""
        return WrittenTable(self._folder, self._file.ref, self._hash_file.ref, self._duplicates.count())


def _with_views(schema: pa.Schema) -> pa.Schema:
    views = [column.with_type(pa.string_view()) if column.type == pa.string() else column for column in schema]
    return pa.schema(views)


def _shrinks(batch: pa.RecordBatch) -> bool:
    """Return whether packing makes a table worth it smaller. Numbers with many digits do not shrink, and packing and
    unpacking them takes longer than writing and reading them."""
    codec, parts = pa.Codec("lz4"), [part for column in batch.columns for part in column.buffers() if part is not None]
    packed = sum(len(codec.compress(part)) for part in parts)
    return bool(packed < WORTH_PACKING * sum(part.size for part in parts))


def bytes_of(batch: pa.RecordBatch) -> int:
    """Return the bytes that a batch takes in the file, where one sign stands between two texts, and four bytes here."""
    return int(batch.nbytes - 3 * batch.num_rows * batch.num_columns)


def is_stored_alike(column: Column, other: Column) -> bool:
    """Return whether a table written for one column is right for the other: yes and no are stored as the texts they
    are."""
    return _form(column) == _form(other)


def _form(column: Column) -> tuple[str, str | None]:
    return column.kind if column.kind in ("number", "date") else "text", column.format
