"""Batches: the rows of a CSV file, every cell as text, in bounded memory."""

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from jobs.tabular.csv.dialect import Dialect
from jobs.tabular.csv.explain import Progress, explain, no_progress
from jobs.tabular.csv.lines import BLOCK, LONGEST_FIELD, Stream
from store.errors import RequestError
from store.messages import Message


def batches_of(
    path: Path, dialect: Dialect, names: Sequence[str], progress: Progress = no_progress
) -> Iterator[pa.RecordBatch]:
    """Yield the rows, every cell as text, empty ones as null; refuse a malformed file with its line, and call
    `progress` with the bytes that the search for it has passed."""
    try:
        yield from batches_of_stream(path.open("rb"), dialect, names)
    except RequestError:
        explain(path, dialect, progress)
        raise
    except (pa.ArrowInvalid, UnicodeError) as error:
        explain(path, dialect, progress)
        raise RequestError(Message("file_unreadable", {"reason": str(error).splitlines()[0][:200]}), "file") from None


def batches_of_stream(opened: Stream, dialect: Dialect, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an open file, and close it; an error does not say in which line it is."""
    keys = [str(position) for position in range(len(names))]
    skip = dialect.header
    stream = _WholeLineEnds(opened, dialect.encoding)
    try:
        reader = arrow_csv.open_csv(
            pa.PythonFile(stream, "r"),
            read_options=arrow_csv.ReadOptions(column_names=keys, block_size=BLOCK),
            parse_options=arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()),
                null_values=["", dialect.missing or ""],
                strings_can_be_null=True,
            ),
        )
        for batch in reader:
            if skip:
                batch, skip = batch.slice(1), False
            if batch.num_rows:
                refuse_long_fields(batch, names)
                yield batch
    finally:
        stream.close()


class _WholeLineEnds:
    """A file's bytes in UTF-8, in parts of which none ends between the two signs of a line end: Arrow would drop the
    second one even inside a quoted text."""

    closed = False

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self._held = b""

    def read(self, size: int) -> bytes:
        part = self._stream.read(size)
        text = self._held + (self._decoder.decode(part, not part).encode() if self._decoder else part)
        self._held = b"\r" if part and text.endswith(b"\r") else b""
        return text.removesuffix(self._held) or (self.read(size) if part else b"")

    def close(self) -> None:
        self._stream.close()


def refuse_long_fields(batch: pa.RecordBatch, names: Sequence[str]) -> None:
    """Refuse a batch with a text that is too long for a cell."""
    if too_long := _too_long_field(batch, names):
        raise too_long


def _too_long_field(batch: pa.RecordBatch, names: Sequence[str]) -> RequestError | None:
    if batch.nbytes <= LONGEST_FIELD:
        return None
    for name, column in zip(names, batch.columns, strict=True):
        if column.nbytes > LONGEST_FIELD and (pc.max(pc.utf8_length(column)).as_py() or 0) > LONGEST_FIELD:
            return RequestError(Message("field_of_column_too_long", {"column": name}), "file")
    return None
