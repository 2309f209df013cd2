"""Turning rows into frozen records."""

from collections.abc import Hashable
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Row

Record = TypeVar("Record", bound=Hashable)


@lru_cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def record(kind: type[Record], row: Row[Any], **extra: Any) -> Record:
    """The record of this kind whose fields are named as the row's columns."""
    mapping = row._mapping
    return kind(**{name: mapping[name] for name in _names(kind) if name in mapping}, **extra)
