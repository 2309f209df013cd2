"""Backup and restore: everything a home remembers as one file, and back, while the app runs."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.engine import queue, queue_view
from jobs.language import sentence
from jobs.verbs.permission import deed
from store import backup_file, files, keys, schema, snapshot, steps
from store.actors import Role
from store.backup_file import Manifest, Progress, Reader, Writer
from store.errors import RequestError
from store.files import FileRef
from store.messages import Message
from store.program import VERSION
from store.settings import make_home
from store.snapshot import Counts

ROUNDS = 10
SPARE = 64 << 20

Confirm = Callable[[Message], bool]


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A backup that was written, and what could not be in it."""

    file: Path
    size: int
    manifest: Manifest

    @property
    def missing(self) -> int:
        """How many files could not be in it: they are missing from the home, or damaged."""
        return len(self.manifest.missing)

    @property
    def sentence(self) -> str:
        text = f"{_held(self.manifest)} are in {self.file} ({_size(self.size)})."
        if self.missing:
            text += f" Not in it: {self.missing} stored files that are missing or damaged; doctor --deep names them."
        return text

    @property
    def document(self) -> dict[str, Any]:
        return {"file": str(self.file), "size": self.size, "missing": self.manifest.missing} | _summary(self.manifest)


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was restored, and where the backup of what was there before is."""

    manifest: Manifest
    safety: BackupResult | None

    @property
    def sentence(self) -> str:
        before = f" What was there before is in {self.safety.file}." if self.safety else ""
        return f"Restored: {_held(self.manifest)}, as of {_when(self.manifest)}.{before}{_signed(self.manifest)}"

    @property
    def document(self) -> dict[str, Any]:
        return {"before": str(self.safety.file) if self.safety else None} | _summary(self.manifest)


def no_progress(_words: str, _done: int, _total: int) -> None:
    """Report no progress."""


@deed("make backup", role=Role.admin)
def backup(file: Path, force: bool = False, progress: Progress = no_progress) -> BackupResult:
    """Write everything that is remembered now into one file; whole, or not at all."""
    _check_target(file, force)
    _check_room(make_home(), snapshot.path().stat().st_size)
    with files.scratch() as folder, backup_file.written(file, force) as writer:
        builder = _BackupBuilder(writer, folder, progress)
        builder.check_room(file.parent)
        builder.add_files()
        manifest = builder.seal()
    return BackupResult(file, file.stat().st_size, manifest)


@deed("restore backup", role=Role.admin)
def restore(file: Path, confirm: Confirm, progress: Progress = no_progress) -> RestoreResult:
    """Make this home what it was when the backup was written. Where it holds something, `confirm` decides, and a
    backup of that stays in the home."""
    snapshot.path()
    with _exclusive(), files.scratch() as folder, backup_file.opened(file) as reader:
        manifest = reader.check(progress)
        staged = folder / "restored.db"
        reader.extract(backup_file.DATABASE, staged)
        snapshot.make_ready(staged)
        needed = _needed(reader, staged, manifest)
        in_use = _holdings()
        if in_use and not confirm(_question(manifest, in_use)):
            raise RequestError(Message("restore_declined"))
        _check_room_for(reader, needed, staged, in_use is not None)
        _put_back(reader, needed, progress)
        if in_use:
            safety = _exchange(reader, manifest, needed, staged, progress)
        else:
            safety = None
            with snapshot.replaced_by(staged):
                _place(reader, manifest, needed)
    _drop_other_checkpoints(manifest)
    _empty_queue()
    return RestoreResult(manifest, safety)


class _BackupBuilder:
    """Puts together what a backup holds, in rounds: files deleted meanwhile are missing in the next round."""

    def __init__(self, writer: Writer, folder: Path, progress: Progress) -> None:
        self._writer = writer
        self._progress = progress
        self._missing: set[str] = set()
        self._database = folder / "copy.db"
        self._checkpoint_copies = folder / "checkpoints"
        self._checkpoints: dict[Path, int] = {}
        self._look()

    def check_room(self, folder: Path) -> None:
        """Refuse before anything is written when it would not fit."""
        size = sum(snapshot.files_named(self._database).values()) + self._database.stat().st_size
        _check_room(folder, size)

    def add_files(self) -> None:
        """Add every stored file, in rounds until none was deleted during one."""
        for _ in range(ROUNDS):
            if not self._add_missing():
                return
            self._look()
        raise RequestError(Message("backup_files_vanish"))

    def seal(self) -> Manifest:
        unfinished = snapshot.unfinished(self._database)
        for path, step_id in self._checkpoints.items():
            if step_id in unfinished:
                self._writer.add_checkpoint(path)
        self._writer.add_database(self._database)
        counts = snapshot.counts(self._database)
        return self._writer.seal(schema.NEWEST, VERSION, counts.workflows, counts.datasets, sorted(self._missing))

    def refresh(self) -> None:
        """Bring the backup up to date; the caller holds off all writers."""
        self._look()
        self._add_missing()

    def _look(self) -> None:
        # Checkpoints first: one that is older than the numbers in the database is of use, a newer one is not.
        shutil.rmtree(self._checkpoint_copies, ignore_errors=True)
        self._checkpoint_copies.mkdir()
        self._checkpoints = {}
        for path, step_id in files.all_checkpoints().items():
            with contextlib.suppress(FileNotFoundError):
                _link(path, self._checkpoint_copies / path.name)
                self._checkpoints[self._checkpoint_copies / path.name] = step_id
        self._database.unlink(missing_ok=True)
        snapshot.copy(self._database)

    def _add_missing(self) -> set[str]:
        """Copy what is not copied yet; returns what was not there and was not known to be missing."""
        named = snapshot.files_named(self._database)
        total, done = sum(named.values()), 0
        absent = set()
        for sha256, size in named.items():
            if not self._writer.holds(sha256) and not self._writer.add_file(FileRef(sha256, size)):
                absent.add(sha256)
            done += size
            self._progress("Copying", done, total)
        new = absent - self._missing
        self._missing = absent
        return new


def _exchange(reader: Reader, manifest: Manifest, needed: set[str], staged: Path, progress: Progress) -> BackupResult:
    """Replace the database in one go; what was there before is in a backup that is whole by then."""
    file = _free_name(f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    with files.scratch() as folder, contextlib.ExitStack() as writing:
        builder = _BackupBuilder(writing.enter_context(backup_file.written(file, False)), folder, progress)
        builder.add_files()
        with snapshot.replaced_by(staged):
            builder.refresh()
            sealed = builder.seal()
            writing.close()
            _place(reader, manifest, needed)
    return BackupResult(file, file.stat().st_size, sealed)


def _free_name(name: str) -> Path:
    """A file in the home that is not there yet."""
    file, number = make_home() / f"{name}.tar", 1
    while file.exists():
        number += 1
        file = make_home() / f"{name}-{number}.tar"
    return file


def _needed(reader: Reader, staged: Path, manifest: Manifest) -> set[str]:
    """The stored files that the database in the backup refers to; all must be there, except those listed as missing."""
    named = snapshot.files_named(staged).keys() - set(manifest.missing)
    if not all(reader.holds(sha256) for sha256 in named):
        raise RequestError(Message("backup_files_missing"))
    return named


def _put_back(reader: Reader, needed: set[str], progress: Progress) -> None:
    """Files go by their hash, so these replace nothing but what was damaged."""
    for done, sha256 in enumerate(sorted(needed), 1):
        try:
            files.verified(FileRef(sha256, reader.size_of(sha256)))
        except files.DamagedError:
            reader.store(sha256)
        progress("Restoring", done, len(needed))


def _place(reader: Reader, manifest: Manifest, needed: set[str]) -> None:
    """Make sure that every file is there, while no process can delete any."""
    for sha256 in needed:
        if files.find(sha256) is None:
            reader.store(sha256)
    for part in manifest.checkpoints:
        with files.scratch() as folder:
            reader.extract(part.name, folder / "checkpoint")
            files.place_checkpoint(Path(part.name).name, folder / "checkpoint")


def _drop_other_checkpoints(manifest: Manifest) -> None:
    """Numbers of steps mean other steps now."""
    names = {Path(part.name).name for part in manifest.checkpoints}
    for path in files.all_checkpoints():
        if path.name not in names:
            path.unlink(missing_ok=True)


def _empty_queue() -> None:
    """Take out the work of before, and stop what runs; the reconciler hands over what the database says now."""
    running = {step.job_id for step in steps.running()}
    busy = [row.job_id for row in queue_view.snapshot().workers if row.job_id]
    with contextlib.suppress(queue.QueueDownError):  # no worker runs now; the next start reads the database first
        queue.stop_jobs([job_id for job_id in busy if job_id not in running])
        queue.drop_jobs([*queue.queued_job_ids(), *queue.deferred_job_ids()])


def _question(manifest: Manifest, now: Counts) -> Message:
    return Message(
        "restore_question",
        {
            "workflows": now.workflows,
            "datasets": now.datasets,
            "backup_workflows": manifest.workflows,
            "backup_datasets": manifest.datasets,
            "made_at": _when(manifest),
        },
    )


def _held(manifest: Manifest) -> str:
    return f"{_number(manifest.workflows, 'workflow')} and {_number(manifest.datasets, 'dataset')}"


def _signed(manifest: Manifest) -> str:
    """Say that signatures in the backup are not valid here, where no key of this home made them."""
    if not manifest.keys or set(manifest.keys) & set(keys.names()):
        return ""
    return " " + sentence(Message("backup_of_other_key"))


def _summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "workflows": manifest.workflows,
        "datasets": manifest.datasets,
        "files": len(manifest.files),
        "made_at": f"{manifest.made_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _when(manifest: Manifest) -> str:
    return f"{manifest.made_at:%d %b %Y %H:%M} UTC"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _holdings() -> Counts | None:
    """Count what this home holds; None when it is empty."""
    counts = snapshot.counts(snapshot.path())
    return counts if any((counts.workflows, counts.datasets, counts.people)) else None


def _check_target(file: Path, force: bool) -> None:
    if file.is_dir():
        raise RequestError(Message("target_is_folder", {"file": str(file)}), "file")
    if not file.parent.is_dir():
        raise RequestError(Message("no_such_folder", {"folder": str(file.parent)}), "file")
    if file.exists() and not force:
        raise RequestError(Message("file_exists", {"file": str(file)}), "file")


def _check_room_for(reader: Reader, needed: set[str], staged: Path, in_use: bool) -> None:
    """The new files, the database and its log of changes, and the backup of what is there now."""
    size = sum(reader.size_of(sha256) for sha256 in needed if files.find(sha256) is None)
    size += 2 * staged.stat().st_size
    if in_use:
        live = snapshot.path()
        size += 2 * live.stat().st_size + sum(snapshot.files_named(live).values())
    _check_room(make_home(), size)


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise RequestError(Message("no_room", {"needed": size + SPARE, "folder": str(folder), "free": free}))


def _size(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _link(source: Path, target: Path) -> None:
    """Keep the file as it is now, even if its name is removed or replaced."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


@contextlib.contextmanager
def _exclusive() -> Iterator[None]:
    """One restore at a time."""
    folder = make_home() / "run"
    folder.mkdir(exist_ok=True, mode=0o700)
    with (folder / "restore.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestError(Message("restore_running")) from None
        for leftover in make_home().glob(".before-restore-*.part"):
            leftover.unlink(missing_ok=True)
        yield
