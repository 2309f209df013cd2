"""Lines of a CSV file, and how long they may be."""

import io
from collections.abc import Iterator

LONGEST_FIELD = 1 << 20
BLOCK = 4 << 20
SAMPLE = 1 << 18


def unified_lines(stream: io.TextIOBase) -> Iterator[str]:
    """Lines, whichever of the three line ends the file uses."""
    for line in stream:
        if "\r" in line.rstrip("\r\n"):
            yield from line.splitlines(keepends=True)
        else:
            yield line
