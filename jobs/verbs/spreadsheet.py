"""Make CSV files that are safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

# The wide signs are read as the narrow ones where people write with them.
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file with a mark that lets spreadsheets read it as UTF-8; texts that would run as formulas are quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([safe(name) for name in header])
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def safe(cell: object) -> object:
    """A cell as a spreadsheet may have it: numbers stay numbers, and no text can begin a formula."""
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text
