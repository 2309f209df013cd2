"""Stored files: are they there, and whole."""

from collections.abc import Iterator

from jobs.upkeep.doctor.check import RESTORE, Check, listed, size, total_size
from store import checks, files
from store.files import Kept
from store.settings import settings


def check_files(deep: bool) -> Iterator[Check]:
    named = checks.files_named()
    files.check()
    lost = [
        f"{what} ({sha256[:12]})"
        for sha256, (size, what) in named.items()
        if not (_whole(Kept(sha256, size)) if deep else _there(Kept(sha256, size)))
    ]
    if lost:
        count = "1 stored file is" if len(lost) == 1 else f"{len(lost)} stored files are"
        yield Check(
            "files",
            "problem",
            f"{count} missing or damaged: {listed(lost)}.",
            f"{RESTORE}, or run those workflows again from their first step.",
        )
    else:
        how = "by their hashes" if deep else "by their sizes; by their hashes with --deep"
        yield Check("files", "ok", f"{len(named)} stored files in {settings().files} are whole, {how}.")
    free = [path for path in files.stored() if path.name not in named]
    if free:
        yield Check(
            "files",
            "note",
            f"{len(free)} stored files belong to nothing ({size(total_size(free))}).",
            "They are removed a day after they were written, while the app runs.",
        )


def _there(kept: Kept) -> bool:
    try:
        return files.path_of(kept.sha256).stat().st_size == kept.size
    except FileNotFoundError:
        return False


def _whole(kept: Kept) -> bool:
    try:
        return bool(files.verified(kept))
    except files.Damaged:
        return False
