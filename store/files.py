"""Files, known by what is in them: written aside, synced, renamed, and checked before use."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from store.errors import ConflictError, Refused
from store.settings import settings

CHUNK = 1 << 20
ROOM_FOR_EACH_BYTE = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the store."""

    sha256: str
    size: int


class Damaged(ConflictError):  # noqa: N818
    """A file is missing or is not what was written; making it again helps."""

    retryable = True


class Incoming:
    """A file that is being written; its hash grows with it, so that it need not be read again to be kept."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes | memoryview) -> int:
        self._stream.write(chunk)
        self._hash.update(chunk)
        size = memoryview(chunk).nbytes
        self.size += size
        return size

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()

    @property
    def kept(self) -> Kept:
        """What it is known as, when all of it is written."""
        return Kept(self._hash.hexdigest(), self.size)

    @property
    def path(self) -> Path:
        """Where the bytes are so far; flushed, for somebody who wants to look."""
        self._stream.flush()
        return Path(self._stream.name)

    def keep(self) -> Kept:
        """Give the file its final name; afterwards a crash cannot lose it."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        _into_place(Path(self._stream.name), self.kept)
        return self.kept


def check_room(size: int) -> None:
    """Refuse a file that would fill the disk: with what is made of it, it takes about three times its size."""
    free = room()
    if free < size * ROOM_FOR_EACH_BYTE:
        raise Refused(
            f"The file has {size / (1 << 30):,.1f} GB and needs three times that to be worked with; the disk "
            f"of the server has {free / (1 << 30):,.1f} GB free. Make room, or send fewer rows.",
            "file",
        )


def room() -> int:
    """How many bytes there is room for."""
    return shutil.disk_usage(_root()).free


@contextmanager
def incoming() -> Iterator[Incoming]:
    """Take in a file of any size; what was not kept is removed."""
    with _begun_file() as stream:
        try:
            yield Incoming(stream)
        finally:
            Path(stream.name).unlink(missing_ok=True)


def check() -> None:
    """Refuse, in one sentence, when there is no folder to keep files in."""
    try:
        with incoming():
            pass
    except OSError as error:
        raise Refused(
            f"Files cannot be kept in {settings().files}: {error.strerror}. Make it a folder that you may "
            "write to, or set TRAINYARD_FILES_URL to another.",
            "TRAINYARD_FILES_URL",
        ) from None


def writing(path: Path) -> Incoming:
    """A file of one's own that is to be kept."""
    return Incoming(path.open("wb"))


def keep(path: Path, known: Kept | None = None) -> Kept:
    """Move a finished file into the store; `known` is what it was while it was written."""
    with path.open("rb") as source:
        kept = known or Kept(hashlib.file_digest(source, "sha256").hexdigest(), path.stat().st_size)
        os.fsync(source.fileno())
    if path.stat().st_dev == _root().stat().st_dev:
        _into_place(path, kept)
        return kept
    with path.open("rb") as source, incoming() as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
        return target.keep()


def path_of(sha256: str) -> Path:
    """Where a file with this hash lives; built from the hash alone."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a sha256")
    return _root() / sha256[:2] / sha256


def verified(kept: Kept) -> Path:
    """The path of a stored file, after checking that it is what was written."""
    path = path_of(kept.sha256)
    try:
        if path.stat().st_size == kept.size and _hash_of(path) == kept.sha256:
            return path
    except FileNotFoundError:
        raise _missing(kept) from None
    raise Damaged(f"The stored file {kept.sha256[:12]} was changed on disk; run the step that made it again.")


@contextmanager
def checked(kept: Kept) -> Iterator[Path]:
    """The path of a stored file that is checked while it is read; damage counts more than what came of reading it."""
    with ThreadPoolExecutor(1, "checking") as thread:
        proof = thread.submit(verified, kept)
        try:
            yield path_of(kept.sha256)
        finally:
            proof.result()


def present(kept: Kept) -> None:
    """Raise Damaged when a stored file is gone."""
    if not path_of(kept.sha256).exists():
        raise _missing(kept)


def stored() -> Iterator[Path]:
    """Every file that has its place, whether anything names it or not."""
    return (path for path in _root().glob("??/*") if len(path.name) == 64)


def remove(sha256: str) -> None:
    """Forget a file that nothing refers to."""
    path_of(sha256).unlink(missing_ok=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of one's own that goes away with its user."""
    root = settings().folder / "scratch"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder, lock = _begun_folder(root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_scratch() -> None:
    """Remove what killed processes left behind. What somebody still writes is locked, and stays; a lock ends with its
    process."""
    for path in _begun():
        with _left_alone(path) as alone:
            if alone:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def abandoned() -> list[Path]:
    """What nobody writes any more."""
    found = []
    for path in _begun():
        with _left_alone(path) as alone:
            found += [path] if alone else []
    return found


def keep_checkpoint(step_id: int, made_by: str, temporary: Path) -> None:
    """Take over what a step needs to go on after a kill, in place of what it kept before.

    The name says what is in it and what made it, so that a damaged one, one of other settings or of another step is
    never taken for this step's."""
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    before = checkpoints(step_id)
    target = _checkpoint_folder() / _checkpoint_name(step_id, made_by, temporary)
    temporary.replace(target)
    for old in before:
        if old != target:
            old.unlink(missing_ok=True)


def checkpoints(step_id: int) -> list[Path]:
    """What a step kept, whole or not, newest first."""
    return sorted(_checkpoint_folder().glob(f"step-{step_id}-*"), key=_written, reverse=True)


def whole_checkpoint(step_id: int, made_by: str) -> Path | None:
    """The newest checkpoint that is what was written, by this step as it is now."""
    for path in checkpoints(step_id):
        with suppress(FileNotFoundError):
            if path.name == _checkpoint_name(step_id, made_by, path):
                return path
    return None


def steps_with_checkpoints() -> set[int]:
    """The ids of steps that kept something to go on from."""
    return {
        int(number) for path in _checkpoint_folder().glob("step-*-*") if (number := path.name.split("-")[1]).isdecimal()
    }


def drop_checkpoints(step_id: int) -> None:
    for path in checkpoints(step_id):
        path.unlink(missing_ok=True)


def all_checkpoints() -> dict[Path, int]:
    """What any step kept, and which step it was."""
    return {path: int(path.name.split("-")[1]) for path in _checkpoint_folder().glob("step-[0-9]*-*")}


def place_checkpoint(name: str, temporary: Path) -> None:
    """Put back a checkpoint under the name it had."""
    temporary.replace(_checkpoint_folder() / name)


def _checkpoint_folder() -> Path:
    folder = settings().folder / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # somebody else dropped it just now
        return 0


def _checkpoint_name(step_id: int, made_by: str, path: Path) -> str:
    told = f"{step_id} {made_by} {_hash_of(path)}"
    return f"step-{step_id}-{hashlib.sha256(told.encode()).hexdigest()}"


def _missing(kept: Kept) -> Damaged:
    return Damaged(f"The stored file {kept.sha256[:12]} is missing; run the step that made it again.")


def _root() -> Path:
    root = settings().files
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


def _into_place(temporary: Path, kept: Kept) -> None:
    target = path_of(kept.sha256)
    target.parent.mkdir(exist_ok=True, mode=0o700)
    os.utime(temporary)  # it is in the store from now on, whenever it was written
    temporary.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _begun() -> list[Path]:
    return [*(settings().folder / "scratch").glob("*"), *_root().glob("incoming-*")]


def _begun_file() -> BinaryIO:
    """A new file, locked. Who sweeps may find it before it is locked, and remove it; then another one is made."""
    while True:
        stream = tempfile.NamedTemporaryFile(dir=_root(), prefix="incoming-", delete=False)  # noqa: SIM115
        fcntl.flock(stream, fcntl.LOCK_SH)
        if Path(stream.name).exists():
            return stream  # type: ignore[return-value]
        stream.close()


def _begun_folder(root: Path) -> tuple[Path, int]:
    """The same for a folder, with its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{os.getpid()}-"))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if folder.exists():
                return folder, lock
            os.close(lock)


@contextmanager
def _left_alone(path: Path) -> Iterator[bool]:
    """Whether nobody writes it; nobody begins to, meanwhile."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    alone = False
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    try:
        yield alone
    finally:
        os.close(lock)


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
