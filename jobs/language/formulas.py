"""Formulas: texts that a spreadsheet would run, and the same texts as it shows them."""

import re

# The wide signs are read as the narrow ones where people write with them.
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\d[\d., ]*(?:[eE][+-]?\d+)?")


def safe(cell: object) -> object:
    """A cell as a spreadsheet may have it: numbers stay numbers, and no text can begin a formula."""
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text


def safe_text(text: str) -> str:
    """A cell of a table of texts as a spreadsheet may have it: what is written as a number, and a sign alone, stay."""
    return text if len(text) == 1 or _NUMBER.fullmatch(text) else str(safe(text))
