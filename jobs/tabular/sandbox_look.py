"""What the sandbox does with a file: say how it is written, and its profile; or read it ahead while it arrives."""

from collections.abc import Iterator, Mapping
from io import BufferedRWPair
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from store.datasets import Description

FILE_SIZE = 0


class Request(TypedDict):
    """What the user wants to know of which file."""

    path: str
    size: int
    dialect: dict[str, object]
    first_bytes: int | None
    seconds: int
    # Of a file that still arrives: the folder for its table, and how big a file may be written there.
    folder: NotRequired[str]
    most_written: NotRequired[int]


def prepare() -> None:
    """Import what every child needs."""
    from jobs.tabular.ahead import reading  # noqa: F401
    from jobs.tabular.profile import profiler  # noqa: F401


def done(request: Mapping[str, Any], line: BufferedRWPair) -> Description | Iterator[Description | None]:
    """Return how a file is written and its profile, as the database stores them."""
    from jobs.tabular import reader
    from jobs.tabular.ahead.reading import read_ahead
    from jobs.tabular.profile.profiler import profile_of

    if "folder" in request:
        return read_ahead(request, line)
    source = reader.inspect(Path(request["path"]), request["dialect"])
    profile = profile_of(source, source.batches(), request["size"], request["first_bytes"])
    return {"dialect": source.dialect.as_dict(), **profile.to_json()}
