"""How a CSV file can be written: encoding, delimiter, marks in numbers; without any library, for pages and commands."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TypedDict, cast

from jobs.tabular.limits import MISSING_WORDS
from store.errors import RequestError
from store.messages import Message

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = (
    "utf-8",
    "utf-16",
    "cp1254",
    "latin-1",
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp1257",
    "iso-8859-2",
    "iso-8859-9",
)


class Overrides(TypedDict, total=False):
    """The settings of a dialect that were chosen, not detected."""

    encoding: str
    delimiter: str
    decimal: str
    thousands: str
    missing: str
    header: bool
    day_first: bool


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    header: bool = True
    day_first: bool | None = None
    # The word that stands for a missing value in any column; "" where people chose that none does.
    missing: str | None = None

    def as_dict(self) -> dict[str, str | bool | None]:
        # Datasets of before the setting had none; they are still the same.
        return {name: value for name, value in asdict(self).items() if name != "missing" or value is not None}

    @property
    def words(self) -> str:
        """Return the dialect in words: cp1254, semicolon, decimal comma."""
        mark = "comma" if self.decimal == "," else "point"
        return f"{self.encoding}, {DELIMITERS[self.delimiter]}, decimal {mark}"


def read_overrides(overrides: Mapping[str, object]) -> Overrides:
    """Return chosen settings, each as its kind; refuse what a file cannot be written with."""
    checked: dict[str, str | bool] = {}
    for name, value in overrides.items():
        if name not in _CHECKS:
            raise RequestError(Message("no_such_reading_setting", {"given": name, "known": [*_CHECKS]}), "dialect")
        if value is None:
            continue
        checked[name] = _CHECKS[name](value)
    if checked.get("thousands") and checked["thousands"] == checked.get("decimal"):
        raise RequestError(Message("marks_equal"), "dialect")
    return cast(Overrides, checked)


def _check_encoding(value: object) -> str:
    known = {
        "utf8": "utf-8",
        "utf-8-sig": "utf-8",
        "utf16": "utf-16",
        "latin1": "latin-1",
        "iso-8859-1": "latin-1",
        "windows-1254": "cp1254",
        "windows-1252": "cp1252",
        "windows-1251": "cp1251",
    }
    name = str(value).strip().casefold().replace("_", "-")
    name = known.get(name, name)
    if name not in ENCODINGS:
        raise RequestError(Message("encoding_unknown", {"given": str(value)[:40], "known": [*ENCODINGS]}), "encoding")
    return name


def _check_delimiter(value: object) -> str:
    words = {word: sign for sign, word in DELIMITERS.items()} | {"\\t": "\t"}
    sign = words.get(str(value), str(value))
    if sign not in DELIMITERS:
        raise RequestError(Message("delimiter_unknown", {"given": str(value)[:40]}), "delimiter")
    return sign


def _check_decimal(value: object) -> str:
    sign = {"comma": ",", "point": "."}.get(str(value), str(value))
    if sign not in (",", "."):
        raise RequestError(Message("decimal_unknown", {"given": str(value)[:40]}), "decimal")
    return sign


def _check_thousands(value: object) -> str:
    sign = {"comma": ",", "point": ".", "none": ""}.get(str(value), str(value))
    if sign not in ("", ",", "."):
        raise RequestError(Message("thousands_unknown", {"given": str(value)[:40]}), "thousands")
    return sign


def _check_missing(value: object) -> str:
    word = str(value).strip()
    if word.casefold() in ("", "none") and word != "None":
        return ""
    if word not in MISSING_WORDS:
        raise RequestError(Message("missing_unknown", {"given": word[:40], "known": [*MISSING_WORDS]}), "missing")
    return word


def _check_bool(name: str, value: object) -> bool:
    word = str(value).strip().casefold()
    if word not in ("true", "yes", "false", "no"):
        raise RequestError(Message("reading_setting_not_bool", {"name": name, "given": str(value)[:40]}), name)
    return word in ("true", "yes")


_CHECKS: dict[str, Callable[[object], str | bool]] = {
    "encoding": _check_encoding,
    "delimiter": _check_delimiter,
    "decimal": _check_decimal,
    "thousands": _check_thousands,
    "missing": _check_missing,
    "header": lambda value: _check_bool("header", value),
    "day_first": lambda value: _check_bool("day_first", value),
}
