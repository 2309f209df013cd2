"""Lines of a CSV file, and how long they may be."""

import io
from collections.abc import Iterator
from typing import Protocol

LONGEST_FIELD = 1 << 20
BLOCK = 4 << 20
SAMPLE = 1 << 18


class Stream(Protocol):
    """Where the bytes of a file come from; it gives fewer than wanted only at the end."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


def unified_lines(stream: io.TextIOBase) -> Iterator[str]:
    """Lines, whichever of the three line ends the file uses."""
    for line in stream:
        if "\r" in line.rstrip("\r\n"):
            yield from line.splitlines(keepends=True)
        else:
            yield line
