"""Snapshot: a folder of code, packed by content when a workflow starts, so that its steps run what was there then."""

import fnmatch
import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.pipelines.errors import PipelineError
from jobs.pipelines.own_code import is_project_file
from store import codes, files
from store.codes import Place, place_of
from store.messages import Message, Values
from store.settings import ROOT

IGNORE_FILE = ".trainyardignore"
IGNORED = (
    *(".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints"),
    *(".venv", "venv", "env", "node_modules", ".tox", "*.pyc", "*.egg-info", ".trainyard", ".env", "*.key", "*.pem"),
)
# A home of Trainyard, or the environment of Python, in the folder is no code.
MARKS = ("trainyard.db", "pyvenv.cfg")
# Of a checkout of Trainyard, in whose folder somebody tries a pipeline: a copy would stand for what runs.
OURS = {"api", "app.py", "data", "docs", "hatch_build.py", "jobs", "pages", "store", "tests", "trainyard"}
LARGEST_FILE = 5_000_000
LARGEST = 100_000_000
MOST_FILES = 5_000
MOST_NAMED = 20
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Taken:
    """A folder as it is now: its files by their paths in it, and what was left out of it."""

    root: Path
    files: dict[str, Path]
    left_out: list[str]

    def contents(self, paths: list[str]) -> str:
        """The hash of what is in it."""
        digest = hashlib.sha256("\n".join(paths).encode())
        for name, path in self.files.items():
            digest.update(f"\0{name}\0".encode(errors="surrogateescape"))
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def take(root: Path, module: str, paths: list[str] | None = None) -> Place:
    """Keep a folder of code and return where a module of it is; the same contents are kept once."""
    taken = look(root)
    paths = paths or ["."]
    contents = taken.contents(paths)
    code = codes.find(contents)
    if code is None:
        with files.scratch() as folder:
            packed = folder / "code.zip"
            _pack(taken, packed)
            file = files.keep(packed)
            code = codes.keep(contents, file, str(root), paths, len(taken.files), taken.left_out)
    return place_of(code, module)


def look(root: Path) -> Taken:
    """Which files of a folder are code, and which are left out: too large, ignored, or an environment of Python."""
    found: dict[str, Path] = {}
    left_out: list[str] = []
    total = 0
    ignored = [*IGNORED, *_ignored_by(root)]
    for path in _walk(root, root, ignored, left_out):
        size = path.stat().st_size
        name = path.relative_to(root).as_posix()
        if size > LARGEST_FILE and path.suffix != ".py":
            left_out.append(name)
            continue
        total += size
        if total > LARGEST or len(found) >= MOST_FILES:
            told: Values = {
                "folder": str(root),
                "most": MOST_FILES,
                "megabytes": LARGEST // 1_000_000,
                "file": IGNORE_FILE,
            }
            raise PipelineError(Message("code_too_large", told))
        found[name] = path
    return Taken(root, dict(sorted(found.items())), sorted(left_out)[:MOST_NAMED])


def _walk(root: Path, folder: Path, ignored: list[str], left_out: list[str]) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        if folder == ROOT and entry.name in OURS:
            continue
        if any(fnmatch.fnmatch(entry.name, pattern) or fnmatch.fnmatch(name, pattern) for pattern in ignored):
            continue
        if entry.is_dir(follow_symlinks=False):
            if any((path / mark).exists() for mark in MARKS):
                left_out.append(f"{name}/")
            else:
                yield from _walk(root, path, ignored, left_out)
        elif entry.is_file():
            yield path


def _ignored_by(root: Path) -> list[str]:
    """The patterns of the folder's own list, one a line, as in .gitignore without its exceptions."""
    try:
        lines = (root / IGNORE_FILE).read_text().splitlines()
    except OSError:
        return []
    return [line.strip().strip("/") for line in lines if line.strip() and not line.startswith(("#", "!"))]


def _pack(taken: Taken, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in taken.files.items():
            archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), path.read_bytes(), zipfile.ZIP_DEFLATED)


def of_module(module: str) -> Place:
    """Keep the code of a module that is loaded here: the folder on the path of modules that it was found in."""
    file = _file_of(module)
    root = file.parent
    for _ in range(module.count(".") + (file.name == "__init__.py")):
        root = root.parent
    if root == Path(root.anchor) or root == Path.home():
        raise PipelineError(Message("code_in_home", {"folder": str(root)}))
    inside = [Path(path).resolve() for path in sys.path if path and is_project_file(path)]
    further = [path.relative_to(root).as_posix() for path in inside if path != root and path.is_relative_to(root)]
    return take(root, module, [".", *further])


def _file_of(module: str) -> Path:
    main = sys.modules.get("__main__")
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None) or (getattr(main, "__file__", None) if found is None else None)
    if file is None:
        raise PipelineError(Message("code_not_in_a_file", {"module": module}))
    return Path(file).resolve()
