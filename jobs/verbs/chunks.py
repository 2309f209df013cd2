"""The bytes of a file in chunks, however they are given."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from store.files import CHUNK

Bytes = Path | BinaryIO | Iterable[bytes]


def chunks_of(content: Bytes) -> Iterable[bytes]:
    """Yield the bytes of a path, a stream or chunks."""
    if isinstance(content, Path):
        with content.open("rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    elif hasattr(content, "read"):
        yield from iter(lambda: content.read(CHUNK), b"")
    else:
        yield from content
