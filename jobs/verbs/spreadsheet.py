"""Make CSV files that are safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

from jobs.language.formulas import safe


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file with a mark that lets spreadsheets read it as UTF-8; texts that would run as formulas are quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([safe(name) for name in header])
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")
