"""Text and numbers as every database can hold them. SQLite alone would take more, and only its users would notice."""

import unicodedata

LONGEST_NAME = 60  # of a metric, score, file, input or facet
LONGEST_FACET = 300  # an index of PostgreSQL takes 2,704 bytes for name and value
LONGEST_CODE = 40
LONGEST_LEVEL = 8
LARGEST_INTEGER = 2**31 - 1


def sayable(text: object) -> str:
    """The text without what a database cannot hold."""
    return str(text).replace("\0", "").encode(errors="replace").decode()


def is_sayable(text: str) -> bool:
    """Whether a database can hold all of the text: no zero character, and no half of one."""
    return sayable(text) == text


def composed(name: str) -> str:
    """A name with each letter as one character: some programs write ğ as g and a breve, which looks the same."""
    return unicodedata.normalize("NFC", name)


def is_integer(number: int) -> bool:
    """Whether a number fits into an integer column."""
    return -LARGEST_INTEGER <= number <= LARGEST_INTEGER
