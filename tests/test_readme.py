"""The README tells the whole truth about settings, pages and commands."""

import re
from pathlib import Path

import pytest

from jobs.pipelines.registry import load
from store.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_every_setting_is_described():
    """Each setting has a row in the table, and the table has no other."""
    described = set(re.findall(r"^\| `(TRAINYARD_\w+)`", README, re.MULTILINE))
    assert described == {f"TRAINYARD_{name.upper()}" for name in Settings.model_fields}


def test_every_page_is_described():
    """Each page of the menu is in the table of pages."""
    paths = set(re.findall(r'url_path="([\w-]+)"', (ROOT / "pages" / "navigation.py").read_text())) - {"home"}
    assert paths and [path for path in paths if f"`/{path}" not in README] == []


def test_every_command_is_described():
    """Each command that design promises is named."""
    from jobs.cli.app import app

    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert [name for name in sorted(names) if f"`{name}`" not in README and f"jobs {name}" not in README] == []


def test_the_example_pipeline_is_right(tmp_path, monkeypatch):
    """The pipeline in the README is one that Trainyard accepts."""
    load()
    from jobs.pipelines import registry

    monkeypatch.setattr(registry, "_PIPELINES", {})
    example = re.search(r"```python\n(# mine\.py.*?)```", README, re.DOTALL)[1]
    exec(compile(example, "README.md", "exec"), {})
    assert list(registry._PIPELINES) == ["mine"]


@pytest.mark.parametrize("image", re.findall(r"!\[.*?\]\((.*?)\)", README))
def test_every_image_is_there(image):
    """Pictures in the README exist."""
    assert (ROOT / image).stat().st_size > 10_000
