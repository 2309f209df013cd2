"""What reading ahead leaves in a folder: the typed table, and a file that says what is in it once it is complete."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from jobs.tabular.profile.profiler import Profile
from jobs.tabular.typed_table import WrittenTable
from store.files import FileRef

CONTENT, PROGRESS = "content.json", "progress"


class Notes:
    """Writes the two small files beside a table; the folder may be renamed meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._content, self._progress = ((folder / name).open("wb", buffering=0) for name in (CONTENT, PROGRESS))

    def progress(self, rows: int, size: int) -> None:
        """Note how many rows and bytes were read."""
        os.pwrite(self._progress.fileno(), f"{rows} {size}".ljust(40).encode(), 0)

    def is_removed(self) -> bool:
        """Whether nobody can take the table any more."""
        return os.fstat(self._progress.fileno()).st_nlink == 0

    def complete(self, profile: Profile, table: WrittenTable) -> None:
        """Note what the table holds; from now on it counts."""
        content = {
            "profile": profile.to_json(),
            "table": asdict(table.table),
            "hashes": asdict(table.hashes),
            "duplicates": table.duplicates,
        }
        self._content.write(json.dumps(content).encode())
        os.fsync(self._content.fileno())


def progress_of(folder: Path) -> tuple[int, int]:
    """Return how many rows and bytes the writer of a folder has read."""
    try:
        rows, size = (folder / PROGRESS).read_bytes().split()
    except (OSError, ValueError):
        return 0, 0
    return int(rows), int(size)


def content_of(folder: Path) -> tuple[Profile, WrittenTable] | None:
    """Return what a folder holds; None where its writer did not complete it."""
    try:
        content = json.loads((folder / CONTENT).read_bytes())
    except (OSError, ValueError):
        return None
    table, hashes = FileRef(**content["table"]), FileRef(**content["hashes"])
    return Profile.from_json(content["profile"]), WrittenTable(folder, table, hashes, content["duplicates"])
