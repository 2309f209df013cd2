"""Tables of Arrow and of polars, as Parquet; and what is known of a column in Arrow's form without reading it twice."""

import json
from pathlib import Path
from typing import Any

from jobs.artifacts import previews
from jobs.artifacts.annotations import library, type_name
from jobs.artifacts.errors import ArtifactError, LossyError
from jobs.artifacts.saved import Saved
from store.messages import Message, Values

NOTES = b"trainyard"  # where a file says what kind of table it was


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save a table of Arrow or a frame of polars; None if it is neither."""
    file = folder / "table.parquet"
    if type(value) is library("pyarrow", "Table"):
        table = value
        _write(table, file, "pyarrow.Table")
    elif type(value) is library("polars", "DataFrame"):
        table = value.to_arrow()
        _write(table, file, "polars.DataFrame")
    else:
        return None
    facts = {"rows": table.num_rows, "columns": table.num_columns}
    return Saved(type_name(value, annotation), "parquet", file=file, preview=preview_of(table), metadata=facts)


def read(file: Path, kind: str) -> object:
    """The table in a file, as `kind`."""
    if kind == "polars.DataFrame":
        try:
            import polars
        except ImportError:
            raise ArtifactError(
                Message("artifact_library_missing", {"format": "parquet", "package": "polars"})
            ) from None
        return polars.read_parquet(file)
    from pyarrow import parquet

    table = parquet.read_table(file, partitioning=None)
    notes = {key: text for key, text in (table.schema.metadata or {}).items() if key != NOTES}
    return table.replace_schema_metadata(notes or None)


def preview_of(table: Any) -> previews.Preview:
    columns: list[previews.Column] = []
    for name, column in zip(table.column_names[: previews.COLUMNS], table.columns, strict=False):
        described: previews.Column = {"name": str(previews.cell(name)), "type": str(column.type)[: previews.CELL]}
        described.update(facts(column))  # type: ignore[typeddict-item]
        columns.append(described)
    first = table.select(range(len(columns))).slice(0, previews.ROWS)
    rows = zip(*(column.to_pylist() for column in first.columns), strict=True)
    return previews.table(columns, rows, table.num_rows, table.num_columns)


def facts(column: Any) -> dict[str, Any]:
    """How many values are missing, and of numbers and times the least, the mean and the greatest."""
    import pyarrow
    from pyarrow import compute, types

    known: dict[str, Any] = {"missing": column.null_count}
    kind = column.type
    number = types.is_integer(kind) or types.is_floating(kind)
    if number or types.is_temporal(kind):
        try:
            ends = compute.min_max(column).as_py()
            known |= {"min": previews.cell(ends["min"]), "max": previews.cell(ends["max"])}
            if number:
                known["mean"] = previews.cell(compute.mean(column).as_py())
        except (pyarrow.ArrowException, ValueError, OverflowError):  # such as a time beyond the year 9999
            pass
    return known


def compression(schema: Any) -> dict[str, str] | str:
    """How to compress each column: texts with zstd, which makes them a third smaller. Of numbers zstd finds little, and
    reading 100 MB of them back takes three times as long as with snappy."""
    from pyarrow import types

    numbers = [each.name for each in schema if types.is_primitive(each.type)]
    if len(set(schema.names)) < len(schema.names):
        return "zstd"
    return {name: "snappy" if name in numbers else "zstd" for name in schema.names}


def _write(table: Any, file: Path, kind: str) -> None:
    """Write a table with a note of what it was; what Parquet would change is refused."""
    import pyarrow
    from pyarrow import parquet

    notes = {**(table.schema.metadata or {}), NOTES: json.dumps({"kind": kind})}
    try:
        # Compliant nested types would rename the inner fields of lists.
        how = {"compression": compression(table.schema), "use_compliant_nested_type": False}
        parquet.write_table(table.replace_schema_metadata(notes), file, **how)
        written = parquet.read_schema(file)
    except (pyarrow.ArrowException, ValueError, NotImplementedError) as error:
        file.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0][:200].rstrip(".")
        raise LossyError(Message("frame_refused", {"reason": reason}), preview_of(table)) from error
    for before, after in zip(table.schema, written, strict=True):
        if before.type != after.type:
            file.unlink(missing_ok=True)
            values: Values = {"column": repr(before.name), "reason": f"{before.type} becomes {after.type}"}
            raise LossyError(Message("frame_column_lost", values), preview_of(table))
