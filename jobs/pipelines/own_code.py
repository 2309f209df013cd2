"""Own code: which modules, functions and classes are the author's: not installed, not of Python, not of Trainyard."""

import functools
import sys
import sysconfig
from pathlib import Path
from types import FunctionType, ModuleType

from store.settings import ROOT

OURS = tuple(f"{ROOT / folder}/" for folder in ("api", "jobs", "pages", "store"))


def is_project(module: ModuleType) -> bool:
    """Whether a module is the author's own."""
    if file := vars(module).get("__file__"):
        return is_project_file(str(file))
    folders = list(vars(module).get("__path__", ()))  # of a folder without __init__.py
    return module.__name__ == "__main__" or any(map(is_project_file, map(str, folders)))


def is_installed_module(name: str) -> bool:
    """Whether a module of this name is loaded, and neither the author's nor Trainyard's."""
    file = vars(sys.modules[name]).get("__file__") if name in sys.modules else None
    return bool(file) and not is_project_file(str(file)) and not str(Path(str(file)).resolve()).startswith(OURS)


def is_own_function(function: FunctionType) -> bool:
    """Whether the author wrote a function, or had it made, as dataclasses do."""
    file = function.__globals__.get("__file__") or function.__code__.co_filename
    return str(file).startswith("<") or is_project_file(str(file))


def is_own_class(kind: type) -> bool:
    """Whether the author wrote a class, or had it made, as NamedTuple does."""
    module = sys.modules.get(kind.__module__)
    return module is None or is_project(module)


def is_installed_file(file: str) -> bool:
    """Whether a file lies where Python and installed packages are, as far as its path shows."""
    return "/site-packages/" in file or "/dist-packages/" in file or file.startswith(_installed())


@functools.lru_cache(maxsize=4096)
def is_project_file(file: str) -> bool:
    """Whether a file is the author's own."""
    path = Path(file).resolve()
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not installed and not str(path).startswith((*_installed(), *OURS))


@functools.lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(f"{Path(sysconfig.get_path(name)).resolve()}/" for name in names)
