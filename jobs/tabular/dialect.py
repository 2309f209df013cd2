"""How a table of any format is read: its format, its sheet and what else can be chosen; without any library, for pages
and commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.tabular.csv.dialect import DELIMITERS, Overrides, read_overrides
from store.errors import RequestError
from store.messages import Message

CSV, EXCEL, PARQUET, JSON_LINES = "csv", "excel", "parquet", "jsonl"
FORMATS = {CSV: "CSV", EXCEL: "Excel", PARQUET: "Parquet", JSON_LINES: "JSON lines"}
EXTENSIONS = {CSV: "csv", EXCEL: "xlsx", PARQUET: "parquet", JSON_LINES: "jsonl"}
# What people may write for a format.
_ALSO = {"xlsx": EXCEL, "xlsm": EXCEL, "json": JSON_LINES, "ndjson": JSON_LINES, "tsv": CSV, "text": CSV}
LONGEST_SHEET = 200
# Settings of text files alone, and what they are where cells have types.
_OF_TEXT = {"encoding": None, "delimiter": None, "decimal": ".", "thousands": "", "missing": ""}


@dataclass(frozen=True, slots=True)
class TypedDialect:
    """How a file whose cells have types is read; its numbers and dates are written in one way only."""

    format: str
    sheet: str | None = None
    header: bool = True
    day_first: bool | None = None

    @property
    def decimal(self) -> str:
        return "."

    @property
    def thousands(self) -> str:
        return ""

    def as_dict(self) -> dict[str, str | bool | None]:
        stored: dict[str, str | bool | None] = {"format": self.format, "day_first": self.day_first}
        return {**stored, "sheet": self.sheet, "header": self.header} if self.format == EXCEL else stored

    @property
    def words(self) -> str:
        """Return the dialect in words: Excel, sheet Customers."""
        return words_of(self.as_dict())


def format_of(settings: Mapping[str, object]) -> str:
    """Return the format that a stored dialect names; the first datasets, all of them CSV, name none."""
    return str(settings.get("format") or CSV)


def words_of(settings: Mapping[str, object]) -> str:
    """Return a stored dialect in words: UTF-8, semicolon, decimal comma; or: Excel, sheet Customers."""
    chosen = format_of(settings)
    if chosen == CSV:
        encoding, delimiter = str(settings.get("encoding", "utf-8")), str(settings.get("delimiter", ","))
        parts = [encoding.replace("utf", "UTF"), DELIMITERS.get(delimiter, "other separator")]
        parts.append("decimal comma" if settings.get("decimal") == "," else "decimal point")
    else:
        parts = [FORMATS.get(chosen, chosen)]
        if settings.get("sheet"):
            parts.append(f"sheet {settings['sheet']}")
    if settings.get("header") is False:
        parts.append("no header line")
    return ", ".join(parts)


def read_settings(settings: Mapping[str, object]) -> dict[str, Any]:
    """Return chosen settings of any format, each as its kind; refuse what no file can be read with."""
    others = {name: value for name, value in settings.items() if name not in ("format", "sheet")}
    if unknown := [name for name in others if name not in Overrides.__annotations__]:
        known = ["format", "sheet", *Overrides.__annotations__]
        raise RequestError(Message("no_such_reading_setting", {"given": unknown[0], "known": known}), "dialect")
    checked: dict[str, Any] = dict(read_overrides(others))
    if settings.get("format") is not None:
        checked["format"] = _check_format(settings["format"])
    if settings.get("sheet") is not None:
        checked["sheet"] = str(settings["sheet"])[:LONGEST_SHEET]
    return checked


def settings_for(chosen: str, settings: Mapping[str, object]) -> dict[str, Any]:
    """Return the checked settings of a file of this format; refuse those that it cannot have."""
    checked = read_settings(settings)
    checked.pop("format", None)
    if chosen != EXCEL and "sheet" in checked:
        raise RequestError(Message("sheet_of_no_workbook", {"format": FORMATS[chosen]}), "sheet")
    if chosen == CSV:
        return checked
    for name, value in _OF_TEXT.items():
        if checked.pop(name, value) != value:
            raise RequestError(Message("setting_of_text_files", {"name": name, "format": FORMATS[chosen]}), name)
    if chosen != EXCEL and not checked.pop("header", True):
        raise RequestError(Message("setting_of_text_files", {"name": "header", "format": FORMATS[chosen]}), "header")
    return checked


def _check_format(value: object) -> str:
    word = str(value).strip().casefold().replace(" ", "").removesuffix("lines") or str(value)
    word = _ALSO.get(word, word)
    if word not in FORMATS:
        raise RequestError(Message("format_unknown", {"given": str(value)[:40], "known": [*FORMATS]}), "format")
    return word
