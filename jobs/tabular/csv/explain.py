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

REPORTED_LINES = 10_000
# Called with the bytes that were searched so far.
Searching = Callable[[int], object]
_END = "\x00the end"


def not_searching(_bytes: int) -> None:
    """Tell nobody how far a search is."""


def explain(path: Path, dialect: Dialect, searching: Searching = not_searching) -> None:
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
                    searching(raw.tell())
                width = width or len(row)
                if row and row[-1].endswith(_END):
                    raise RequestError(f"A quotation mark that opens in line {first} is never closed.", "file")
                if row and len(row) != width:
                    raise RequestError(_width_words(first, row, width, dialect), "file")
                if sum(map(len, row)) * 4 > BLOCK and len("".join(row).encode()) > BLOCK:
                    raise RequestError(f"Line {first} is longer than {BLOCK >> 20} MB; make its texts shorter.", "file")
        except UnicodeError as error:
            raise RequestError(
                f"Line {_undecodable_line(path, dialect.encoding):,} has bytes that are not "
                f"{dialect.encoding} text{_bad_byte(error)}; choose another encoding.",
                "encoding",
            ) from None
        except csv.Error:
            raise RequestError(
                f"Line {last + 1} has a field longer than 1 MB; a quotation mark that opens there may never be closed.",
                "file",
            ) from None


def _width_words(line: int, row: list[str], expected: int, dialect: Dialect) -> str:
    got = len(row)
    more = "more" if got > expected else "fewer"
    fields = "1 field" if got == 1 else f"{got:,} fields"
    words = f"Line {line} has {fields}, {more} than the {expected:,} of the first line"
    if expected == 1:
        return f"{words}; remove any lines above the column names."
    if got > expected and dialect.delimiter == ",":
        return f"{words}; a text with a comma in it must be in quotation marks."
    return f"{words}."


def _undecodable_line(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(python_encoding(encoding))()
    with path.open("rb") as stream:
        return next((number for number, line in enumerate(stream, start=1) if not decodes(decoder, line)), 1)


def _bad_byte(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f" (0x{error.object[error.start]:02x})"
    return ""
