"""The house: imports point one way, and each library has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"store": set(), "jobs": {"store"}, "api": {"jobs", "store"}, "pages": {"jobs", "store"}}
HOMES = {
    "streamlit": ("app.py", "pages/", "api/server.py", "api/wall/single_sign_on.py"),
    "plotly": ("pages/parts/charts.py",),
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


def imported(path):
    """The top-level packages a file imports, wherever in it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", sources())
def test_imports_point_one_way(path):
    """A folder imports only those below it: pages and api, then jobs, then store."""
    folder = path.split("/")[0]
    if folder in FOLDERS:
        allowed = FOLDERS[folder] | {folder}
        assert set(imported(path)) & set(FOLDERS) <= allowed


# The rooms of jobs/, each of which may use only those behind it; a file beside the rooms stands with `verbs`.
ROOMS = ("cli", "upkeep", "services", "verbs", "tabular", "engine", "pipelines", "process", "language")
APART = ({"tabular", "engine"},)
LONGEST_FILE = 450


def modules():
    """Every module of ours by its dotted name."""
    return {path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path for path in sources()}


def uses(path, known):
    """The modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ({each if each in known else node.module for each in whole}) & set(known)
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
        for used in uses(path, known):
            here, there = room(module), room(used)
            if here and there and here != there and (ROOMS.index(there) < ROOMS.index(here) or {here, there} in APART):
                wrong.append(f"{module} -> {used}")
    assert wrong == []


def test_no_module_leads_back_to_itself():
    """There is no circle of imports anywhere, not even one that is only closed when a function runs."""
    known = modules()
    arrows = {module: set(uses(path, known)) - {module} for module, path in known.items()}
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

    (pipeline,) = registry.built_in()
    params = {name for key in algorithms.ALGORITHMS for name in pipeline.params({"algorithm": key})}
    return {pipeline.name, *(step.name for step in pipeline.steps), *algorithms.ALGORITHMS, *params}


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
    for library in set(imported(path)) & set(HOMES):
        assert path.startswith(HOMES[library]), f"{path} imports {library}"


@pytest.mark.parametrize("path", sources())
def test_only_settings_reads_the_environment(path):
    """What can be configured is in store/settings.py; workers may only pass their name to their children."""
    text = (ROOT / path).read_text()
    if path not in (
        "store/settings.py",
        "jobs/engine/worker.py",
        "jobs/engine/runner.py",
        "jobs/services/presence.py",
    ):
        assert "os.environ" not in text and "getenv" not in text


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
