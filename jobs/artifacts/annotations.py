"""Annotations: what the code says of a value's type, and types as people read them."""

import inspect
import sys
import types
import typing
from typing import Any


def cleaned(annotation: object) -> Any:
    """The annotation as a type; `Any` where the code says nothing, or nothing that can be used.

    `tuple([A, B])` is a tuple of types and no type; it is written where `tuple[A, B]` is meant."""
    if isinstance(annotation, tuple):
        return types.GenericAlias(tuple, annotation) if annotation else tuple
    if annotation in (None, object) or annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return Any
    if typing.get_origin(annotation) is typing.Annotated:
        return cleaned(typing.get_args(annotation)[0])
    return annotation


def mentions(annotation: Any, kind: object) -> bool:
    """Whether the annotation is a type, or a union that has it."""
    return annotation is kind or (is_union(annotation) and kind in typing.get_args(annotation))


def is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def fits(value: object, annotation: Any) -> bool:
    """Whether a value may be of the annotated type, as far as it can be told without looking into the value."""
    if is_union(annotation):
        return any(fits(value, each) for each in typing.get_args(annotation))
    kind = typing.get_origin(annotation) or annotation
    if kind is float and type(value) is int:
        return True
    if not isinstance(kind, type) or typing.is_typeddict(kind) or type(value).__module__ == "numpy":
        return True
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that is not for run time
        return True


def type_name(value: object, annotation: Any) -> str:
    """The type of a value: as its annotation says where this says more than the class."""
    if typing.get_args(annotation) and fits(value, annotation) and not is_union(annotation):
        return shown(annotation)
    return shown(type(value))


def shown(annotation: Any) -> str:
    """A type as its author would write it."""
    if annotation is Any or annotation is type(None):
        return "Any" if annotation is Any else "None"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return _class_name(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return str(annotation).replace("typing.", "")
    if is_union(annotation):
        return " | ".join(map(shown, arguments))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    inner = ", ".join("..." if each is Ellipsis else shown(each) for each in arguments)
    return f"{shown(origin)}[{inner}]"


def _class_name(kind: type) -> str:
    """The shortest dotted name under which a class can be imported: pandas.DataFrame, without core.frame."""
    if kind is type(None):
        return "None"
    module, name = kind.__module__, kind.__qualname__
    if module in ("builtins", "__main__") or module.startswith("jobs.artifacts."):
        return name
    parts = module.split(".")
    for length in range(1, len(parts)):
        shorter = ".".join(parts[:length])
        if getattr(sys.modules.get(shorter), name, None) is kind:
            return f"{shorter}.{name}"
    return f"{module}.{name}"


def library(name: str, attribute: str) -> Any:
    """A class of a library that is loaded. Nothing is imported: no value can be of a class that is not loaded."""
    return getattr(sys.modules.get(name), attribute, ())
