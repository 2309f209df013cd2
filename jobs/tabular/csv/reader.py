"""The reader of CSV files: how a file is written, its column names, and its rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from jobs.tabular.csv import encoding, sniff
from jobs.tabular.csv.batches import batches_of
from jobs.tabular.csv.dialect import Dialect, read_overrides
from jobs.tabular.csv.explain import Progress, explain, no_progress
from jobs.tabular.csv.lines import SAMPLE
from jobs.tabular.csv.names import names_of
from store.errors import RequestError
from store.messages import Message, Notice


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file whose dialect is known; it can be read."""

    path: Path
    dialect: Dialect
    names: tuple[str, ...]
    written_names: tuple[str, ...]
    notices: tuple[Notice, ...] = ()

    def batches(self, progress: Progress = no_progress) -> Iterator[pa.RecordBatch]:
        """Yield the rows, every cell as text, empty ones as null."""
        return batches_of(self.path, self.dialect, self.names, progress)


def inspect(path: Path, settings: Mapping[str, object] | None = None) -> CsvSource:
    """Detect how a file is written, or refuse it; `settings` decides what it names."""

    def scanned(utf16: bool) -> encoding.Scan:
        with path.open("rb") as stream:
            return encoding.scan_bytes(stream, utf16)

    return inspect_scanned(path, scanned, settings)


def inspect_scanned(
    path: Path, scanned: Callable[[bool], encoding.Scan], settings: Mapping[str, object] | None = None
) -> CsvSource:
    """Detect how a file is written by its first bytes and by what `scanned` returns of all of them; `scanned` is told
    whether the file is UTF-16."""
    chosen = read_overrides(settings or {})
    with path.open("rb") as stream:
        head = stream.read(SAMPLE)
    sniff.refuse_other_formats(head)
    scan = scanned(encoding.is_utf16(head, chosen))
    notices: list[Notice] = []
    if "encoding" not in chosen and scan.nearly_utf8:
        explain(path, Dialect())
    letters = chosen.get("encoding") or encoding.detect(head, scan, notices)
    whole = scan.size <= len(head)
    text = encoding.decode_head(head, letters, whole)
    sniff.refuse_other_texts(text)
    delimiter = chosen.get("delimiter") or sniff.delimiter_of(text)
    rows = sniff.sample_rows(text, delimiter, whole)
    if not rows:
        raise RequestError(Message("file_empty"), "file")
    decimal, thousands = sniff.marks_of(rows, delimiter, chosen)
    if thousands and "thousands" not in chosen:
        notices.append(Notice(Message("thousands_mark", {"mark": thousands})))
    header = sniff.header_of(rows, chosen.get("header"), notices)
    word = chosen["missing"] if "missing" in chosen else sniff.missing_word_of(text, rows, delimiter, notices)
    dialect = Dialect(letters, delimiter, decimal, thousands, header, chosen.get("day_first"), word)
    written, names = names_of(rows[0], dialect.header, notices)
    if scan.odd_quotes:
        explain(path, dialect)
    return CsvSource(path, dialect, names, written, tuple(notices))


def reopen(path: Path, settings: Mapping[str, object]) -> CsvSource:
    """Return a file whose dialect is known already."""
    known = Dialect(**read_overrides(settings))
    with path.open("rb") as stream:
        head = stream.read(SAMPLE)
    whole = len(head) < SAMPLE
    text = encoding.decode_head(head, known.encoding, whole)
    rows = sniff.sample_rows(text, known.delimiter, whole, most=1)
    if not rows:
        raise RequestError(Message("file_empty"), "file")
    written, names = names_of(rows[0], known.header, [])
    return CsvSource(path, known, names, written)
