"""Stored files: are they there, and whole."""

from collections.abc import Iterator

from jobs.upkeep.doctor.check import RESTORE, Check, listed, size
from store import checks, files
from store.files import FileRef
from store.settings import settings


def check_files(deep: bool) -> Iterator[Check]:
    named = checks.files_named()
    files.check()
    lost = [
        f"{what} ({sha256[:12]})"
        for sha256, (size, what) in named.items()
        if not (_whole(FileRef(sha256, size)) if deep else _exists(FileRef(sha256, size)))
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
    free = [each.size for each in files.stored() if each.sha256 not in named]
    if free:
        yield Check(
            "files",
            "note",
            f"{len(free)} stored files belong to nothing ({size(sum(free))}).",
            "They are removed a day after they were written, while the app runs.",
        )


def _exists(ref: FileRef) -> bool:
    stored = files.find(ref.sha256)
    return stored is not None and stored.size == ref.size


def _whole(ref: FileRef) -> bool:
    try:
        return bool(files.verified(ref))
    except files.DamagedError:
        return False
