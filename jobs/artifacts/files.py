"""Files and folders: a Path as what it leads to, and bytes. A folder is one archive, whose members are checked.

Only a Path that is the value itself is followed; one inside a list or dict stays the text that it is.
"""

import os
import shutil
import stat
from pathlib import Path, PurePath
from typing import Any

from jobs.artifacts import archives, images, previews
from jobs.artifacts.annotations import mentions, type_name
from jobs.artifacts.errors import ArtifactError
from jobs.artifacts.saved import Saved, Stored
from store.messages import Message

HEAD = 4096


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save bytes, or what a Path leads to; None if the value is neither."""
    if type(value) in (bytes, bytearray):
        file = folder / "value.bin"
        file.write_bytes(value)
        preview = _preview("", len(value), bytes(value) if len(value) <= images.LARGEST else bytes(value[:HEAD]))
        return Saved(type(value).__name__, "bytes", file=file, preview=preview, metadata={"size": len(value)})
    if isinstance(value, PurePath) and isinstance(value, Path):
        return _save_path(value, annotation, folder)
    return None


def load_bytes(stored: Stored) -> object:
    data = stored.file.read_bytes()
    return bytearray(data) if mentions(stored.annotation, bytearray) or stored.type == "bytearray" else data


def load_file(stored: Stored) -> Path:
    """A copy under the name that the file had, so that it may be changed and its suffix says what it is."""
    copy = stored.folder() / (_safe_name(stored.metadata.get("name")) or "file")
    shutil.copyfile(stored.file, copy)
    copy.chmod(0o700 if stored.metadata.get("runs") else 0o600)
    return copy


def load_folder(stored: Stored) -> Path:
    folder = stored.folder() / (_safe_name(stored.metadata.get("name")) or "folder")
    folder.mkdir()
    archives.unpack(stored.file, folder)
    return folder


def _save_path(path: Path, annotation: Any, folder: Path) -> Saved:
    kind = type_name(path, annotation).replace("PosixPath", "Path")
    try:
        status = path.stat()
        name = path.resolve().name
        if stat.S_ISREG(status.st_mode):
            return _save_file(path, name, kind, folder, bool(status.st_mode & 0o100))
        if stat.S_ISDIR(status.st_mode):
            return _save_folder(path, name, kind, folder)
    except FileNotFoundError:
        raise ArtifactError(Message("path_missing", {"path": str(path)})) from None
    except OSError as error:
        reason = str(error.strerror or error)
        raise ArtifactError(Message("path_unreadable", {"path": str(path), "reason": reason})) from None
    raise ArtifactError(Message("path_special", {"path": str(path)}))


def _save_file(path: Path, name: str, kind: str, folder: Path, runs: bool) -> Saved:
    """A copy, since the author may go on writing to the file."""
    file = folder / "file"
    shutil.copyfile(path, file)
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(images.LARGEST if size <= images.LARGEST else HEAD)
    facts = {"name": name, "size": size} | ({"runs": True} if runs else {})
    return Saved(kind, "file", file=file, preview=_preview(name, size, head), metadata=facts)


def _save_folder(path: Path, name: str, kind: str, folder: Path) -> Saved:
    file = folder / "folder.tar"
    if os.path.commonpath([path.resolve(), folder.resolve()]) == str(path.resolve()):
        raise ArtifactError(Message("path_special", {"path": str(path)}))  # it would hold itself
    entries = archives.pack(path, file)
    size = sum(held for _, held in entries)
    preview: previews.SizePreview = {
        "kind": "size",
        "name": str(previews.cell(name)),
        "size": size,
        "entries": [(str(previews.cell(entry)), held) for entry, held in entries[: previews.ENTRIES]],
        "entry_count": len(entries),
    }
    return Saved(
        kind, "folder", file=file, preview=preview, metadata={"name": name, "size": size, "files": len(entries)}
    )


def _preview(name: str, size: int, head: bytes) -> previews.Preview:
    """The picture that the bytes are, the beginning of the text that they are, or their size."""
    if size == len(head) and (picture := images.of_bytes(head)):
        return picture
    try:
        text = head[:HEAD].decode() if size <= HEAD else head[:HEAD].decode(errors="strict")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode() if len(head) >= HEAD and error.start >= HEAD - 3 else ""
    if text and "\0" not in text:
        shown = previews.text(text)
        return {**shown, "length": max(size, len(text)), "cut": size > HEAD}
    shown_size: previews.SizePreview = {"kind": "size", "name": str(previews.cell(name)), "size": size}
    if head:
        shown_size["head"] = head[:32].hex(" ")
    return shown_size


def _safe_name(name: object) -> str:
    """A name that is no path: it comes from a row, which may be restored from elsewhere."""
    text = Path(str(name or "")).name
    fits = len(text.encode(errors="replace")) <= 255 and "\0" not in text
    return text if fits and text not in (".", "..") else ""
