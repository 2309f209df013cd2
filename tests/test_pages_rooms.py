"""Pages see what they may show, and only the pages of the built-in pipeline know that pipeline."""

import ast
from pathlib import Path

import pytest

from jobs.pipelines import registry
from jobs.tabular import algorithms

ROOT = Path(__file__).parent.parent
SEEN = ("jobs.verbs", "jobs.pipelines", "jobs.language", "jobs.engine.queue_view", "jobs.engine.remaining")
TABULAR = "pages/parts/tabular/"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").rglob("*.py"))


def imports(path):
    """The modules that a page imports, each with what it takes from them."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", PAGES)
def test_pages_see_verbs_pipelines_language_and_figures_of_the_queue(path):
    """Nothing of the engine or of the built-in pipeline, but in the pages of that pipeline."""
    allowed = (*SEEN, "jobs.tabular") if path.startswith(TABULAR) else SEEN
    assert not [name for name in imports(path) if name.startswith("jobs.") and not name.startswith(allowed)]


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith(TABULAR)])
def test_no_page_but_its_own_names_what_is_in_the_built_in_pipeline(path):
    """No text of another page equals the name of one of its steps, algorithms or params."""
    written = registry.get("tabular")
    names = {step.name for step in written.steps} | set(algorithms.ALGORITHMS)
    for key in algorithms.ALGORITHMS:
        names |= set(written.params({"algorithm": key, "target": "x"}))
    texts = {
        node.value
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not names & texts
