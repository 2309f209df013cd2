"""Value digest: the hash of any value by what is in it, whoever made it and in which order of memory.

It walks a value as pickle would, and differs from it in three ways: equal values have equal hashes however they share
their parts and whatever the order of a set; functions, classes and modules are met one by one, so that a subclass can
look into them; and what cannot be looked into is noted, not refused.
"""

import contextlib
import copyreg
import hashlib
import io
import threading
import types
from collections.abc import Iterable, Iterator
from enum import Enum
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from store.settings import Environment

# What is compared by its text.
PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented)})
# What changes no result, or is outside of the code: whether a lock is held, where log lines go, the environment.
EMPTY = frozenset({type(threading.Lock()), type(threading.RLock()), threading.local, Environment})
LOGGERS = ("loguru",)
MOST_VALUES = 200_000
LONG_TEXT = 4096
PROTOCOL = 4


class TooMuchError(Exception):
    """A value has more parts than are worth a look before every step."""


class ValueDigest:
    """Hashes values; here functions, classes and modules count by their names only."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._done: dict[int, str] = {}
        self._open: set[int] = set()
        self._alive: list[Any] = []  # so that no id is given to another object meanwhile

    def of(self, value: Any, name: str) -> str:
        """Return the hash of a value; `name` is by what the author knows it."""
        if type(value) in PLAIN:
            return _plain(value)
        key = id(value)
        if key in self._done:
            return self._done[key]
        if key in self._open:
            return "around"  # part of itself
        if len(self._alive) > MOST_VALUES:
            raise TooMuchError
        self._open.add(key)
        self._alive.append(value)
        try:
            digest = self._look_into(value, name)
        except RecursionError:
            digest = self._not_known(name)
        finally:
            self._open.discard(key)
        self._done[key] = digest
        return digest

    def _look_into(self, value: Any, name: str) -> str:
        kind = type(value)
        if kind in (list, tuple):
            return hash_of(kind.__name__, self._items(value, name))
        if kind in (set, frozenset):
            return hash_of("set", sorted(self.of(each, name) for each in sorted(value, key=_place)))
        if kind in (dict, MappingProxyType):
            return hash_of("dict", self._pairs(value, name))
        if isinstance(value, type):
            return self.of_class(value, name)
        if kind is FunctionType:
            return self.of_function(value, name)
        if kind is ModuleType:
            return self.of_module(value, name)
        if kind is MethodType:
            return hash_of("method", [self.of(value.__self__, name), self.of(value.__func__, name)])
        if kind in EMPTY or (kind.__name__ == "Logger" and kind.__module__.partition(".")[0] in LOGGERS):
            return "empty"
        return self._object(value, name)

    def of_function(self, function: FunctionType, name: str) -> str:
        return hash_of("function", [f"{function.__module__}:{function.__qualname__}"])

    def of_class(self, kind: type, name: str) -> str:
        return hash_of("class", [f"{kind.__module__}:{kind.__qualname__}"])

    def of_module(self, module: ModuleType, name: str) -> str:
        return hash_of("module", [module.__name__])

    def _items(self, items: Iterable[Any], name: str) -> list[str]:
        values = list(items)
        if set(map(type, values)) <= PLAIN:
            return [repr(values)]
        return [self.of(each, name) for each in values]

    def _pairs(self, pairs: Any, name: str) -> list[str]:
        items = list(pairs.items())
        return [*self._items([key for key, _ in items], name), *self._items([value for _, value in items], name)]

    def _object(self, value: Any, name: str) -> str:
        """An object by its class and what pickle would store of it, or else by its attributes."""
        parts = [self.of(type(value), name)]
        if (parts_of_descriptor := _descriptor(value)) is not None:
            return hash_of("descriptor", [*parts, *self._items(parts_of_descriptor, name)])
        if isinstance(value, io.IOBase):  # where it stands in which file
            return self._not_known(name)
        own = _attributes(value)
        if "__wrapped__" in own:
            return hash_of("wrapper", [*parts, *self._pairs(own, name)])
        reduce = copyreg.dispatch_table.get(type(value))
        try:
            reduced = reduce(value) if reduce else value.__reduce_ex__(PROTOCOL)
        except Exception:  # noqa: BLE001 - whatever an object raises that must not be copied
            reduced = None
        if isinstance(reduced, str):
            return hash_of("global", [*parts, f"{getattr(value, '__module__', '')}:{reduced}"])
        if isinstance(reduced, tuple):
            return hash_of("object", [*parts, *(self.of(part, name) for part in _parts(reduced))])
        if own:
            return hash_of("object", [*parts, *self._pairs(own, name)])
        return self._not_known(name)

    def _not_known(self, name: str) -> str:
        self.unknown.append(name)
        return "unknown"


def _place(value: Any) -> str:
    """Where a value stands in a set, the same in every process: of values in a circle the first one counts."""
    if type(value) in PLAIN:
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, tuple | frozenset):
        return f"{type(value).__name__} {sorted(map(_place, value))}"
    named = value.name if isinstance(value, Enum) else getattr(type(value), "__qualname__", "")
    return f"{type(value).__name__} {value.__qualname__ if isinstance(value, FunctionType | type) else named}"


def _parts(reduced: tuple[Any, ...]) -> Iterator[Any]:
    """What an object is made again from: a callable, its arguments, a state, items of a list and of a dict."""
    for position, part in enumerate(reduced):
        yield part if position < 3 or part is None else list(part)


def _descriptor(value: Any) -> list[Any] | None:
    """What is in a method or property of a class, which pickle refuses."""
    if isinstance(value, staticmethod | classmethod):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    return [value.cell_contents] if isinstance(value, types.CellType) else None


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object itself, without asking code of its class."""
    found: dict[str, Any] = {}
    with contextlib.suppress(AttributeError, TypeError):
        found.update(object.__getattribute__(value, "__dict__"))
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            try:
                found[slot] = object.__getattribute__(value, slot)
            except AttributeError:
                continue
    found.pop("__doc__", None)
    return found


def _plain(value: Any) -> str:
    if isinstance(value, bytes) and len(value) > LONG_TEXT:
        return hashlib.sha256(value).hexdigest()[:32]
    return hash_of("plain", [f"{type(value).__name__}:{value!r}"])


def hash_of(kind: str, parts: Iterable[str]) -> str:
    text = "\n".join([kind, *parts])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
