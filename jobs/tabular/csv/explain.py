"""Explain: read a file slowly, line by line, only to say in which line it is malformed."""

import codecs
import csv
import io
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from jobs.tabular.csv.dialect import Dialect
from jobs.tabular.csv.encoding import decodes, python_encoding
from jobs.tabular.csv.lines import BLOCK, LONGEST_FIELD, unified_lines
from store.errors import RequestError
from store.messages import Message, Values

REPORTED_LINES = 10_000
# Called with the bytes that were searched so far.
Progress = Callable[[int], object]
_END = "\x00the end"


def no_progress(_bytes: int) -> None:
    """Report no progress of a search."""


def explain(path: Path, dialect: Dialect, progress: Progress = no_progress) -> None:
    """Refuse a malformed file with its line; return when no line is malformed."""
    csv.field_size_limit(LONGEST_FIELD)
    width, first, last = 0, 1, 0
    with path.open("rb") as raw, io.TextIOWrapper(raw, python_encoding(dialect.encoding), newline="") as stream:
        reader = csv.reader(chain(unified_lines(stream), [_END]), delimiter=dialect.delimiter)
        try:
            for row in reader:
                first, last = last + 1, reader.line_num
                if row == [_END]:
                    return
                if not first % REPORTED_LINES:
                    progress(raw.tell())
                width = width or len(row)
                if row and row[-1].endswith(_END):
                    raise RequestError(Message("quote_never_closed", {"line": first}), "file")
                if row and len(row) != width:
                    raise RequestError(_wrong_width(first, len(row), width, dialect), "file")
                if sum(map(len, row)) * 4 > BLOCK and len("".join(row).encode()) > BLOCK:
                    raise RequestError(Message("line_too_long", {"line": first, "most": BLOCK}), "file")
        except UnicodeError as error:
            raise RequestError(_undecodable(path, dialect.encoding, error), "encoding") from None
        except csv.Error:
            raise RequestError(
                Message("field_longer_than_1_mb", {"line": last + 1}),
                "file",
            ) from None


def _wrong_width(line: int, count: int, expected: int, dialect: Dialect) -> Message:
    if expected == 1:
        code = "line_after_title"
    elif count > expected:
        code = "line_too_wide_comma" if dialect.delimiter == "," else "line_too_wide"
    else:
        code = "line_too_narrow"
    return Message(code, {"line": line, "count": count, "expected": expected})


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> Message:
    values: Values = {"line": _undecodable_line(path, encoding), "encoding": encoding}
    if not isinstance(error, UnicodeDecodeError):
        return Message("line_undecodable", values)
    return Message("byte_undecodable", {**values, "byte": f"0x{error.object[error.start]:02x}"})


def _undecodable_line(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(python_encoding(encoding))()
    with path.open("rb") as stream:
        return next((number for number, line in enumerate(stream, start=1) if not decodes(decoder, line)), 1)
