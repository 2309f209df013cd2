"""The house: imports point one way, and each library has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"store": set(), "jobs": {"store"}, "api": {"jobs", "store"}, "pages": {"jobs", "store"}}
HOMES = {
    "streamlit": ("app.py", "pages/", "api/server.py", "api/wall/single_sign_on.py"),
    "plotly": ("pages/parts/charts.py",),
    "rq": ("jobs/", "api/rq_dashboard/"),
    "redis": ("jobs/", "api/rq_dashboard/"),
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
