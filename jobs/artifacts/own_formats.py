"""Formats of one's own, for types that Trainyard does not know or that should be stored otherwise.

    @materializer(Order)
    class OrderFormat:
        def save(self, value, folder): (folder / "order.txt").write_text(value.as_text())
        def load(self, folder, kind): return kind.from_text((folder / "order.txt").read_text())

or with two functions:

    @materializer(Order, preview=lambda order: f"**{order.title}**")
    def order_format(value, folder): ...

    @order_format.load
    def load_order(folder, kind): ...

`save` leaves files in a folder, which are stored as one archive. Reading one back runs the author's code on it, so it
is done only in a step's child and only for what this installation wrote.
"""

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.artifacts import archives, previews
from jobs.artifacts.annotations import library, shown, type_name
from jobs.artifacts.errors import ArtifactError
from jobs.artifacts.saved import Saved, Stored
from jobs.artifacts.texts import HTMLString, MarkdownString
from store.messages import Message

_by_type: dict[type, "Materializer"] = {}
_by_name: dict[str, "Materializer"] = {}
_reserved: set[str] = set()


class Materializer:
    """A format of one's own: how values of a type are written into a folder and read back from it."""

    def __init__(
        self, kind: type, name: str, save: Callable[..., object], preview: Callable[..., object] | None
    ) -> None:
        self.kind, self.name, self.preview = kind, name, preview
        self._save = save
        self._load: Callable[..., object] | None = None

    def load(self, function: Callable[..., object]) -> Callable[..., object]:
        """Take the function that reads a value back; a decorator."""
        self._load = function
        return function

    def save_into(self, value: object, folder: Path) -> None:
        self._save(value, folder)

    def load_from(self, folder: Path, kind: object) -> object:
        if self._load is None:
            raise ArtifactError(Message("materializer_incomplete", {"kind": shown(self.kind), "missing": "load"}))
        return self._load(folder, kind)


def materializer(
    kind: type, *, name: str | None = None, preview: Callable[..., object] | None = None
) -> Callable[[Any], Any]:
    """Make a class or function the format of a type and its subclasses."""
    if not isinstance(kind, type):
        raise ArtifactError(Message("materializer_not_a_type", {"given": previews.words(kind)}))

    def register(given: Any) -> Any:
        title = name or f"{given.__module__}.{given.__qualname__}"
        if title in _reserved or title == "pickle":
            raise ArtifactError(Message("materializer_name_taken", {"name": title}))
        made = _of_class(kind, title, given, preview) if isinstance(given, type) else None
        made = made or Materializer(kind, title, given, preview)
        _by_type[kind] = _by_name[title] = made
        if not isinstance(given, type):
            return made
        given.__trainyard_materializer__ = made  # type: ignore[attr-defined]
        return given

    return register


def reserve(names: set[str]) -> None:
    """Keep the names of Trainyard's own formats from being taken."""
    _reserved.update(names)


def chosen(given: object) -> Materializer:
    """The format that `materializer=` names."""
    found = getattr(given, "__trainyard_materializer__", given)
    if isinstance(found, Materializer):
        return found
    raise ArtifactError(Message("materializer_not_one", {"given": previews.words(given)}))


def of_value(value: object) -> Materializer | None:
    """The format of one's own for a value, by its class or the nearest class above that has one."""
    if not _by_type:
        return None
    return next((_by_type[kind] for kind in type(value).__mro__ if kind in _by_type), None)


def save(value: object, annotation: Any, folder: Path, made: Materializer) -> Saved:
    """Save a value with a format of one's own."""
    if made._load is None:  # noqa: SLF001 - of this module; better now than when a step has waited for the value
        raise ArtifactError(Message("materializer_incomplete", {"kind": shown(made.kind), "missing": "load"}))
    with tempfile.TemporaryDirectory(dir=folder) as written:
        made.save_into(value, Path(written))
        file = folder / "own.tar"
        entries = archives.pack(Path(written), file)
    if not entries:
        raise ArtifactError(Message("materializer_saved_nothing", {"name": made.name}))
    size = sum(held for _, held in entries)
    listed: previews.SizePreview = {
        "kind": "size",
        "name": str(previews.cell(made.name)),
        "size": size,
        "entries": [(str(previews.cell(entry)), held) for entry, held in entries[: previews.ENTRIES]],
        "entry_count": len(entries),
    }
    shown_value = _preview(made.preview(value)) if made.preview is not None else listed
    return Saved(
        type_name(value, annotation),
        made.name,
        executable=True,
        file=file,
        preview=shown_value,
        metadata={"size": size, "files": len(entries)},
    )


def load(stored: Stored) -> object:
    """Read a value back with the format that its name says."""
    made = _by_name.get(stored.format)
    if made is None:
        raise ArtifactError(Message("materializer_unknown", {"name": stored.format}))
    folder = stored.folder()
    archives.unpack(stored.file, folder)
    kind = stored.annotation
    return made.load_from(folder, kind if isinstance(kind, type) and issubclass(kind, made.kind) else made.kind)


def _of_class(kind: type, title: str, given: type, preview: Callable[..., object] | None) -> Materializer:
    for needed in ("save", "load"):
        if not callable(getattr(given, needed, None)):
            raise ArtifactError(Message("materializer_incomplete", {"kind": shown(kind), "missing": needed}))
    made = Materializer(kind, title, _bound(given, "save"), preview or _bound(given, "preview", needed=False))
    load_function = _bound(given, "load")
    if load_function is not None:
        made.load(load_function)
    return made


def _bound(given: type, name: str, needed: bool = True) -> Any:
    """The method of a new object each time it is called, so that none keeps anything of the value before."""
    if not needed and not callable(getattr(given, name, None)):
        return None
    if isinstance(inspect.getattr_static(given, name), staticmethod):
        return getattr(given, name)
    return lambda *arguments: getattr(given(), name)(*arguments)


def _preview(made: object) -> previews.Preview:
    """What an author's preview function returns: a preview, a text as Markdown, HTML, a table, or any plain value."""
    if isinstance(made, HTMLString):
        return previews.text(made, "html")
    if isinstance(made, MarkdownString | str):
        return previews.text(made, "markdown")
    if isinstance(made, dict) and made.get("kind") in previews.KINDS:
        return previews.clipped(made)
    if type(made) is library("pandas", "DataFrame"):
        from jobs.artifacts import frames

        return frames.preview_of(made)
    from jobs.artifacts import json_values

    return previews.tree(made, json_values.look)
