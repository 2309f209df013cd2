"""The sandbox for files: people's files are analysed in a process of their own, with little memory and time.
A file that breaks that process is refused, and nothing else happens."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from jobs.tabular.sandbox_client import Sandbox, Talk
from jobs.tabular.sandbox_look import Request
from store.datasets import Description

# Reading 64 MB of CSV took 180 MB; a small table with very many columns takes more.
MEMORY = 512 << 20
SECONDS = 60
# All bytes of a bigger file are read once, however few of its rows are profiled.
BYTES_PER_SECOND = 20 << 20
# A table takes about as many bytes as the file that it was read from.
WRITTEN_FOR_EACH_BYTE = 4

# Two at a time: together they stay under a gigabyte, however many files arrive at once.
SANDBOX = Sandbox("jobs.tabular.sandbox_look", MEMORY, at_once=2)


def look(path: Path, size: int, dialect: Mapping[str, object] | None, first_bytes: int | None) -> Description:
    """Return how a file is written and its profile, as the database stores them; or refuse the file."""
    described: Description = SANDBOX.ask(_request(path, size, dialect or {}, first_bytes))
    return described


def reading_ahead(
    path: Path, size: int, dialect: Mapping[str, object], first_bytes: int, folder: Path
) -> AbstractContextManager[Talk]:
    """Let a child read a file that still arrives, and write its table into a folder."""
    request = _request(path, size, dialect, first_bytes)
    return SANDBOX.talk({**request, "folder": str(folder.absolute()), "most_written": WRITTEN_FOR_EACH_BYTE * size})


def _request(path: Path, size: int, dialect: Mapping[str, object], first_bytes: int | None) -> Request:
    return {
        "path": str(path.absolute()),
        "size": size,
        "dialect": dict(dialect),
        "first_bytes": first_bytes,
        "seconds": SECONDS + size // BYTES_PER_SECOND,
    }


def make_ready() -> None:
    """Start the server now, so that it is there when the file is."""
    SANDBOX.make_ready()


def end() -> None:
    """End the server, if there is one; the next file starts another."""
    SANDBOX.end()
