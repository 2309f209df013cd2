"""Pickles: for what no other format holds. Reading one back runs code, so only a step's own child does, and only one
that this installation made; there is nothing to look at. Each says in the log of its step why it is one, and how to
avoid it."""

import collections.abc
import io
import pickle
from pathlib import Path
from typing import Any

from jobs.artifacts import previews
from jobs.artifacts.annotations import type_name
from jobs.artifacts.errors import ArtifactError
from jobs.artifacts.saved import Saved, Stored
from store.messages import Message

FORMAT = "cloudpickle"


def save(value: Any, annotation: Any, folder: Path, why: Message | None, preview: previews.Preview | None) -> Saved:
    """Pickle a value. cloudpickle takes what pickle does not: functions and classes of a notebook, and lambdas."""
    import cloudpickle

    kind = type_name(value, annotation)
    refuse_what_runs_out(value, kind)
    file = folder / "value.pickle"
    try:
        with file.open("wb") as stream:
            cloudpickle.dump(value, stream, protocol=5)
    except OSError:
        raise  # a full disk says nothing about the value
    except Exception as error:  # the author's __reduce__ and __getstate__ may raise anything
        file.unlink(missing_ok=True)
        raise ArtifactError(Message("artifact_unstorable", {"type": kind, "reason": _reason(error)})) from error
    notices = (why,) if why is not None else ()
    shown: previews.Preview = preview or {"kind": "none"}
    if preview is None and _speaks(value):
        shown = {"kind": "none", "text": str(previews.cell(previews.words(value)))}
    return Saved(kind, FORMAT, executable=True, file=file, preview=shown, notices=notices)


def load(stored: Stored) -> object:
    """The value. The caller has made sure that this installation wrote the file."""
    import cloudpickle

    try:
        with stored.file.open("rb") as stream:
            return cloudpickle.load(stream)
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, IndexError) as error:
        raise ArtifactError(
            Message("artifact_unreadable", {"type": stored.type or "value", "reason": _reason(error)})
        ) from error


def _speaks(value: object) -> bool:
    """Whether the text of a value is more than its class and address."""
    kind = type(value)
    return not (kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__)


def refuse_what_runs_out(value: object, kind: str) -> None:
    """Refuse what can be used only once, before it is used up, with its own advice."""
    if isinstance(value, io.IOBase) and not isinstance(value, io.BytesIO | io.StringIO):
        raise ArtifactError(Message("artifact_open_file"))  # which cloudpickle would make a text of
    if isinstance(value, collections.abc.Awaitable):
        raise ArtifactError(Message("artifact_awaitable", {"type": kind}))
    if (
        isinstance(value, collections.abc.Iterator)
        and not isinstance(value, io.IOBase)
        and type(value).__name__ in ONCE
    ):
        raise ArtifactError(Message("artifact_consumed", {"type": kind}))


ONCE = {"generator", "map", "filter", "zip", "enumerate", "list_iterator", "dict_keyiterator", "reader"}


def _reason(error: Exception) -> str:
    return (str(error).partition("\n")[0] or type(error).__name__)[:200].rstrip(".")
