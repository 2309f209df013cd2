"""Sources: in which modules people's own pipelines are."""

import contextlib
import sys
import time
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from store.settings import settings

ENTRY_POINTS = "trainyard.pipelines"
FRESH_SECONDS = 2


def own_modules() -> list[str]:
    """The modules with people's own pipelines: those that the settings name, and those of installed packages."""
    named = [each.strip() for each in settings().pipelines.split(",") if each.strip()]
    return list(dict.fromkeys([*named, *_installed_modules()]))


@lru_cache(maxsize=1)
def _installed_modules() -> tuple[str, ...]:
    """Those that installed packages bring; looked up once, as reading the metadata of all packages takes 4 ms."""
    return tuple(point.module for point in entry_points(group=ENTRY_POINTS))


def files_of(modules: Iterable[str]) -> list[str]:
    """Where the files of these modules are, or would be if they appeared in the project."""
    paths = []
    for module in modules:
        path = settings().project / Path(*module.split("."))
        paths += [str(path.with_suffix(".py")), str(path / "__init__.py")]
    return paths


def drop_fresh_bytecode(modules: Iterable[str]) -> None:
    """Delete the compiled code of modules that were edited a moment ago.

    Python takes compiled code for current when size and second of the source are those it was made from: an edit in the
    same second, such as another digit, would go unnoticed for ever.
    """
    for name in modules:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec and spec.origin and spec.cached:
            with contextlib.suppress(OSError):
                if time.time() < Path(spec.origin).stat().st_mtime + FRESH_SECONDS:
                    Path(spec.cached).unlink(missing_ok=True)
