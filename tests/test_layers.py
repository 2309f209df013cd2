"""The house: imports point one way, and each library has one home."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"store": set(), "jobs": {"store"}, "api": {"jobs", "store"}, "pages": {"jobs", "store"}}
HOMES = {
    "streamlit": ("app.py", "pages/", "api/server.py", "api/wall/single_sign_on.py"),
    "plotly": ("pages/parts/charts.py", "pages/parts/timeline_chart.py", "jobs/artifacts/pictures.py"),
    "rq": ("jobs/engine/", "jobs/chain.py", "api/rq_dashboard/"),
    "redis": ("jobs/engine/", "api/rq_dashboard/"),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "sklearn": ("jobs/tabular/",),
    "fastapi": ("api/",),
    "typer": ("jobs/cli/",),
}


def sources():
    found = [ROOT / "app.py"]
    for folder in FOLDERS:
        found += sorted((ROOT / folder).rglob("*.py"))
    return [path.relative_to(ROOT).as_posix() for path in found]


@functools.cache
def tree_of(path):
    return ast.parse((ROOT / path).read_text())


def source_of(node, path):
    """The dotted name that a `from ... import` in this file starts from, also where it is relative."""
    folders = path.split("/")[:-1]
    above = folders[: len(folders) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def imported(tree, path):
    """The top-level packages a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [source_of(node, path)] if source_of(node, path) else [alias.name for alias in node.names]
            yield from (name.split(".")[0] for name in names)


@pytest.mark.parametrize("path", sources())
def test_imports_point_one_way(path):
    """A folder imports only those below it: pages and api, then jobs, then store."""
    folder = path.split("/")[0]
    if folder in FOLDERS:
        allowed = FOLDERS[folder] | {folder}
        assert set(imported(tree_of(path), path)) & set(FOLDERS) <= allowed


def test_migrations_are_one_chain():
    """Each migration follows another one, none is followed by two, and the last has the highest number."""
    before = {}
    for path in (ROOT / "store/migrations/versions").glob("[0-9]*.py"):
        found = {
            node.targets[0].id: node.value.value
            for node in tree_of(path.relative_to(ROOT)).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        }
        before[found["revision"]] = found["down_revision"]
    assert len(set(before.values())) == len(before)
    assert set(before) - set(before.values()) == {max(before)}


# The rooms of jobs/, each of which may use only those behind it; a file beside the rooms stands with `verbs`.
ROOMS = (
    *("cli", "upkeep", "services", "verbs", "tabular", "engine", "authoring", "pipelines", "artifacts", "process"),
    "language",
)
APART = ({"tabular", "engine"},)
LONGEST_FILE = 450


def modules():
    """Every module of ours by its dotted name."""
    return {path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path for path in sources()}


def uses(tree, path, known):
    """The modules of ours that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            source = source_of(node, path)
            whole = [f"{source}.{alias.name}".removeprefix(".") for alias in node.names]
            yield from ({each if each in known else source for each in whole}) & set(known)
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & set(known)


def room(module):
    """The room of jobs/ that a module is in; files beside the rooms are part of the verbs."""
    top, _, rest = module.partition(".")
    if top != "jobs" or not rest:
        return None
    first = rest.partition(".")[0]
    return first if first in ROOMS else "cli" if first == "__main__" else "verbs"


def test_rooms_are_used_in_one_direction():
    """No arrow between the rooms of jobs/ runs back up, and tabular and engine do not know each other."""
    known = modules()
    assert {path.split("/")[1] for path in known.values() if path.startswith("jobs/") and path.count("/") > 1} == set(
        ROOMS
    )
    wrong = []
    for module, path in known.items():
        for used in uses(tree_of(path), path, known):
            here, there = room(module), room(used)
            if here and there and here != there and (ROOMS.index(there) < ROOMS.index(here) or {here, there} in APART):
                wrong.append(f"{module} -> {used}")
    assert wrong == []


def test_no_module_leads_back_to_itself():
    """There is no circle of imports anywhere, not even one that is only closed when a function runs."""
    known = modules()
    arrows = {module: set(uses(tree_of(path), path, known)) - {module} for module, path in known.items()}
    while free := [module for module, used in arrows.items() if not used & set(arrows)]:
        for module in free:
            del arrows[module]
    assert arrows == {}


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_says_what_lives_there(name):
    """The first file of a room says in a few sentences what is in it and what is not."""
    text = ast.get_docstring(ast.parse((ROOT / "jobs" / name / "__init__.py").read_text())) or ""
    assert len(text.split()) >= 25 and "not" in text.lower().split(), text


@pytest.mark.parametrize("path", sources())
def test_a_file_can_be_read_in_one_sitting(path):
    """No file is longer than can be read at once; migrations and lists of sentences aside."""
    if "migrations" not in path and "language" not in path:
        assert len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE


# Where the built-in pipeline may be named: its own room, its pages, migrations, its sentences and its short form.
KNOWS_THE_BUILT_IN = (
    "jobs/tabular/",
    "jobs/language/",
    "jobs/verbs/short_form.py",
    "pages/parts/tabular/",
    "store/migrations/",
)


def names_of_the_built_in():
    from jobs.pipelines import registry
    from jobs.tabular import algorithms

    names = set(algorithms.ALGORITHMS)
    for pipeline in registry.built_in():
        names |= {pipeline.name, *(step.name for step in pipeline.steps), *pipeline.params({})}
        names |= {name for key in algorithms.ALGORITHMS for name in pipeline.params({"algorithm": key})}
    return names


def test_only_its_own_rooms_name_the_built_in_pipeline():
    """Outside them no text equals the name of a step, an algorithm or a param of the built-in pipeline."""
    names = names_of_the_built_in()
    found = {}
    for path in sources():
        if path.startswith(KNOWS_THE_BUILT_IN):
            continue
        texts = {
            node.value for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.Constant)
        }
        if known := {text for text in texts if isinstance(text, str)} & names:
            found[path] = sorted(known)
    assert found == {}


@pytest.mark.parametrize("path", sources())
def test_libraries_have_one_home(path):
    """Each library that could spread is imported only where it belongs."""
    for library in set(imported(tree_of(path), path)) & set(HOMES):
        assert path.startswith(HOMES[library]), f"{path} imports {library}"


@pytest.mark.parametrize("path", sources())
def test_only_settings_reads_the_environment(path):
    """What can be configured is in store/settings.py; workers may only pass their name to their children."""
    if path not in (
        "store/settings.py",
        "jobs/engine/worker.py",
        "jobs/engine/runner.py",
        "jobs/services/presence.py",
    ):
        assert list(environment_in(tree_of(path))) == []


ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def environment_in(tree):
    """Where a file reads or sets the environment of its process, under whatever name it imports it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "posix"):
            names = {alias.name for alias in node.names} & (ENVIRONMENT | {"*"})
        elif isinstance(node, ast.Attribute):
            names = {node.attr} & ENVIRONMENT
        else:
            names = set()
        yield from (f"{name} in line {node.lineno}" for name in names)


@pytest.mark.parametrize(
    ("written", "reads"),
    [
        ("import os\nos.environ['A']", True),
        ("from os import environ\nenviron['A']", True),
        ("from os import getenv as read", True),
        ("import os as system\nsystem.getenv('A')", True),
        ("from os import *", True),
        ("from os import path\n# os.environ is not read here", False),
    ],
)
def test_the_environment_is_found_under_every_name(written, reads):
    """A file cannot read the environment past the test above by importing it differently."""
    assert bool(list(environment_in(ast.parse(written)))) is reads


@pytest.mark.parametrize(
    ("written", "path", "used"),
    [
        ("from . import db", "store/steps/reads.py", {"store.steps"}),
        ("from .. import db", "store/steps/reads.py", {"store.db"}),
        ("from ..db import reading", "store/steps/reads.py", {"store.db"}),
        ("from .db import reading", "store/files.py", {"store.db"}),
        ("from ...cli import app", "jobs/engine/a/b.py", {"jobs.cli.app"}),
        ("from store import db", "jobs/chain.py", {"store.db"}),
    ],
)
def test_relative_imports_are_imports(written, path, used):
    """An arrow between rooms or folders is seen, however it is written."""
    tree = ast.parse(written)
    assert set(uses(tree, path, modules())) == used
    assert set(imported(tree, path)) == {each.split(".")[0] for each in used}


@pytest.mark.parametrize("path", [path for path in sources() if path.startswith("jobs/verbs/")])
def test_verbs_import_at_the_top(path):
    """No function of a verb hides an import of ours: there is no circle that would need it."""
    inside = [
        f"line {node.lineno}"
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and source_of(node, path).split(".")[0] in FOLDERS
    ]
    assert inside == []


@pytest.mark.parametrize("path", sources())
def test_data_never_reaches_unsafe_html(path):
    """No page switches Streamlit's HTML escaping off."""
    assert "unsafe_allow_html" not in (ROOT / path).read_text()


def test_no_test_borrows_from_another():
    """What several test modules use is a fixture or lies in tests/helpers, so that each module can change or go."""
    borrowed = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("test_")
    ]
    assert borrowed == []
