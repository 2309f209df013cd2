"""Checkpoints: what a step needs to go on after a kill. Where hosts share a folder for files, they share these."""

import fnmatch
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from store.files.file_ref import hash_of
from store.files.incoming_files import CHUNK, incoming
from store.settings import settings

FOLDER = "checkpoints"


def keep_checkpoint(step_id: int, made_by: str, temporary: Path) -> None:
    """Store the checkpoint of a step in place of its previous one.

    The name holds a hash of its content and of what made it, so that a damaged checkpoint, or one of other settings
    or of another step, is never used for this step."""
    before = checkpoints(step_id)
    target = _folder() / _name(step_id, made_by, temporary)
    _move(temporary, target)
    for old in before:
        if old != target:
            old.unlink(missing_ok=True)


def checkpoints(step_id: int) -> list[Path]:
    """List the checkpoints of a step, whole or not, newest first."""
    return sorted(_glob(f"step-{step_id}-*"), key=_written, reverse=True)


def whole_checkpoint(step_id: int, made_by: str) -> Path | None:
    """Return the newest checkpoint that is undamaged and made by this version of the step."""
    for path in checkpoints(step_id):
        with suppress(FileNotFoundError):
            if path.name == _name(step_id, made_by, path):
                return path
    return None


def steps_with_checkpoints() -> set[int]:
    """Return the ids of steps that have a checkpoint."""
    return {int(number) for path in _glob("step-*-*") if (number := path.name.split("-")[1]).isdecimal()}


def drop_checkpoints(step_id: int) -> None:
    for path in checkpoints(step_id):
        path.unlink(missing_ok=True)


def all_checkpoints() -> dict[Path, int]:
    """Return all checkpoints, each with the id of its step."""
    return {path: int(path.name.split("-")[1]) for path in _glob("step-[0-9]*-*")}


def place_checkpoint(name: str, temporary: Path) -> None:
    """Put back a checkpoint under the name it had."""
    _move(temporary, _folder() / name)


def _folder() -> Path:
    folder = settings().files / FOLDER if settings().files_url else settings().folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _glob(pattern: str) -> Iterator[Path]:
    """Search the home folder, too, where checkpoints were stored before files had a folder of their own."""
    for folder in dict.fromkeys((_folder(), settings().folder / FOLDER)):
        with suppress(FileNotFoundError):
            yield from [folder / name for name in fnmatch.filter(os.listdir(folder), pattern)]  # noqa: PTH208


def _move(temporary: Path, target: Path) -> None:
    """Put a file in place in one step, synced, also when it comes from another disk."""
    if temporary.stat().st_dev == target.parent.stat().st_dev:
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
        return
    with temporary.open("rb") as source, incoming() as copy:
        while chunk := source.read(CHUNK):
            copy.write(chunk)
        copy.move_to(target)


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # another process dropped it just now
        return 0


def _name(step_id: int, made_by: str, path: Path) -> str:
    identity = f"{step_id} {made_by} {hash_of(path)}"
    return f"step-{step_id}-{hashlib.sha256(identity.encode()).hexdigest()}"
