"""Units: signs beside a number that leave it the number it is, such as % and ₺; without any library."""

import re

_BLANKS = "[ \t\u00a0\u202f]*"
_SIGNS = "%₺$€£¥"
_WORDS = "TL|TRY|USD|EUR|GBP"
# Before a number: %54, -₺5, TL 20; and behind it: 82 %, 557,50 TL. Each leaves what its groups hold. re, RE2 and pandas
# all understand them, so that a file, a profile and a model read alike.
LEADING = rf"^{_BLANKS}([+-]?)(?:[{_SIGNS}]|(?i:{_WORDS})){_BLANKS}([+-]?[.,]?[0-9])"
TRAILING = rf"([0-9][.,]?){_BLANKS}(?:[{_SIGNS}]|(?i:{_WORDS})){_BLANKS}$"
# What stands for each unit where several spellings do.
_SAME = {"TL": "₺", "TRY": "₺", "USD": "$", "EUR": "€", "GBP": "£"}
UNIT = rf"[{_SIGNS}]|(?i:{_WORDS})"
_ANY = re.compile(UNIT)
_LEADING, _TRAILING = re.compile(LEADING), re.compile(TRAILING)


def without_unit(cell: str) -> str:
    """Return a cell without the unit of its number: 557,50 for ₺557,50."""
    return _TRAILING.sub(r"\1", _LEADING.sub(r"\1\2", cell)) if _ANY.search(cell) else cell


def unit_of(cell: str) -> str | None:
    """Return the unit of a number, the same for ₺ and TL; None where it has none."""
    found = _ANY.search(cell)
    return _SAME.get(found[0].upper(), found[0]) if found and without_unit(cell) != cell else None
