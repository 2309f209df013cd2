"""Tagged JSON: plain values of Python that JSON alone would change, such as tuples, sets, dates, NaN and keys that are
no text. It names no class of anybody's, so reading it builds nothing but Python's own types.

`{"$": "tuple", "v": [1, 2]}` stands for (1, 2). A dict that has "$" as a key is written as pairs. Whether a stored
value has tags is said by the envelope around it; without one it is JSON as it is.
"""

import base64
import datetime
import json
import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path, PosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from jobs.artifacts.annotations import library

TAG, CONTENT = "$", "v"
ENVELOPE = "__trainyard__"
AS_IS = frozenset({type(None), bool, int, str})
FACTORIES: dict[Any, str] = {None: "", int: "int", float: "float", str: "str", list: "list", dict: "dict", set: "set"}


class NotPlainError(TypeError):
    """A value holds something that is no plain value of Python; `kind` is its type."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        super().__init__(kind.__name__)


def packed(value: object) -> Any:
    """The value as JSON, in an envelope if it has tags."""
    plain, used_tags = _encoded(value)
    return {ENVELOPE: 1, "exact": False, "value": plain} if used_tags else plain


def enveloped(value: object, fits: Callable[[object], bool], enums: bool = False) -> Any:
    """The value as JSON in an envelope, for what its annotation cannot write. Where it does not even fit its annotation
    when it is read back, it is `exact`: given back as it is, whatever the code says. `enums` writes an enum as its
    value, which is for the annotation to read."""
    plain, _ = _encoded(value, enums)
    return {ENVELOPE: 1, "exact": not fits(_decoded(plain)), "value": plain}


def _encoded(value: object, enums: bool = False) -> tuple[Any, bool]:
    encoder = _Encoder(enums)
    try:
        return encoder.encode(value), encoder.used_tags
    except RecursionError:
        raise NotPlainError(type(value)) from None


def is_envelope(plain: object) -> bool:
    return isinstance(plain, dict) and ENVELOPE in plain


def unpacked(plain: Any) -> Any:
    """The value in an envelope."""
    return _decoded(plain["value"])


class _Encoder:
    """Writes values as JSON and remembers whether that took a tag."""

    used_tags = False

    def __init__(self, enums: bool) -> None:
        self._enums = enums

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind in AS_IS:
            return value
        if kind is float:
            return value if math.isfinite(value) else self._tag("float", repr(value))
        if kind is list:
            return [self.encode(item) for item in value]
        if kind is dict:
            if all(type(key) is str and key not in (TAG, ENVELOPE) for key in value):
                return {key: self.encode(item) for key, item in value.items()}
            return self._tag("dict", self._pairs(value))
        if kind in _ITEMS:
            items = [self.encode(item) for item in value]
            return self._tag(kind.__name__, sorted(items, key=json.dumps) if kind in (set, frozenset) else items)
        if kind in _TEXTS:
            return self._tag(_TEXTS[kind][0], _TEXTS[kind][1](value))
        return self._less_common(value, kind)

    def _less_common(self, value: Any, kind: type) -> Any:
        if kind in (OrderedDict, Counter):
            return self._tag(kind.__name__, self._pairs(value))
        if kind is defaultdict and value.default_factory in FACTORIES:
            return self._tag("defaultdict", [FACTORIES[value.default_factory], self._pairs(value)])
        if kind is deque:
            return self._tag("deque", [value.maxlen, [self.encode(item) for item in value]])
        if kind is datetime.datetime:
            return self._tag("datetime", [value.isoformat(), value.fold, _zone(value.tzinfo)])
        if kind is datetime.time and _zone(value.tzinfo) is None:
            return self._tag("time", [value.isoformat(), value.fold])
        if kind is datetime.timedelta:
            return self._tag("timedelta", [value.days, value.seconds, value.microseconds])
        if is_plain_number(value):
            return self.encode(value.item())
        if self._enums and isinstance(value, Enum):
            return self.encode(value.value)
        raise NotPlainError(kind)

    def _tag(self, name: str, content: Any) -> dict[str, Any]:
        self.used_tags = True
        return {TAG: name, CONTENT: content}

    def _pairs(self, value: dict[Any, Any]) -> list[Any]:
        return [[self.encode(key), self.encode(item)] for key, item in value.items()]


def is_plain_number(value: object) -> bool:
    """Whether a value is a single number or text of NumPy that Python has the same of."""
    if type(value).__module__ != "numpy" or not isinstance(value, library("numpy", "generic")):
        return False
    return value.dtype.kind in "biufU" and type(value.item()) in (bool, int, float, str)  # not those of 128 bits


_ITEMS: dict[type, Callable[[Any], Any]] = {tuple: tuple, set: set, frozenset: frozenset}
_TEXTS: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    bytearray: (
        "bytearray",
        lambda value: base64.b64encode(value).decode(),
        lambda text: bytearray(base64.b64decode(text)),
    ),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    Decimal: ("Decimal", str, Decimal),
    UUID: ("UUID", str, UUID),
    complex: ("complex", repr, complex),
    range: ("range", lambda value: [value.start, value.stop, value.step], lambda content: range(*content)),
    PosixPath: ("Path", str, Path),
}


def _zone(zone: datetime.tzinfo | None) -> str | None:
    """The name of a time zone that has one; a fixed distance from UTC is in the text of the time."""
    if zone is None or type(zone) is datetime.timezone:
        return None
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    raise NotPlainError(type(zone))


def _decoded(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_decoded(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if TAG not in plain:
        return {key: _decoded(item) for key, item in plain.items()}
    return _READERS[plain[TAG]](plain[CONTENT])


def _dict(pairs: list[Any]) -> dict[Any, Any]:
    return {_decoded(key): _decoded(item) for key, item in pairs}


def _datetime(content: list[Any]) -> datetime.datetime:
    text, fold, zone = content
    value = datetime.datetime.fromisoformat(text).replace(fold=fold)
    return value.replace(tzinfo=ZoneInfo(zone)) if zone else value


def _defaultdict(content: list[Any]) -> defaultdict[Any, Any]:
    factories = {name: factory for factory, name in FACTORIES.items()}
    return defaultdict(factories[content[0]], _dict(content[1]))


_READERS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "dict": _dict,
    "OrderedDict": lambda pairs: OrderedDict(_dict(pairs)),
    "Counter": lambda pairs: Counter(_dict(pairs)),
    "defaultdict": _defaultdict,
    "deque": lambda content: deque(map(_decoded, content[1]), maxlen=content[0]),
    "datetime": _datetime,
    "time": lambda content: datetime.time.fromisoformat(content[0]).replace(fold=content[1]),
    "timedelta": lambda content: datetime.timedelta(*content),
}
_READERS |= {kind.__name__: lambda items, kind=kind: kind(map(_decoded, items)) for kind in _ITEMS}  # type: ignore[misc]
_READERS |= {name: read for name, _, read in _TEXTS.values()}
