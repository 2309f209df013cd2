"""The reader of Parquet files: the columns as they are typed, one row group after the other."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.tabular.csv.batches import refuse_long_fields
from jobs.tabular.csv.explain import Progress, no_progress
from jobs.tabular.csv.names import names_of
from jobs.tabular.dialect import PARQUET, TypedDialect, settings_for
from jobs.tabular.formats.texts import CELLS_OF_A_BATCH, text_of
from store.errors import RequestError
from store.messages import Message, Notice

READ_AHEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file; `places` are those of its columns that are part of the table."""

    path: Path
    dialect: TypedDialect
    places: tuple[int, ...]
    names: tuple[str, ...]
    written_names: tuple[str, ...]
    notices: tuple[Notice, ...] = ()

    def batches(self, progress: Progress = no_progress) -> Iterator[pa.RecordBatch]:
        """Yield the rows, every cell as text, empty ones as null; all-null rows stay."""
        most = max(1, CELLS_OF_A_BATCH // len(self.names))
        keys = [str(place) for place in range(len(self.names))]
        try:
            with _opened(self.path) as file:
                for batch in file.iter_batches(most):
                    texts = [_texts(batch.column(place)) for place in self.places]
                    made = pa.RecordBatch.from_arrays(texts, keys)
                    refuse_long_fields(made, self.names)
                    if made.num_rows:
                        yield made
        except (pa.ArrowException, OSError) as error:
            raise _broken(error) from None


def inspect(path: Path, settings: Mapping[str, object] | None = None) -> ParquetSource:
    """Read the schema, or refuse the file."""
    chosen = settings_for(PARQUET, settings or {})
    try:
        with _opened(path) as file:
            schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise _broken(error) from None
    # pandas keeps a nameless index as a column, and makes an index of it again when it reads the file.
    places = [place for place, name in enumerate(schema.names) if not name.startswith("__index_level_")]
    if not places:
        raise RequestError(Message("file_empty"), "file")
    notices: list[Notice] = []
    written, names = names_of([schema.names[place] for place in places], True, notices)
    for place, name in zip(places, names, strict=True):
        if code := _remark(schema.field(place).type):
            notices.append(Notice(Message(code, {"column": name}), "warning", name))
    dialect = TypedDialect(PARQUET, day_first=chosen.get("day_first"))
    return ParquetSource(path, dialect, tuple(places), names, written, tuple(notices))


reopen = inspect


def _opened(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, buffer_size=READ_AHEAD)


def _broken(error: Exception) -> RequestError:
    return RequestError(Message("parquet_broken", {"reason": (str(error) or "?").splitlines()[0][:200]}), "file")


def _remark(kind: pa.DataType) -> str | None:
    """Return the code of the notice on a column that no cell of a table can hold as it is."""
    if pa.types.is_nested(kind):
        return "nested_values"
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return "bytes_as_text" if binary else None


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if isinstance(kind, pa.ExtensionType):
        column, kind = column.storage, kind.storage_type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column).cast(pa.float64())
    elif pa.types.is_timestamp(kind):
        column = _times(column, kind)
    elif pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        return pa.array([_text(value) for value in column.to_pylist()], pa.string())
    try:
        texts = column.cast(pa.string())
    except pa.ArrowException:  # bytes that are no text
        return pa.nulls(len(column), pa.string())
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _text(value: object) -> str | None:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return text_of(value)


def _times(column: pa.Array, kind: pa.TimestampType) -> pa.Array:
    """Return times without a fraction where there is none, and as dates where there is no time of day."""
    plain = column.cast(pa.timestamp("us", kind.tz), safe=False)
    if kind.tz:
        plain = plain.cast(pa.timestamp("us"))  # the same moment in UTC
    for form in (pa.date32(), pa.timestamp("s")):
        shorter = plain.cast(form, safe=False)
        if shorter.cast(plain.type).equals(plain):
            return shorter
    return plain
