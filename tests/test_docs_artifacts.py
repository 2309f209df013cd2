"""The page about artifacts tells the truth: its table has every format, and its example runs."""

import re
from pathlib import Path

from helpers.kept import kept

from jobs.artifacts import is_executable, keeping, own_formats

PAGE = (Path(__file__).parent.parent / "docs" / "artifacts.md").read_text()
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line][1:]


def test_every_format_is_in_the_table():
    """The table names each format once, and says of each whether reading it runs code."""
    named = {name: row[2].strip() for row in ROWS for name in re.findall(r"`([a-z-]+)`", row[1])}
    assert set(named) == set(keeping.LOADERS)
    assert all(is_executable(name) is (code == "yes") for name, code in named.items() if code)


def test_the_example_runs(monkeypatch):
    """The format in the example saves and loads its type."""
    monkeypatch.setattr(own_formats, "_by_type", {})
    monkeypatch.setattr(own_formats, "_by_name", {})
    names = {"__name__": "shop"}
    exec(compile(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], "artifacts.md", "exec"), names)
    saved, loaded = kept(names["Order"]("a"))
    assert saved.format == "shop.OrderFormat" and loaded.title == "a" and saved.preview["text"] == "**a**"
