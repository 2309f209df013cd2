"""The workbook: rows with their predictions as an Excel file, in which numbers are numbers and dates are dates."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Self

from jobs.tabular.predict.marks import Marks
from jobs.tabular.profile.cells import TIME_FORMATS
from store.errors import RequestError
from store.messages import Message

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A sheet has 1,048,576 rows, of which one has the names.
MOST_ROWS = 1_048_575
MOST_COLUMNS = 16_384
# A cell has no more characters.
LONGEST_CELL = 32_767
# Excel keeps 15 digits; a longer number is an id.
MOST_DIGITS = 15
# So many cells tell how wide a column is shown, in characters.
LOOKED_AT, NARROWEST, WIDEST = 100, 8, 48
# Excel counts days from here.
FIRST_YEAR = 1900
# How it shows times of the day, by the format of a column of them.
TIMES = dict(zip(TIME_FORMATS, ("hh:mm", "hh:mm:ss"), strict=True))


class WorkbookWriter:
    """Writes rows into one sheet, row by row, in little memory."""

    suffix = ".xlsx"
    media_type = MEDIA_TYPE
    other_encoding = False
    quoted = 0  # texts stay texts

    def __init__(
        self,
        target: Path,
        names: Sequence[str],
        dates: Mapping[str, str],
        shares: Sequence[str],
        marks: Marks,
        numbers: Sequence[str] = (),
        sheet: str | None = None,
    ) -> None:
        """`dates` are the formats of columns of dates, `shares` the columns shown as percentages, `marks` those of
        numbers in the rows, `numbers` the columns known to hold some, `sheet` the name of the sheet."""
        if len(names) > MOST_COLUMNS:
            raise RequestError(Message("predict_too_wide_for_excel", {"most": MOST_COLUMNS}), "file")
        self._target, self._names = target, names
        self._dates = {place: dates[name] for place, name in enumerate(names) if dates.get(name)}
        self._shares = {place for place, name in enumerate(names) if name in shares}
        self._marks, self._pattern = marks, marks.pattern()
        self._known = {place for place, name in enumerate(names) if name in numbers}
        self._sheet_name = sheet
        self._numbers: set[int] | None = None
        self._row = 0
        # How many cells were too long.
        self.cut = 0

    def __enter__(self) -> Self:
        import xlsxwriter

        options = {"constant_memory": True, "tmpdir": str(self._target.parent)}
        self._book = xlsxwriter.Workbook(self._target, options)
        self._sheet = self._book.add_worksheet(self._sheet_name)
        self._percent = self._book.add_format({"num_format": "0.0%"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self._times = {form: self._book.add_format({"num_format": shown}) for form, shown in TIMES.items()}
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for place, name in enumerate(self._names):
            self._write_text(0, place, name, bold)
        return self

    def __exit__(self, *raised: object) -> None:
        self._book.close()

    def write(self, columns: Sequence[Sequence[str | None]]) -> None:
        """Write some rows, given by their columns. A column holds numbers when the model learned so, or when all its
        first cells are some."""
        if self._numbers is None:
            found = {place for place, cells in enumerate(columns) if _are_numbers(cells, self._pattern)}
            self._numbers = found | self._known
            self._widen(columns)
        if self._row + len(columns[0]) > MOST_ROWS:
            raise RequestError(Message("predict_too_long_for_excel", {"most": MOST_ROWS}), "file")
        for row in zip(*columns, strict=True):
            self._row += 1
            for place, cell in enumerate(row):
                if cell:
                    self._write(place, cell, number=place in self._numbers)

    def _widen(self, columns: Sequence[Sequence[str | None]]) -> None:
        """Make each column as wide as its name and its first cells, within bounds."""
        for place, (name, cells) in enumerate(zip(self._names, columns, strict=True)):
            longest = max(map(len, [name, *(cell or "" for cell in cells[:LOOKED_AT])]))
            self._sheet.set_column(place, place, min(max(longest + 2, NARROWEST), WIDEST))

    def _write(self, place: int, cell: str, number: bool) -> None:
        if number and _is_number(cell, self._pattern) and isfinite(value := self._marks.number(cell)):
            shown = self._percent if place in self._shares else None
            self._sheet.write_number(self._row, place, value, shown)
        elif place in self._dates and (moment := _moment(cell, self._dates[place])):
            if form := self._times.get(self._dates[place]):
                self._sheet.write_datetime(self._row, place, moment.time(), form)
            else:
                shown = self._moment if moment.hour or moment.minute or moment.second else self._day
                self._sheet.write_datetime(self._row, place, moment, shown)
        else:
            self._write_text(self._row, place, cell)

    def _write_text(self, row: int, place: int, cell: str, form: object = None) -> None:
        self.cut += len(cell) > LONGEST_CELL
        self._sheet.write_string(row, place, cell[:LONGEST_CELL], form)


def _are_numbers(cells: Sequence[str | None], pattern: re.Pattern[str]) -> bool:
    given = [cell for cell in cells if cell]
    return bool(given) and all(_is_number(cell, pattern) for cell in given)


def _is_number(cell: str, pattern: re.Pattern[str]) -> bool:
    found = pattern.fullmatch(cell)
    return found is not None and sum(map(str.isdigit, found["whole"])) <= MOST_DIGITS


def _moment(cell: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(cell.strip(), form) if "%" in form else datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=None) if moment.year >= FIRST_YEAR else None
