"""Archives: several files as one, the same bytes for the same content whenever it is made, and checked before
unpacking.

Times, owners and the order of a folder would change the hash of a file, by which equal outputs are recognised.
"""

import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jobs.artifacts.errors import ArtifactError
from store.messages import Message

MOST_MEMBERS = 100_000
BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time, for a zip


@contextmanager
def zip_written(file: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """Write a zip member by member: gives a function that opens one by its name."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        yield lambda name: archive.open(zipfile.ZipInfo(name, BEGINNING), "w", force_zip64=True)


def pack(folder: Path, file: Path) -> list[tuple[str, int]]:
    """Write a folder as a tar, and return the names and sizes of what is in it."""
    members: list[tuple[Path, tarfile.TarInfo]] = []
    for path in _walk(folder, folder):
        if len(members) >= MOST_MEMBERS:
            raise ArtifactError(Message("folder_too_many", {"path": str(folder), "most": MOST_MEMBERS}))
        members.append((path, _member(path, folder)))
    if wrong := _wrong([member for _, member in members]):
        raise ArtifactError(Message("folder_link_out", {"member": wrong[0], "path": str(folder)}))
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:
        for path, member in members:
            if member.isreg():
                with path.open("rb") as stream:
                    archive.addfile(member, stream)
            else:
                archive.addfile(member)
    return [(member.name, member.size) for _, member in members]


def unpack(file: Path, folder: Path) -> None:
    """Unpack a tar that `pack` wrote. One that holds anything else is refused before a byte of it is written."""
    try:
        with tarfile.open(file, "r:") as archive:
            members = archive.getmembers()
            size = sum(member.size for member in members)  # nothing is compressed, so none holds more than it is
            if size > file.stat().st_size or len(members) > MOST_MEMBERS:
                raise _unsafe("it", "claims to hold more than it can")
            if wrong := _wrong(members):
                raise _unsafe(*wrong)
            archive.extractall(folder, members, filter="data")
    except tarfile.TarError as error:
        raise ArtifactError(Message("artifact_unreadable", {"type": "folder", "reason": str(error)})) from None


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    """Everything in a folder by name, links not followed."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), root)


def _member(path: Path, root: Path) -> tarfile.TarInfo:
    name = path.relative_to(root).as_posix()
    status = path.lstat()
    member = tarfile.TarInfo(name)
    member.mode = 0o755 if status.st_mode & 0o100 else 0o644
    if stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISREG(status.st_mode):
        member.size = status.st_size
    else:
        raise ArtifactError(Message("path_special", {"path": str(path)}))
    return member


def _wrong(members: list[tarfile.TarInfo]) -> tuple[str, str] | None:
    """The first member that leads out of the folder, or is no file, folder or link, and what is wrong with it."""
    links = {member.name for member in members if member.issym()}
    names: set[str] = set()
    for member in members:
        parts = Path(member.name).parts
        if not parts or member.name.startswith("/") or ".." in parts:
            return member.name, "leads out of it"
        if member.name in names or not links.isdisjoint(_above(member.name)):
            return member.name, "lies behind a link or is there twice"
        names.add(member.name)
        if not (member.isreg() or member.isdir() or member.issym()) or member.issparse():
            return member.name, "is neither a file nor a folder"
        if member.issym() and _leads_out(member, links):
            return member.name, "is a link that leads out of it"
    return None


def _leads_out(member: tarfile.TarInfo, links: set[str]) -> bool:
    """Whether a link leads out, or may: `..` behind a name, or a way through another link, leads elsewhere on the disk
    than its text says."""
    forward = [part for part in member.linkname.split("/") if part not in ("", ".")]
    while forward and forward[0] == "..":
        forward.pop(0)
    target = os.path.normpath("/".join([*Path(member.name).parts[:-1], member.linkname]))
    if member.linkname.startswith("/") or ".." in forward or target == ".." or target.startswith("../"):
        return True
    return not links.isdisjoint(_above(target))


def _above(name: str) -> list[str]:
    """The folders that a path leads through."""
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def _unsafe(member: str, reason: str) -> ArtifactError:
    return ArtifactError(Message("archive_unsafe", {"member": member, "reason": reason}))
