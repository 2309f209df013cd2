"""What the sandbox does with a file: say how it is written, and its profile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from store.datasets import Description

FILE_SIZE = 0


class Request(TypedDict):
    """What the user wants to know of which file."""

    path: str
    size: int
    dialect: dict[str, object]
    first_bytes: int | None
    seconds: int


def prepare() -> None:
    """Import what every child needs."""
    from jobs.tabular.profile import profiler  # noqa: F401


def done(request: Mapping[str, Any]) -> Description:
    """Return how a file is written and its profile, as the database stores them."""
    from jobs.tabular import reader
    from jobs.tabular.profile.profiler import profile_of

    source = reader.inspect(Path(request["path"]), request["dialect"])
    profile = profile_of(source, source.batches(), request["size"], request["first_bytes"])
    return {"dialect": source.dialect.as_dict(), **profile.to_json()}
