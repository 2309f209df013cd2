"""Artifacts: what a step left, as a file for people and programs. Nothing is loaded here: bytes are handed on as they
are, and whatever a browser could run comes as a download."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from jobs.artifacts import images
from store import files
from store.outputs import Output

DOWNLOAD = "application/octet-stream"
# By format: the media type, whether a browser may show it, and how its file name ends. All others are downloads.
KINDS = {
    "json": ("application/json", True, "json"),
    "plotly": ("application/json", True, "json"),
    "png": ("image/png", True, "png"),
    "text": ("text/plain; charset=utf-8", True, "txt"),
    "markdown": ("text/plain; charset=utf-8", True, "md"),
    "csv": ("text/csv; charset=utf-8", False, "csv"),
    "parquet": ("application/vnd.apache.parquet", False, "parquet"),
    "folder": ("application/x-tar", False, "tar"),
}
ENDINGS = {"xgboost": "ubj", "lightgbm": "txt", "catboost": "cbm", "cloudpickle": "pkl"}
AS_THEY_ARE = ("bytes", "file")
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Content:
    """An artifact as a file. A value that is in the database has no `path`: `value` is its JSON."""

    path: Path | None
    value: Any
    name: str
    media_type: str
    shown: bool


def content(left: Output) -> Content:
    """What an artifact holds, checked against its hash; a picture that came as bytes is known by its first ones."""
    if left.value is not None:
        return Content(None, left.value[0], _file_name(left, "json"), "application/json", True)
    assert left.file is not None
    path = files.verified(left.file)
    usual = ENDINGS.get(left.format, left.format if left.format.isalnum() else "bin")
    media_type, shown, ending = KINDS.get(left.format, (DOWNLOAD, False, usual))
    if left.format in AS_THEY_ARE:
        picture = _picture(path)
        media_type, shown = picture or DOWNLOAD, picture is not None
        ending = picture.rpartition("/")[2] if picture else "bin"
    return Content(path, None, _file_name(left, ending), media_type, shown)


def save(left: Output, target: Path | None) -> Path:
    """Write an artifact as a file; returns which."""
    held = content(left)
    target = target or Path(held.name)
    if held.path is None:
        target.write_text(json.dumps(held.value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return target
    with held.path.open("rb") as source, target.open("wb") as stream:
        while chunk := source.read(files.CHUNK):
            stream.write(chunk)
    return target


def _picture(path: Path) -> str | None:
    with path.open("rb") as stream:
        return images.media_type(stream.read(16))


def _file_name(left: Output, ending: str) -> str:
    """The name that a file had, else that of the artifact with its version, in letters that every disk takes."""
    given = left.metadata.get("name") if left.format in ("file", "folder") else None
    name = _safe(PurePosixPath(str(given)).name) if given else ""
    if not name:
        return f"{_safe(left.name) or 'artifact'}-v{left.version}.{ending}"
    return f"{name}.{ending}" if left.format == "folder" else name


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:LONGEST_NAME]
