"""JSON values: what fits into a row. Numbers, texts, lists, dicts, dates, enums, dataclasses, typed dicts, pydantic
models.

The annotation decides how a value is written and read, through pydantic. What was written is read back and compared;
where JSON would change a plain value, such as a tuple in `Any`, it is written with tags instead. What remains, such as
an object of a class that no annotation names, is no JSON value.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from jobs.artifacts import previews
from jobs.artifacts.annotations import shown, type_name
from jobs.artifacts.errors import ArtifactError
from jobs.artifacts.sameness import same
from jobs.artifacts.saved import ROW_BYTES, Saved, Stored
from jobs.artifacts.tagged import AS_IS, NotPlainError, enveloped, is_envelope, is_plain_number, packed, unpacked
from store.messages import Message

FORMAT = "json"
# Made once: json.dumps makes a new one for each value, which takes longer than writing a small one.
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
NAMES_OF_FLOATS = {math.inf: "Infinity", -math.inf: "-Infinity"}
CONFIG = ConfigDict(ser_json_inf_nan="strings", ser_json_bytes="base64", val_json_bytes="base64")


def save(value: object, annotation: Any, folder: Path) -> Saved | None:
    """Save a value as JSON; None if it has parts that are not of JSON."""
    try:
        plain = packed(value) if annotation is Any else _typed(value, annotation)
    except NotPlainError:
        return None
    kind = type_name(value, annotation)
    facts = _facts(value)
    text, in_row = _text(plain)
    file = None
    if not in_row:
        file = folder / "value.json"
        file.write_bytes(text)
    value_in_row = plain if in_row else None
    return Saved(kind, FORMAT, False, value_in_row, file, preview_of(value), facts)


def load(stored: Stored) -> object:
    """The value; `annotation` may be another than the one that it was saved with, such as a wider or narrower type."""
    if stored.path is None:
        return _read(stored.value, None, stored.annotation)
    text = stored.path.read_bytes()
    # A typed value is read from its text at once; of simple ones and envelopes, the plain value is needed.
    if stored.annotation is Any or _is_simple(stored.annotation) or text.startswith(b'{"__trainyard__"'):
        return _read(json.loads(text), None, stored.annotation)
    return _read(None, text, stored.annotation)


def why_not(value: object, annotation: Any) -> Message | None:
    """Why an object that JSON could hold was not saved as JSON, as advice; None if there is no better way."""
    if isinstance(value, BaseModel | Enum) or dataclasses.is_dataclass(value):
        if annotation is Any:
            return Message("value_without_annotation", {"type": shown(type(value))})
        return Message("value_changed")
    return None


def preview_of(value: object) -> previews.Preview:
    """The text that a value is, else the tree that it is."""
    if isinstance(value, str):
        return previews.text(value)
    return previews.tree(value, look)


def look(value: object) -> object:
    """What an object looks like in a tree: its fields, items or name."""
    if type(value) in AS_IS or isinstance(value, dict | list | str):
        return {**value} if isinstance(value, dict) and any(isinstance(key, Enum) for key in value) else value
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str | int | float) else value.name
    if isinstance(value, BaseModel):
        return dict(value.__dict__)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name, None) for each in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=False))
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _facts(value: object) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return {"fields": {name: shown(field.annotation) for name, field in type(value).model_fields.items()}}
    return {"length": len(value)} if isinstance(value, str | list | tuple | dict | set | frozenset) else {}


def _text(plain: object) -> tuple[bytes, bool]:
    """The value as JSON text, and whether a row can hold it: PostgreSQL takes neither zero characters nor half ones."""
    text = _compact(plain)
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode(), False
    return encoded, len(encoded) <= ROW_BYTES and "\\u0000" not in text


def _typed(value: object, annotation: Any) -> Any:
    """The value as JSON that its annotation reads back as it is; else with tags."""
    if annotation is type(value) and _is_simple(annotation):
        return value
    adapter = _adapter(annotation)
    if adapter is not None:
        for write in (_written, _written_with_floats, _written_with_tags):
            plain = write(adapter, value)
            if plain is not _CHANGED:
                return plain
        return enveloped(value, lambda loaded: _reads(adapter, loaded, value))
    return packed(value)


_CHANGED = object()


def _written(adapter: TypeAdapter[Any], value: object) -> Any:
    """The value as the annotation writes it; _CHANGED unless reading that back gives the same."""
    try:
        text = adapter.dump_json(value, by_alias=False, round_trip=True, warnings=False, fallback=_number)
        loaded = adapter.validate_json(text, by_alias=True, by_name=True)
        if same(value, loaded) and not is_envelope(plain := json.loads(text)):
            return plain
    except Exception:  # noqa: BLE001 - serializers and validators of models may raise anything
        pass
    return _CHANGED


def _written_with_floats(adapter: TypeAdapter[Any], value: object) -> Any:
    """The same with NaN and infinity as texts, of which models write null unless they are told otherwise."""
    try:
        plain = _with_float_names(
            adapter.dump_python(value, mode="json", by_alias=False, round_trip=True, warnings=False, fallback=_number)
        )
        loaded = adapter.validate_json(json.dumps(plain), by_alias=True, by_name=True)
        if same(value, loaded) and not is_envelope(plain):
            return plain
    except Exception:  # noqa: BLE001
        pass
    return _CHANGED


def _written_with_tags(adapter: TypeAdapter[Any], value: object) -> Any:
    """The fields of models as plain values with tags, such as a dict whose keys are enums that stand for numbers."""
    try:
        fields = adapter.dump_python(value, mode="python", by_alias=False, round_trip=True, warnings=False)
        plain = enveloped(fields, lambda loaded: _reads(adapter, loaded, value), enums=True)
        return _CHANGED if plain["exact"] else plain
    except Exception:  # noqa: BLE001
        return _CHANGED


def _with_float_names(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _with_float_names(item) for key, item in plain.items()}
    if isinstance(plain, list):
        return list(map(_with_float_names, plain))
    if isinstance(plain, float) and not math.isfinite(plain):
        return NAMES_OF_FLOATS.get(plain, "NaN")
    return plain


def _number(value: Any) -> Any:
    if is_plain_number(value):
        return value.item()
    raise NotPlainError(type(value))


def _reads(adapter: TypeAdapter[Any], loaded: object, value: object) -> bool:
    """Whether a value that was read is as it was under its annotation, too."""
    try:
        return same(value, adapter.validate_python(loaded, by_alias=True, by_name=True))
    except Exception:  # noqa: BLE001
        return False


def _read(plain: Any, text: bytes | None, annotation: Any) -> object:
    if text is None and is_envelope(plain):
        value = unpacked(plain)
        return value if plain.get("exact") else _as_annotated(value, annotation)
    if text is None and annotation is type(plain) and _is_simple(annotation):
        return plain
    adapter = None if annotation is Any else _adapter(annotation)
    if adapter is None:
        plain = json.loads(text) if text is not None else plain
        return _numpy(plain, annotation)
    try:
        return adapter.validate_json(text if text is not None else json.dumps(plain), by_alias=True, by_name=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{each!r}]" for each in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise ArtifactError(
            Message("artifact_not_of_type", {"annotation": shown(annotation), "reason": reason})
        ) from None


def _as_annotated(value: object, annotation: Any) -> object:
    """A plain value as what the code that reads it says, such as a dict as a model; as it is if it is not that."""
    adapter = None if annotation is Any else _adapter(annotation)
    if adapter is None:
        return _numpy(value, annotation)
    try:
        return adapter.validate_python(value, by_alias=True, by_name=True)
    except ValidationError:
        return value


def _is_simple(annotation: Any) -> bool:
    """Whether JSON has values of exactly this type. An annotation need not be hashable."""
    return isinstance(annotation, type) and annotation in AS_IS


def _numpy(value: Any, annotation: Any) -> object:
    """A number as the type of NumPy that the code names."""
    if isinstance(annotation, type) and annotation.__module__ == "numpy" and type(value) in (bool, int, float, str):
        return annotation(value)
    return value


def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    """How pydantic writes and reads a type; None if it does not know it."""
    try:
        return _adapter_once(annotation)
    except TypeError:  # not hashable, such as Annotated with a list
        return _new_adapter(annotation)


@lru_cache(maxsize=1024)
def _adapter_once(annotation: Any) -> TypeAdapter[Any] | None:
    return _new_adapter(annotation)


def _new_adapter(annotation: Any) -> TypeAdapter[Any] | None:
    for config in (CONFIG, None):  # a model has a config of its own, and takes no other
        try:
            return TypeAdapter(annotation, config=config)
        except Exception:  # noqa: BLE001 - annotations are the author's: unknown types, names that do not resolve
            continue
    return None
