"""README and docs tell the truth: every setting, page, command, path and link in them exists, and none is missing."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from jobs.cli.app import app
from store import outputs
from store.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
}
DOCS = "\n".join(PAGES.values())
OPERATIONS = PAGES["docs/operations.md"]
FOLDERS = "api|jobs|pages|store|tests|docs|trainyard|\\.ci|\\.streamlit"
MADE_LATER = {".streamlit/secrets.toml"}


def test_every_setting_is_described():
    """Each setting has a row in the table of docs/operations.md, and the table has no other."""
    described = set(re.findall(r"^\| `(TRAINYARD_\w+)`", OPERATIONS, re.MULTILINE))
    assert described == {f"TRAINYARD_{name.upper()}" for name in Settings.model_fields}


def test_every_page_is_described():
    """Each page of the menu is in the README's table of pages."""
    paths = set(re.findall(r'url_path="([\w-]+)"', (ROOT / "pages" / "navigation.py").read_text())) - {"home"}
    assert paths and [path for path in paths if f"`/{path}" not in README] == []


def test_every_command_is_described():
    """Each command has its place in the table of docs/operations.md."""
    named = set(re.findall(r"`(\w+)`", re.search(r"\| Command \|.*?\n\n", OPERATIONS, re.DOTALL)[0]))
    assert named == set(get_command(app).commands)


def commands():
    """Every command line in the docs, as words: in blocks of shell and between backticks."""
    blocks = re.findall(r"```bash\n(.*?)```", DOCS, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", DOCS)
    for line in lines:
        for command in re.split(r" && ", line.partition(" # ")[0]):
            yield command.strip()


def test_commands_in_the_docs_exist():
    """A command of Trainyard that the docs show is one, with the options it has there."""
    known = get_command(app)
    shown = [line for line in commands() if re.match(r"(python -m jobs|trainyard) \w", line)]
    assert len(shown) > 10
    for line in shown:
        words = re.sub(r"^(python -m jobs|trainyard) ", "", line)
        command = known
        for word in shlex.split(words):
            inner = getattr(command, "commands", {})
            command = inner.get(word) or (inner.get("start") if command.name == "sweep" else None) or command
            if word in inner:
                continue
            if word.startswith("--") and command.name != "up":
                assert word.split("=")[0] in {
                    *(opt for param in command.params for opt in [*param.opts, *param.secondary_opts]),
                    "--help",
                }, line
        assert command is not known or "--" in words, line


def test_recipes_and_modules_in_the_docs_exist():
    """A recipe of just, a module that Python runs, and a script that the docs show are there."""
    recipes = set(re.findall(r"^(\w+)[^:=\n]*:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE))
    for line in commands():
        words = line.split()
        if words[:1] == ["just"] and len(words) > 1:
            assert words[1] in recipes, line
        if words[:2] == ["python", "-m"] and words[2].startswith("tests."):
            path = ROOT / words[2].replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), line


def test_the_quick_tests_exist():
    """Every file that `just quick` runs is there."""
    named = re.findall(r"tests/test_\w+\.py", (ROOT / "justfile").read_text())
    assert named and [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", PAGES)
def test_settings_named_in_the_docs_exist(document):
    """No page speaks of a setting that there is not."""
    known = {f"TRAINYARD_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"TRAINYARD_[A-Z_]+", PAGES[document])) - known == set()


@pytest.mark.parametrize("document", PAGES)
def test_paths_named_in_the_docs_exist(document):
    """A file or folder of this repository that a page names is there."""
    named = set(re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", PAGES[document])) - MADE_LATER
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def anchors(text):
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", PAGES)
def test_links_lead_somewhere(document):
    """A link to a file of this repository leads to it, and to a heading that it has."""
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", PAGES[document]):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_every_page_of_the_docs_is_found():
    """The README leads to every page of docs/."""
    assert [page for page in PAGES if page.startswith("docs/") and f"({page})" not in README] == []


@pytest.mark.slow
def test_the_example_pipeline_is_right(services, tmp_path):
    """The pipeline in the README runs as the command beside it says."""
    (tmp_path / "mine.py").write_text(re.search(r"```python\n# mine\.py\n(.*?)```", README, re.DOTALL)[1])
    command = re.search(r"python (-m jobs pipeline run mine\.py.*)", README)[1].split()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, check=True, timeout=100)
    (total,) = [each.value for each in outputs.of_workflow(1) if each.step == "total"]
    assert total == [190]


@pytest.mark.parametrize("image", re.findall(r"!\[.*?\]\((.*?)\)", README))
def test_every_image_is_there(image):
    """Pictures in the README exist."""
    assert (ROOT / image).stat().st_size > 10_000
