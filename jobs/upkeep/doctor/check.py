"""One finding of doctor, and how findings are worded."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from store.program import COMMAND

MOST_NAMED = 5
RESTORE = f"Restore a backup: {COMMAND} restore FILE"


@dataclass(frozen=True, slots=True)
class Check:
    """A check: what it looked at, its state, what it found, and what to do about it."""

    name: str
    state: Literal["ok", "note", "problem"]
    found: str
    advice: str = ""


def stat_of(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:  # removed since it was listed
        return None


def size(count: int) -> str:
    """A number of bytes, in units of a thousand."""
    for unit, word in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:,.1f} {word}"
    return f"{count} B"


def named(paths: list[Path]) -> str:
    return listed([str(path) for path in paths])


def listed(names: list[str]) -> str:
    """The first of several names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def counted(paths: list[Path], one: str, many: str) -> str:
    return f"{named(paths)} {one if len(paths) == 1 else many}"


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder
