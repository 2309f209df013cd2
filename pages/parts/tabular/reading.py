"""How a file is to be read: format, sheet, encoding, separators, header."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from jobs.tabular.csv.dialect import DELIMITERS, ENCODINGS
from jobs.tabular.dialect import CSV, EXCEL, FORMATS, format_of
from jobs.tabular.limits import MISSING_WORDS
from store.datasets import Dataset
from store.messages import Notice

ENCODING_WORDS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1254": "Turkish (cp1254)",
    "latin-1": "Western European (latin-1)",
    "cp1252": "Western European (cp1252)",
    "cp1250": "Central European (cp1250)",
    "cp1251": "Cyrillic (cp1251)",
    "cp1253": "Greek (cp1253)",
    "cp1255": "Hebrew (cp1255)",
    "cp1256": "Arabic (cp1256)",
    "cp1257": "Baltic (cp1257)",
    "iso-8859-2": "Central European (iso-8859-2)",
    "iso-8859-9": "Turkish (iso-8859-9)",
}
# Kinds of files that the page takes; programs and commands send any file, whose bytes say what it is.
FILE_TYPES = ["csv", "tsv", "txt", "xlsx", "xlsm", "parquet", "jsonl", "ndjson", "json"]
_OTHERS: dict[str | bool, str] = {key: word for key, word in FORMATS.items() if key != CSV}
DIALECT_CHOICES: dict[str, tuple[str, dict[str | bool, str]]] = {
    "format": ("Format", {CSV: FORMATS[CSV], **_OTHERS}),
    "encoding": ("Letters (encoding)", {name: ENCODING_WORDS.get(name, name) for name in ENCODINGS}),
    "delimiter": ("Columns are separated by", {sign: word.capitalize() for sign, word in DELIMITERS.items()}),
    "decimal": ("Decimal mark", {".": "Point: 1.5", ",": "Comma: 1,5"}),
    "thousands": ("Thousands mark", {"": "None", ".": "Point: 1.000", ",": "Comma: 1,000"}),
    "missing": (
        "A missing value is",
        {"": "An empty cell", **{word: f"{word} or an empty cell" for word in MISSING_WORDS}},
    ),
    "header": ("First line", {True: "Column names", False: "Data"}),
    "day_first": ("Dates such as 03/04", {True: "3 April (day first)", False: "March 4 (month first)"}),
}


def dialect_widgets(
    key: str, dialect: Mapping[str, object] | None = None, sheets: Sequence[str] = ()
) -> dict[str, object]:
    """How a file is to be read; what is to be detected is not in the answer. `sheets` are those of a known workbook,
    the one that was read first."""
    known = {"format": CSV, **dialect} if dialect else {}
    chosen: dict[str, object] = {}
    if len(sheets) > 1:
        chosen["sheet"] = st.selectbox("Excel sheet", sheets, key=f"{key}-sheet")
    elif not known:
        sheet = st.text_input("Excel sheet", key=f"{key}-sheet", placeholder="First sheet", max_chars=200)
        chosen["sheet"] = sheet.strip() or None
    for name, (label, choices) in DIALECT_CHOICES.items():
        if name not in _names_for(known):
            continue
        value = known.get(name)
        # What was set stays set; what was detected can be detected again.
        options: list[str | bool | None] = [None, *choices] if value is None else [*choices]
        chosen[name] = st.selectbox(
            label,
            options,
            index=next((place for place, option in enumerate(options) if option == value), 0),
            key=f"{key}-{name}",
            format_func=partial(_choice_words, choices),
        )
    return {name: value for name, value in chosen.items() if value is not None}


def sheets_of(dataset: Dataset) -> list[str]:
    """The sheets of a workbook as reading it noted them, the one that was read first; none where there is one sheet."""
    for message in (Notice.from_json(stored).message for stored in dataset.notices):
        others = message.values.get("others") if message.code == "other_sheets" else None
        if isinstance(others, list):
            return [str(dataset.dialect.get("sheet")), *map(str, others)]
    return []


def _names_for(known: Mapping[str, object]) -> tuple[str, ...]:
    """Return the settings that a file of a known format has; all of them where the format is not known yet."""
    if format_of(known) == CSV:
        return tuple(DIALECT_CHOICES)
    return ("format", "header", "day_first") if format_of(known) == EXCEL else ("format", "day_first")


def _choice_words(choices: Mapping[str | bool, str], choice: str | bool | None) -> str:
    return "Automatic" if choice is None else choices[choice]
