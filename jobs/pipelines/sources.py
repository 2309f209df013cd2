"""Sources: in which modules people's own pipelines are."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from store.settings import settings

ENTRY_POINTS = "trainyard.pipelines"


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
    found = []
    for module in modules:
        path = settings().project / Path(*module.split("."))
        found += [str(path.with_suffix(".py")), str(path / "__init__.py")]
    return found
