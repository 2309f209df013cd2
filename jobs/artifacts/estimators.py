"""Models of scikit-learn: estimators, transformers and pipelines, as joblib files with a card that says what they are.

A joblib file is code: it is loaded only to be used, and never to be shown. The card is made when the model is saved.
"""

import platform
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.artifacts import previews
from jobs.artifacts.annotations import library, shown, type_name
from jobs.artifacts.errors import ArtifactError, LossyError
from jobs.artifacts.saved import Saved, Stored
from store.messages import Message, Values

PACKAGES = ("sklearn", "numpy", "scipy", "pandas", "joblib")
MOST_FEATURES = 60


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save an estimator; None if it is none."""
    if not isinstance(value, library("sklearn.base", "BaseEstimator")):
        return None
    import joblib

    file, preview = folder / "model.joblib", card(value)
    try:
        joblib.dump(value, file)
    except Exception as error:  # each class pickles itself in its own way
        file.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0][:200].rstrip(".")
        raise LossyError(Message("model_not_joblib", {"reason": reason}), preview) from error
    facts = {"class": shown(type(value)), "versions": versions()}
    kind = type_name(value, annotation)
    return Saved(kind, "joblib", executable=True, file=file, preview=preview, metadata=facts)


def load(stored: Stored) -> object:
    """The model. That it was saved with another version of scikit-learn is told, once for all its parts."""
    import joblib

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = joblib.load(stored.file)
        except (AttributeError, ImportError) as error:  # its class has gone, or its package
            reason = str(error).rstrip(".")
            raise ArtifactError(
                Message("artifact_unreadable", {"type": stored.type or "model", "reason": reason})
            ) from error
    saved = ""
    for each in caught:
        if hasattr(each.message, "original_sklearn_version"):  # which scikit-learn notes in objects of its own classes
            saved = each.message.original_sklearn_version
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    current = versions().get("sklearn", "")
    saved = saved or str((stored.metadata.get("versions") or {}).get("sklearn", current))
    if saved != current:
        values: Values = {"type": shown(type(value)), "package": "scikit-learn", "saved": saved, "current": current}
        stored.notify(Message("artifact_version_differs", values))
    return value


def versions() -> dict[str, str]:
    """The versions that a model may depend on, of the packages that are loaded."""
    loaded = {name: str(getattr(sys.modules[name], "__version__", "")) for name in PACKAGES if name in sys.modules}
    return {"python": platform.python_version(), **loaded}


def card(model: Any) -> previews.CardPreview:
    """Class, params, features and versions of a model, without what it learned."""
    return previews.card(
        shown(type(model)),
        {
            "params": _params(model),
            "learned": [(name, _size(value)) for name, value in _learned(model)],
            "feature names": list(_numbered(_features(model))),
            "versions": list(versions().items()),
        },
    )


def _numbered(names: list[str]) -> Iterator[tuple[str, object]]:
    return ((str(number), name) for number, name in enumerate(names, 1))


def _params(model: Any) -> list[tuple[str, object]]:
    steps = getattr(model, "steps", None)
    if isinstance(steps, list):  # of a pipeline: its steps say more than its params
        return [(str(name), shown(type(step))) for name, step in steps]
    try:
        return [(name, previews.words(value)) for name, value in model.get_params(deep=False).items()]
    except Exception:  # noqa: BLE001 - of a class that breaks scikit-learn's rules
        return []


def _learned(model: Any) -> list[tuple[str, Any]]:
    held = getattr(model, "__dict__", {})
    return [(name, value) for name, value in held.items() if name.endswith("_") and not name.startswith("_")]


def _size(value: Any) -> object:
    shape = getattr(value, "shape", None)
    if shape:
        return f"{value.dtype} {list(shape)}" if hasattr(value, "dtype") else str(list(shape))
    if isinstance(value, list | dict | set | tuple):
        return f"{type(value).__name__} of {len(value)}"
    return value if isinstance(value, int | float | str) else type(value).__name__


def _features(model: Any) -> list[str]:
    for name in ("feature_names_in_", "feature_names_"):
        names = getattr(model, name, None)
        if names is not None and not callable(names):
            return [str(each) for each in names[:MOST_FEATURES]]
    return []
