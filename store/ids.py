"""Ids: the numbers by which rows are known, as people and programs write them."""

LARGEST = 2**31 - 1  # of a PostgreSQL integer


def read_id(text: str) -> int | None:
    """The id that a text is; None when it is none, or larger than any row's."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(LARGEST))):
        return None
    number = int(digits)
    return number if number <= LARGEST else None
