"""Parts: a tuple, list or dict of tables, arrays and models, each stored in its own format, in one archive.

A step that returns `X_train, X_test, y_train, y_test, vectorizer` needs no pickle for the first four.
"""

import json
import typing
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.artifacts import json_values, previews
from jobs.artifacts.annotations import type_name
from jobs.artifacts.archives import zip_written
from jobs.artifacts.errors import ArtifactError
from jobs.artifacts.saved import Saved, Stored
from store.messages import Message

SAFE, CODE = "parts", "parts-code"  # the latter has a part that is code
LIBRARIES = {"pandas", "numpy", "scipy", "sklearn", "polars", "pyarrow", "xgboost", "lightgbm", "catboost", "keras"}
LIBRARIES |= {"torch", "PIL", "plotly", "matplotlib"}
MOST = 1000
DEEPEST = 4
LIST_OF_PARTS = "parts.json"

SaveOne = Callable[[object, Any, Path], Saved]
LoadOne = Callable[[Stored], object]


def save(value: Any, annotation: Any, folder: Path, save_one: SaveOne) -> Saved | None:
    """Save each part by itself; None if there is no part that a format of a library holds."""
    if type(value) not in (list, tuple, dict) or not _holds_library(value, 0):
        return None
    if type(value) is dict and not all(type(key) is str for key in value):
        return None
    keys = list(value) if type(value) is dict else list(map(str, range(len(value))))
    items = list(value.values()) if type(value) is dict else list(value)
    folders = [folder / f"part-{number}" for number in range(len(items))]
    parts = []
    for item, expected, place in zip(items, _annotations(annotation, value), folders, strict=True):
        place.mkdir()
        parts.append(save_one(item, expected, place))
    file = folder / "parts.zip"
    _write(file, {"kind": type(value).__name__, "keys": keys, "parts": [_described(part) for part in parts]}, parts)
    for part, place in zip(parts, folders, strict=True):
        if part.file is not None:
            part.file.unlink()
        place.rmdir()
    executable = any(part.executable for part in parts)
    look = {key: _summary(part) for key, part in zip(keys, parts, strict=True)}
    return Saved(
        type_name(value, annotation),
        CODE if executable else SAFE,
        executable=executable,
        file=file,
        preview=previews.tree(look, json_values.look),
        metadata={"length": len(parts)},
        notices=tuple(notice for part in parts for notice in part.notices),
    )


def load(stored: Stored, load_one: LoadOne, is_executable: Callable[[str], bool]) -> object:
    """The parts together again. An archive that is said to be safe is refused if it has a part that is not."""
    with zipfile.ZipFile(stored.file) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            # None that was made here is compressed, so what is unpacked is as large as the archive.
            raise ArtifactError(Message("artifact_unreadable", {"type": stored.type, "reason": "it is compressed"}))
        described = json.loads(archive.read(LIST_OF_PARTS))
        formats = [str(part["format"]) for part in described["parts"]]
        if stored.format == SAFE and any(map(is_executable, formats)):
            raise ArtifactError(Message("artifact_unreadable", {"type": stored.type, "reason": "a part of it is code"}))
        folder = stored.folder()
        items = []
        for number, part in enumerate(described["parts"]):
            expected = _annotation_at(stored.annotation, number, len(formats))
            path = folder / str(number) if part["file"] else None
            if path is not None:
                with archive.open(str(number)) as source, path.open("wb") as target:
                    while chunk := source.read(1 << 20):
                        target.write(chunk)
            items.append(
                load_one(
                    Stored(
                        formats[number],
                        expected,
                        part["value"],
                        path,
                        str(part["type"]),
                        part["metadata"],
                        stored.folder,
                        stored.notify,
                    )
                )
            )
    if described["kind"] == "dict":
        return dict(zip(described["keys"], items, strict=True))
    return tuple(items) if described["kind"] == "tuple" else items


def _holds_library(value: Any, depth: int) -> bool:
    """Whether something in it is of a library whose values have a format."""
    if depth > DEEPEST or len(value) > MOST:
        return False
    items = value.values() if type(value) is dict else value
    for item in items:
        if type(item).__module__.partition(".")[0] in LIBRARIES:
            return True
        if type(item) in (list, tuple, dict) and _holds_library(item, depth + 1):
            return True
    return False


def _annotations(annotation: Any, value: Any) -> list[Any]:
    return [_annotation_at(annotation, number, len(value)) for number in range(len(value))]


def _annotation_at(annotation: Any, number: int, count: int) -> Any:
    """What an annotation such as tuple[A, B], list[A] or dict[str, A] says of one of the parts."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple and len(arguments) == count and Ellipsis not in arguments:
        return arguments[number]
    if (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis) or (origin is list and arguments):
        return arguments[0]
    return arguments[1] if origin is dict and len(arguments) == 2 else Any


def _described(part: Saved) -> dict[str, Any]:
    return {
        "format": part.format,
        "type": part.type,
        "value": part.value,
        "file": part.file is not None,
        "metadata": part.metadata,
    }


def _write(file: Path, described: dict[str, Any], parts: list[Saved]) -> None:
    with zip_written(file) as opened:
        with opened(LIST_OF_PARTS) as member:
            member.write(json.dumps(described, allow_nan=False).encode())
        for number, part in enumerate(parts):
            if part.file is None:
                continue
            with opened(str(number)) as member, part.file.open("rb") as source:
                while chunk := source.read(1 << 20):
                    member.write(chunk)


def _summary(part: Saved) -> object:
    """What a part is, in a line: its value if it is small, else its type and shape."""
    if part.format == json_values.FORMAT and part.preview["kind"] == "tree":
        return part.preview["value"]
    if part.preview["kind"] == "text" and part.format == json_values.FORMAT:
        return part.preview["text"]
    facts = part.metadata
    shape = facts.get("shape") or [facts[name] for name in ("rows", "columns") if name in facts]
    return f"{part.type} {' x '.join(map(str, shape))}" if shape else part.type
