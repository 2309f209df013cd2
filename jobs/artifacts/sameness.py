"""Sameness: whether a value that was read back is what was saved.

Stricter than `==`, which holds for 1 and True, 1.0 and 1, and for objects whose authors compare nothing but an id; and
milder in one place: NaN is the same as NaN.
"""

import dataclasses
import datetime
from collections import defaultdict, deque
from decimal import Decimal
from enum import Enum
from typing import Any

ATOMS = frozenset({type(None), bool, int, str, bytes, complex})


def same(saved: Any, loaded: Any) -> bool:
    """Whether two values are of the same types and hold the same; values that hold themselves raise RecursionError."""
    kind = type(saved)
    if kind is not type(loaded):
        return _same_number(saved, loaded)
    if kind in ATOMS:
        return bool(saved == loaded)
    if isinstance(saved, Enum):
        return saved is loaded
    if isinstance(saved, float):
        return bool(saved == loaded or (saved != saved and loaded != loaded))
    if isinstance(saved, list | tuple | deque):
        return len(saved) == len(loaded) and all(map(same, saved, loaded)) and _same_attributes(saved, loaded)
    if isinstance(saved, dict):
        return _same_dict(saved, loaded)
    if isinstance(saved, set | frozenset):
        return saved == loaded and sorted(map(_kind, saved)) == sorted(map(_kind, loaded))
    return _same_object(saved, loaded)


def _same_number(saved: Any, loaded: Any) -> bool:
    """A number of NumPy comes back as Python's, and a whole number as a float where the code says float."""
    if type(saved) is int and type(loaded) is float:
        return bool(saved == loaded)
    if type(saved).__module__ == "numpy" and getattr(saved, "shape", None) == ():
        return same(saved.item(), loaded)
    return False


def _same_dict(saved: dict[Any, Any], loaded: dict[Any, Any]) -> bool:
    if isinstance(saved, defaultdict) and saved.default_factory is not getattr(loaded, "default_factory", None):
        return False
    pairs = zip(saved.items(), loaded.items(), strict=False)
    return len(saved) == len(loaded) and all(same(*keys) and same(*items) for keys, items in map(_beside, pairs))


def _beside(pair: Any) -> Any:
    (key, item), (other_key, other_item) = pair
    return (key, other_key), (item, other_item)


def _same_object(saved: Any, loaded: Any) -> bool:
    if hasattr(saved, "__pydantic_fields_set__"):  # a model; its __eq__ may be its author's
        parts = ("__dict__", "__pydantic_extra__", "__pydantic_private__")
        return all(same(getattr(saved, part, None), getattr(loaded, part, None)) for part in parts)
    if dataclasses.is_dataclass(saved):
        names = [each.name for each in dataclasses.fields(saved)]
        return all(same(getattr(saved, name), getattr(loaded, name)) for name in names) and _same_attributes(
            saved, loaded
        )
    if isinstance(saved, Decimal):
        return str(saved) == str(loaded)
    if isinstance(saved, datetime.datetime | datetime.time):
        return bool(saved == loaded) and saved.utcoffset() == loaded.utcoffset() and saved.fold == loaded.fold
    try:
        return bool(saved == loaded)
    except Exception:  # noqa: BLE001 - the author's __eq__ may raise anything, such as that of an array in it
        return False


def _same_attributes(saved: Any, loaded: Any) -> bool:
    """Attributes beside the content, which a subclass of a list or a dataclass may have."""
    return same(getattr(saved, "__dict__", None), getattr(loaded, "__dict__", None))


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
