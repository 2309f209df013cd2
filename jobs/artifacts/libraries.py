"""Models of libraries that have a file format of their own: XGBoost, LightGBM, CatBoost, Keras, and tensors of PyTorch.

Their formats outlive versions and hold no code, except Keras's, which may. Nothing is imported to find out what a value
is; to read one back, its library is. Their wrappers for scikit-learn are estimators, since these files would drop
params.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.artifacts import previews
from jobs.artifacts.annotations import library, mentions, type_name
from jobs.artifacts.errors import ArtifactError, LossyError
from jobs.artifacts.saved import Saved, Stored
from store.messages import Message


@dataclass(frozen=True, slots=True)
class LibraryFormat:
    """How a library writes and reads its models."""

    package: str
    classes: tuple[str, ...]  # the most general last; by these names alone one is read back
    file: str
    save: Callable[[Any, str], object]
    load: Callable[[Any, str], object]  # of the class and the path
    executable: bool = False


def _loaded(model: Any, path: str) -> object:
    model.load_model(path)
    return model


def _keras(_kind: object, path: str) -> object:
    return importlib.import_module("keras.saving").load_model(path)  # refuses lambdas by itself


FORMATS = {
    "xgboost": LibraryFormat(
        "xgboost",
        ("Booster",),
        "model.ubj",
        lambda model, path: model.save_model(path),
        lambda kind, path: _loaded(kind(), path),
    ),
    "lightgbm": LibraryFormat(
        "lightgbm",
        ("Booster",),
        "model.txt",
        lambda model, path: model.save_model(path),
        lambda kind, path: kind(model_file=path),
    ),
    "catboost": LibraryFormat(
        "catboost",
        ("CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker", "CatBoost"),
        "model.cbm",
        lambda model, path: model.save_model(path),
        lambda kind, path: _loaded(kind(), path),
    ),
    "keras": LibraryFormat(
        "keras", ("Model",), "model.keras", lambda model, path: model.save(path), _keras, executable=True
    ),
}


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save a model of one of these libraries; None if it is none."""
    for name, each in FORMATS.items():
        if isinstance(value, tuple(kind for title in each.classes if (kind := library(each.package, title)))):
            return _save_model(value, annotation, folder, name, each)
    return _save_tensors(value, annotation, folder)


def load_model(stored: Stored) -> object:
    each = FORMATS[stored.format]
    module = _module(each.package, stored.format)
    kinds = [getattr(module, title, None) for title in each.classes]
    wanted = [kind for kind in kinds if kind is not None and mentions(stored.annotation, kind)]
    named = [kind for title, kind in zip(each.classes, kinds, strict=True) if stored.type.endswith(f".{title}")]
    kind = (wanted or named or kinds[-1:])[0]
    path = stored.file
    if not path.suffix:  # libraries tell their formats by the suffix, and files in the store have none
        path = stored.folder() / each.file
        path.symlink_to(stored.file)
    return each.load(kind, str(path))


def load_tensors(stored: Stored) -> object:
    tensors = _module("safetensors.torch", "safetensors").load_file(str(stored.file))
    return tensors[""] if set(tensors) == {""} else tensors


def _save_model(value: Any, annotation: Any, folder: Path, name: str, each: LibraryFormat) -> Saved:
    file, preview = folder / each.file, _card(value, each.package)
    try:
        each.save(value, str(file))
    except Exception as error:  # a library's own errors, of any class
        file.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0][:200].rstrip(".")
        raise LossyError(Message("own_format_refused", {"reason": reason}), preview) from error
    facts = {"versions": {each.package: _version(each.package)}}
    kind = type_name(value, annotation)
    return Saved(kind, name, executable=each.executable, file=file, preview=preview, metadata=facts)


def _save_tensors(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save a tensor or a dict of them, such as a state_dict, where safetensors is installed."""
    tensor = library("torch", "Tensor")
    if isinstance(value, tensor):
        tensors = {"": value.contiguous()}
    elif isinstance(value, dict) and value and all(type(k) is str and isinstance(v, tensor) for k, v in value.items()):
        tensors = {key: each.contiguous() for key, each in value.items()}
    else:
        return None
    preview = previews.tree(
        {key: f"{each.dtype} {list(each.shape)}" for key, each in tensors.items()}, lambda each: each
    )
    file = folder / "tensors.safetensors"
    try:
        importlib.import_module("safetensors.torch").save_file(tensors, str(file))
    except Exception as error:  # also tensors that share memory, which safetensors refuses
        file.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0][:200].rstrip(".")
        raise LossyError(Message("own_format_refused", {"reason": reason}), preview) from error
    return Saved(type_name(value, annotation), "safetensors", file=file, preview=preview)


def _card(model: Any, package: str) -> previews.CardPreview:
    features = getattr(model, "feature_names", None) or getattr(model, "feature_names_", None)
    names = features() if callable(features) else features
    facts = [("rounds", rounds())] if callable(rounds := getattr(model, "num_boosted_rounds", None)) else []
    return previews.card(
        f"{package}.{type(model).__name__}",
        {
            "model": facts,
            "feature names": [(str(number), str(name)) for number, name in enumerate(names or [], 1)],
            "versions": [(package, _version(package))],
        },
    )


def _version(package: str) -> str:
    return str(library(package, "__version__") or "")


def _module(name: str, format_name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise ArtifactError(Message("artifact_library_missing", {"format": format_name, "package": package})) from None
