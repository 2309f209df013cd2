"""The reader of JSON lines: one object a line; its keys are the columns, wherever in the file they first occur."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.tabular.csv.explain import Progress, no_progress
from jobs.tabular.csv.lines import BLOCK
from jobs.tabular.csv.names import MOST_COLUMNS, names_of
from jobs.tabular.dialect import JSON_LINES, TypedDialect, settings_for
from jobs.tabular.formats.texts import batches_of, text_of
from store.errors import RequestError
from store.messages import Message, Notice, Values

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class JsonSource:
    """A file of JSON lines."""

    path: Path
    dialect: TypedDialect
    notices: tuple[Notice, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self._names[1]

    @property
    def written_names(self) -> tuple[str, ...]:
        return self._names[0]

    def batches(self, progress: Progress = no_progress) -> Iterator[pa.RecordBatch]:
        """Yield the rows, every cell as text, empty and missing ones as null; nested values as JSON."""
        keys = list(self.keys)
        rows = ([text_of(row.get(key)) for key in keys] for row in _objects(self.path))
        yield from batches_of(rows, self.names)

    @cached_property
    def keys(self) -> dict[str, bool]:
        """The keys of all rows, and whether a value of theirs is nested."""
        return _keys(self.path)

    @cached_property
    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return names_of(list(self.keys), True, [])


def inspect(path: Path, settings: Mapping[str, object] | None = None) -> JsonSource:
    """Read all lines once for their keys, or refuse the file with its line."""
    source = reopen(path, settings or {})
    notices: list[Notice] = []
    _written, names = names_of(list(source.keys), True, notices)
    for name, nested in zip(names, source.keys.values(), strict=True):
        if nested:
            notices.append(Notice(Message("nested_values", {"column": name}), "warning", name))
    return JsonSource(path, source.dialect, tuple(notices))


def reopen(path: Path, settings: Mapping[str, object]) -> JsonSource:
    """Return a file of JSON lines; nothing is read yet."""
    return JsonSource(path, TypedDialect(JSON_LINES, day_first=settings_for(JSON_LINES, settings).get("day_first")))


def _keys(path: Path) -> dict[str, bool]:
    keys: dict[str, bool] = {}
    for row in _objects(path):
        for key, value in row.items():
            if isinstance(value, dict | list):
                keys[key] = True
            elif key not in keys:
                keys[key] = False
        if len(keys) > MOST_COLUMNS:
            raise RequestError(Message("too_many_columns", {"count": len(keys), "most": MOST_COLUMNS}), "file")
    if not keys:
        raise RequestError(Message("file_empty"), "file")
    return keys


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the object of each line that is not blank."""
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(BLOCK + 1):
            number += 1
            if len(line) > BLOCK:
                raise RequestError(Message("line_too_long", {"line": number, "most": BLOCK}), "file")
            if number == 1:
                line = line.removeprefix(_BOM)
            if line.strip():
                yield _object(line, number)


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        values: Values = {"line": number, "encoding": "utf-8", "byte": f"0x{line[error.start]:02x}"}
        raise RequestError(Message("byte_undecodable", values), "file") from None
    except (ValueError, RecursionError):
        raise RequestError(Message("line_not_json", {"line": number}), "file") from None
    if not isinstance(row, dict):
        raise RequestError(Message("line_not_object", {"line": number}), "file")
    return row
