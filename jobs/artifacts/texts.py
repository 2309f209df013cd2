"""Texts that say what they are: Markdown, HTML, CSV and JSON, so that pages draw them as that.

HTML is drawn only in an iframe with `sandbox=""`, Markdown with raw HTML switched off.
"""

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any

from jobs.artifacts import previews
from jobs.artifacts.annotations import mentions
from jobs.artifacts.saved import Saved, Stored


class MarkdownString(str):
    """Markdown."""

    __slots__ = ()


class HTMLString(str):
    """HTML."""

    __slots__ = ()


class CSVString(str):
    """A table as CSV, its first row the names of its columns."""

    __slots__ = ()


class JSONString(str):
    """JSON."""

    __slots__ = ()


FORMATS: dict[type[str], str] = {
    MarkdownString: "markdown",
    HTMLString: "html",
    CSVString: "csv",
    JSONString: "text",
}
SUFFIXES = {"markdown": "md", "html": "html", "csv": "csv", "text": "json"}


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save a text of one of these types; None if it is none, or what a file cannot hold."""
    kind = type(value) if type(value) in FORMATS else annotation if type(value) is str else None
    if not isinstance(kind, type) or kind not in FORMATS:
        return None
    try:
        data = value.encode()
    except UnicodeEncodeError:
        return None
    file = folder / f"text.{SUFFIXES[FORMATS[kind]]}"
    file.write_bytes(data)
    facts = {"length": len(value)}
    return Saved(kind.__name__, FORMATS[kind], file=file, preview=_preview(kind, value), metadata=facts)


def load(stored: Stored) -> object:
    """The text, as the type that was saved, unless the code says that it wants a plain one."""
    text = stored.file.read_bytes().decode()
    if mentions(stored.annotation, str):
        return text
    kinds = {kind.__name__: kind for kind, format_name in FORMATS.items() if format_name == stored.format}
    wanted = [kind for kind in FORMATS if mentions(stored.annotation, kind)]
    return (wanted[0] if wanted else kinds.get(stored.type) or next(iter(kinds.values())))(text)


def _preview(kind: type, value: str) -> previews.Preview:
    if kind is MarkdownString:
        return previews.text(value, "markdown")
    if kind is HTMLString:
        return previews.text(value, "html")
    if kind is CSVString:
        return _table(value) or previews.text(value)
    try:
        if len(value) <= 10_000_000:
            return previews.tree(json.loads(value), lambda each: each)
    except (ValueError, RecursionError):
        pass
    return previews.text(value)


def _table(value: str) -> previews.Preview | None:
    """The first rows of CSV; None if it is none."""
    try:
        rows = list(itertools.islice(csv.reader(io.StringIO(value[:2_000_000])), previews.ROWS + 1))
    except csv.Error:
        return None
    if not rows or not rows[0]:
        return None
    columns: list[previews.Column] = [{"name": str(previews.cell(name)), "type": "text"} for name in rows[0]]
    width = len(columns)
    cells = [(row + [""] * width)[:width] for row in rows[1:] if row]
    return previews.table(columns, cells, max(value.count("\n") - 1, len(cells)), width)
