"""Make CSV files that are safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

from jobs.language import numbers
from jobs.language.formulas import safe


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]], language: str | None = None) -> bytes:
    """A CSV file with a mark that lets spreadsheets read it as UTF-8; texts that would run as formulas are quoted. For
    people whose language writes 0,5 it has semicolons and decimal commas: so their spreadsheets read it."""
    text, decimal = io.StringIO(newline=""), numbers.language(language).decimal
    writer = csv.writer(text, delimiter=";" if decimal == "," else ",")
    writer.writerow([safe(name) for name in header])
    writer.writerows([_written(cell, decimal) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _written(cell: object, decimal: str) -> object:
    return str(cell).replace(".", decimal) if isinstance(cell, float) else safe(cell)
