"""Keeping: a value to bytes and back. Which format takes a value is decided here; how, by each format's own file.

The type to read back comes from the code's annotation. What is stored beside a value chooses among Trainyard's own
readers only, so a row that was made elsewhere cannot name a class to be built.
"""

import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.artifacts import (
    arrays,
    arrow,
    estimators,
    files,
    frames,
    json_values,
    libraries,
    own_formats,
    parts,
    pickles,
    pictures,
    previews,
    texts,
)
from jobs.artifacts.annotations import cleaned, fits, shown
from jobs.artifacts.errors import LossyError
from jobs.artifacts.saved import Saved, Stored
from jobs.language import sentence
from store.messages import Message

SAVERS: tuple[Callable[[Any, Any, Path], Saved | None], ...] = (
    texts.save,
    files.save,
    json_values.save,
    frames.save,
    arrow.save,
    arrays.save,
    estimators.save,
    libraries.save,
    pictures.save,
)
LOADERS: dict[str, Callable[[Stored], object]] = {
    json_values.FORMAT: json_values.load,
    "parquet": frames.load,
    "npy": arrays.load_npy,
    "npz": arrays.load_npz,
    "joblib": estimators.load,
    "bytes": files.load_bytes,
    "file": files.load_file,
    "folder": files.load_folder,
    "png": pictures.load_png,
    "plotly": pictures.load_plotly,
    "safetensors": libraries.load_tensors,
    pickles.FORMAT: pickles.load,
    **dict.fromkeys(texts.FORMATS.values(), texts.load),
    **dict.fromkeys(libraries.FORMATS, libraries.load_model),
    parts.SAFE: lambda stored: parts.load(stored, _load, is_executable),
    parts.CODE: lambda stored: parts.load(stored, _load, is_executable),
}
EXECUTABLE = {"joblib", "keras", pickles.FORMAT, parts.CODE}
PICKLE = ("pickle", "cloudpickle")
own_formats.reserve(set(LOADERS))


def save(value: object, annotation: object, folder: Path, materializer: object | None = None) -> Saved:
    """Save a value into a folder, in the format of its type, and say what people need to know of it.

    `materializer` is a format of one's own, or "pickle". Raises ArtifactError for what cannot be kept."""
    expected = cleaned(annotation)
    saved = _save(value, expected, folder, materializer)
    notices = saved.notices
    if not fits(value, expected):
        notices = (Message("artifact_other_type", {"annotation": shown(expected), "type": saved.type}), *notices)
    if saved.preview["kind"] in ("size", "card"):
        return replace(saved, preview=previews.bounded(saved.preview), notices=notices)
    return saved if notices is saved.notices else replace(saved, notices=notices)


def load(
    format: str,  # noqa: A002 - as the row says
    annotation: object,
    *,
    value: object | None = None,
    file: Path | None = None,
    type: str = "",  # noqa: A002
    metadata: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    notify: Callable[[Message], object] | None = None,
) -> object:
    """Read a value back as what the code says it is; without an annotation, as what it was.

    If `is_executable(format)`, this runs code: the caller has checked the signature, and is the child of a step.
    `type` and `metadata` are those of `Saved`. What is unpacked gets folders of its own in `folder`, which the caller
    removes. `notify` takes what the log should say, such as a version that differs."""
    told = notify or _warn
    return _load(
        Stored(format, cleaned(annotation), value, file, type, metadata or {}, lambda: _new_folder(folder), told)
    )


def is_executable(format_name: str) -> bool:
    """Whether reading a format runs code. Ask this, not the row: a row says what whoever wrote it wanted."""
    return format_name in EXECUTABLE or format_name not in LOADERS


def _save(value: object, expected: Any, folder: Path, materializer: object | None) -> Saved:
    if materializer in PICKLE:
        return pickles.save(value, expected, folder, None, None)
    own = own_formats.chosen(materializer) if materializer is not None else own_formats.of_value(value)
    if own is not None:
        return own_formats.save(value, expected, folder, own)
    why, preview = None, None
    try:
        for each in SAVERS:
            if saved := each(value, expected, folder):
                return saved
        if saved := parts.save(value, expected, folder, _save_part):
            return saved
    except LossyError as error:
        why, preview = error.message, error.preview
    why = why or json_values.why_not(value, expected)
    pickled = pickles.save(value, expected, folder, None, preview)
    return replace(pickled, notices=(_notice(pickled.type, why),))


def _save_part(value: object, expected: Any, folder: Path) -> Saved:
    return _save(value, expected, folder, None)


def _load(stored: Stored) -> object:
    return LOADERS.get(stored.format, own_formats.load)(stored)


def _notice(kind: str, why: Message | None) -> Message:
    if why is None:
        return Message("artifact_pickled", {"type": kind})
    return Message("artifact_pickled_because", {"type": kind, "why": why.as_json()})


def _new_folder(folder: Path | None) -> Path:
    return Path(tempfile.mkdtemp(prefix="artifact-", dir=folder))


def _warn(message: Message) -> None:
    warnings.warn(sentence(message), stacklevel=2)
