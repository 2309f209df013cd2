"""The reader of Excel workbooks (.xlsx, .xlsm): one sheet of them, formulas by the values that Excel saved.

100,000 rows x 20 took python-calamine 4.7 s and 150 MB, which grow with the sheet, and openpyxl 32 s and 10 MB. So a
sheet is read by calamine, and one that would not fit into bounded memory by openpyxl, row by row.
"""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from jobs.tabular.csv import sniff
from jobs.tabular.csv.explain import Progress, no_progress
from jobs.tabular.csv.names import names_of
from jobs.tabular.dialect import EXCEL, TypedDialect, settings_for
from jobs.tabular.formats.layout import Layout, Row, layout_of
from jobs.tabular.formats.texts import batches_of, text_of
from store.errors import RequestError
from store.messages import Message, Notice

# Bytes of a workbook's parts, unpacked, that calamine may hold: it needs about twice as much.
MOST_HELD = 160 << 20
# No workbook that people save is packed so tightly and unpacks to so much.
BOMB_BYTES, BOMB_RATIO = 1 << 30, 100
NAMED_SHEETS = 20


@dataclass(frozen=True)
class ExcelSource:
    """One sheet of a workbook."""

    path: Path
    dialect: TypedDialect
    sheet: "_Sheet"
    notices: tuple[Notice, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        return self._names[1]

    @property
    def written_names(self) -> tuple[str, ...]:
        return self._names[0]

    def batches(self, progress: Progress = no_progress) -> Iterator[pa.RecordBatch]:
        """Yield the rows, every cell as text, empty ones and errors such as #N/A as null."""
        with _refusing():
            self.sheet.hold()
            rows = self.layout.rows(self.sheet.rows())
            if self.dialect.header:
                next(rows, None)
            yield from batches_of(rows, self.names)

    @cached_property
    def layout(self) -> Layout:
        with _refusing():
            layout = layout_of(self.sheet.rows())
        if layout is None:
            alone = len(_sheet_names(self.path)) == 1
            empty = Message("workbook_without_sheet") if alone else Message("sheet_empty", {"sheet": self.sheet.name})
            raise RequestError(empty, "file" if alone else "sheet")
        return layout

    @cached_property
    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return names_of(first_texts(self.layout), self.dialect.header, [])


def inspect(path: Path, settings: Mapping[str, object] | None = None) -> ExcelSource:
    """Choose the sheet and find the table in it, or refuse the workbook."""
    chosen = settings_for(EXCEL, settings or {})
    _refuse_bombs(path)
    notices: list[Notice] = []
    name = _choose(_sheet_names(path), chosen.get("sheet"), notices)
    source = ExcelSource(path, TypedDialect(EXCEL, name), _Sheet(path, name))
    with _refusing():
        source.sheet.hold()
    layout = source.layout
    header = sniff.header_of([[cell or "" for cell in row] for row in layout.head], chosen.get("header"), notices)
    if layout.above:
        notices.append(Notice(Message("rows_above_table", {"count": layout.above})))
    names_of(first_texts(layout), header, notices)
    return replace(source, dialect=TypedDialect(EXCEL, name, header, chosen.get("day_first")), notices=tuple(notices))


def reopen(path: Path, settings: Mapping[str, object]) -> ExcelSource:
    """Return a sheet whose dialect is known already; nothing is read yet."""
    known = settings_for(EXCEL, settings)
    name = known.get("sheet") or _sheet_names(path)[0]
    dialect = TypedDialect(EXCEL, name, known.get("header", True), known.get("day_first"))
    return ExcelSource(path, dialect, _Sheet(path, name))


def first_texts(layout: Layout) -> list[str]:
    """Return the first row of a table, as the names of its columns are written."""
    return [cell or "" for cell in layout.head[0]]


class _Sheet:
    """The cells of one sheet as texts, from its first row, any number of times."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._held: CalamineSheet | None = None

    def hold(self) -> None:
        """Read the whole sheet at once where it fits into memory; without it, only the rows asked for are read."""
        if self._held is None and _unpacked(self.path) <= MOST_HELD:
            with CalamineWorkbook.from_path(self.path) as book:
                self._held = book.get_sheet_by_name(self.name)

    def rows(self) -> Iterator[Row]:
        """Yield all rows, the cells of each from the first column on."""
        return self._streamed() if self._held is None else self._cells_of(self._held)

    def _cells_of(self, sheet: CalamineSheet) -> Iterator[Row]:
        indent: list[str | None] = [None] * (sheet.start or (0, 0))[1]
        for row in sheet.iter_rows():
            cells = [text_of(value) for value in row]
            yield cells if len(cells) > sheet.width or not indent else indent + cells

    def _streamed(self) -> Iterator[Row]:
        import openpyxl

        # By its name openpyxl would refuse a stored file, which has no extension.
        stream = self.path.open("rb")
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            sheet = book[self.name]
            sheet.reset_dimensions()  # some programs write a wrong size
            for row in sheet.iter_rows():
                yield [None if cell.data_type == "e" else text_of(cell.value) for cell in row]
        finally:
            stream.close()


def _sheet_names(path: Path) -> list[str]:
    """Return the names of the sheets with cells, those that are shown first."""
    with _refusing(), CalamineWorkbook.from_path(path) as book:
        sheets = [each for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    shown = [each.name for each in sheets if each.visible == SheetVisibleEnum.Visible]
    names = shown + [each.name for each in sheets if each.visible != SheetVisibleEnum.Visible]
    if not names:
        raise RequestError(Message("workbook_without_sheet"), "file")
    return names


def _choose(names: list[str], wanted: str | None, notices: list[Notice]) -> str:
    """Return the chosen sheet, by its name or its place, or the first; say which others there are."""
    name = names[0] if wanted is None else _sheet_called(wanted, names)
    if others := [each for each in names if each != name][:NAMED_SHEETS]:
        notices.append(Notice(Message("other_sheets", {"sheet": name, "others": others})))
    return name


def _sheet_called(wanted: str, names: list[str]) -> str:
    if wanted in names:
        return wanted
    for name in names:
        if name.strip().casefold() == wanted.strip().casefold():
            return name
    if wanted.isdecimal() and 0 < int(wanted[:6]) <= len(names):
        return names[int(wanted[:6]) - 1]
    raise RequestError(Message("no_such_sheet", {"given": wanted, "known": names[:NAMED_SHEETS]}), "sheet")


def _unpacked(path: Path) -> int:
    """Return how many bytes the cells and texts of a workbook take when unpacked."""
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist() if part.filename.startswith("xl/"))


def _refuse_bombs(path: Path) -> None:
    with _refusing():
        unpacked = _unpacked(path)
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * path.stat().st_size:
        raise RequestError(Message("workbook_bomb", {"size": unpacked}), "file")


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Refuse a workbook that its library cannot read."""
    try:
        yield
    except PasswordError:
        raise RequestError(Message("file_has_password"), "file") from None
    except (CalamineError, zipfile.BadZipFile, zlib.error, ElementTree.ParseError, EOFError, KeyError, ValueError):
        raise RequestError(Message("workbook_broken"), "file") from None
