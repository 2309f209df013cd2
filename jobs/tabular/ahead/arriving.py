"""A file that arrives, as the process sees it that receives it: a child of the sandbox reads it ahead."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobs.tabular import sandbox
from jobs.tabular.ahead.growing_file import END, MORE
from jobs.tabular.sandbox_client import Talk
from jobs.tabular.table_name import name_of
from store import files
from store.datasets import Dataset, Description
from store.errors import RequestError

# Free bytes for each byte of a file that is read ahead: for what `check_room` asks, and as much again.
ROOM_FOR_EACH_BYTE = 2 * files.ROOM_FOR_EACH_BYTE


class Arriving:
    """The file, and the child that reads it ahead, if there is one."""

    def __init__(self, talk: Talk | None = None, waiting: files.Waiting | None = None) -> None:
        self._talk, self._waiting = talk, waiting
        self._description: Description | None = None

    def more(self) -> None:
        """Say that more bytes are in the file."""
        if self._talk:
            self._talk.say(MORE)

    def complete(self) -> None:
        """Say that all bytes are in the file."""
        if self._talk:
            self._talk.finish(END)

    def described(self) -> Description | None:
        """Return what was read of the complete file, as a look at it would; None where it has to be looked at."""
        if self._talk:
            with contextlib.suppress(RequestError):  # the child was killed, by a limit or otherwise
                self._description = self._talk.answer()
        return self._description

    def offer(self, dataset: Dataset) -> None:
        """Let the step take the table that is being written; it does not need one if all rows are known."""
        if self._waiting and self._description and not dataset.exact:
            self._waiting.offer(name_of(dataset.sha256, dataset.dialect))


@contextlib.contextmanager
def arriving(path: Path, size: int, dialect: Mapping[str, object], described_bytes: int) -> Iterator[Arriving]:
    """Read a file ahead while it arrives, if its announced size is so big that a look describes only its first bytes,
    and the disk has room."""
    if size <= described_bytes or files.room() < size * ROOM_FOR_EACH_BYTE:
        yield Arriving()
        return
    with (
        contextlib.closing(files.Waiting()) as waiting,
        sandbox.reading_ahead(path, size, dialect, described_bytes, waiting.path) as talk,
    ):
        yield Arriving(talk, waiting)
