"""The writer: a file like another one, with further columns, in the other's dialect."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from jobs.language.formulas import safe_text
from jobs.tabular.csv import encoding, sniff
from jobs.tabular.csv.lines import SAMPLE

if TYPE_CHECKING:
    from jobs.tabular.reader import Source

UTF8_MARK = b"\xef\xbb\xbf"


class Writer:
    """Writes rows as the source is written: encoding, delimiter, line ends, header. A source of another format than CSV
    becomes a CSV file that Excel opens: a text that would run there as a formula has an apostrophe before it. What was
    CSV is given back as it was, but for the new columns."""

    cut = 0

    def __init__(
        self, target: Path, path: Path, source: "Source", labels: Iterable[object], added: Sequence[str]
    ) -> None:
        """`path` is where the source lies, `labels` are further texts that the encoding must have, `added` the names
        of further columns."""
        self._target = target
        dialect = source.dialect.as_dict()
        self._letters, self._delimiter, self._line_end = "utf-8-sig", ",", "\r\n"
        self._header: list[str] | None = [safe_text(name) for name in (*source.names, *added)]
        # The first column that a spreadsheet has not had before.
        self._first_new = 0
        self.suffix = ".csv"
        # How many cells would have run as formulas.
        self.quoted = 0
        self.other_encoding = False
        if {"encoding", "delimiter", "header"} <= set(dialect):
            self._delimiter = str(dialect["delimiter"])
            self._first_new = len(source.names)
            self._like(path, str(dialect["encoding"]), bool(dialect["header"]), added, labels)

    @property
    def media_type(self) -> str:
        return f"text/csv; charset={self._letters.removesuffix('-sig')}"

    def __enter__(self) -> Self:
        self._stream: TextIO = self._target.open("w", encoding=self._letters, newline="")
        self._rows = csv.writer(self._stream, delimiter=self._delimiter, lineterminator=self._line_end)
        if self._header is not None:
            self._rows.writerow(self._header)
        return self

    def __exit__(self, *raised: object) -> None:
        self._stream.close()

    def write(self, columns: Sequence[Sequence[str | None]]) -> None:
        """Write some rows, given by their columns; a cell without a value is left empty."""
        given, new = columns[: self._first_new], columns[self._first_new :]
        self._rows.writerows(zip(*given, *map(self._quoted, new), strict=True))

    def _quoted(self, cells: Sequence[str | None]) -> list[str | None]:
        """Return the cells of a column so that no spreadsheet runs them."""
        shown = [cell and safe_text(cell) for cell in cells]
        self.quoted += sum(one != other for one, other in zip(cells, shown, strict=True))
        return shown

    def _like(self, path: Path, letters: str, header: bool, added: Sequence[str], labels: Iterable[object]) -> None:
        with path.open("rb") as stream:
            head = stream.read(SAMPLE)
        text = encoding.decode_head(head, letters, len(head) < SAMPLE)
        first = sniff.sample_rows(text, self._delimiter, len(head) < SAMPLE, most=1)[0]
        self._header = [*(name.removeprefix("\ufeff") for name in first), *added] if header else None
        self._line_end = "\r\n" if "\r\n" in text else "\n"
        self._letters = "utf-8-sig" if head.startswith(UTF8_MARK) else letters
        try:
            "".join(map(str, labels)).encode(letters)
        except UnicodeEncodeError:
            self._letters, self.other_encoding = "utf-8-sig", True
