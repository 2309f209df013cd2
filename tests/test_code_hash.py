"""The code hash changes with everything that a step's function reaches, and with nothing else."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.pipelines.code_hash import code_hash

Hash = Callable[..., str]

STEP = "def step(context):\n    return use()\n"
EDITS = {
    "second closure of one factory": (
        "def times(n):\n    return lambda x: x * n\ntwo, three = times(2), times(3)\ndef use():\n"
        "    return two(1) + three(1)\n",
        "times(3)",
        "times(4)",
    ),
    "argument of the second use of a decorator": (
        "def add(n):\n    def around(f):\n        return lambda: f() + n\n    return around\n"
        "@add(1)\ndef one():\n    return 1\n@add(2)\ndef two():\n    return 2\ndef use():\n"
        "    return one() + two()\n",
        "@add(2)",
        "@add(5)",
    ),
    "function in a cache": (
        "import functools\n@functools.lru_cache\ndef cached():\n    return 1\ndef use():\n    return cached()\n",
        "return 1",
        "return 2",
    ),
    "cached property": (
        "import functools\nclass Kind:\n    @functools.cached_property\n    def size(self):\n        return 1\n"
        "def use():\n    return Kind().size\n",
        "return 1",
        "return 2",
    ),
    "setter of a property": (
        "class Kind:\n    @property\n    def size(self):\n        return self.x\n    @size.setter\n"
        "    def size(self, x):\n"
        "        self.x = x + 1\ndef use():\n    kind = Kind()\n    kind.size = 1\n    return kind.size\n",
        "x + 1",
        "x + 2",
    ),
    "object of a bound method": (
        "class Kind:\n    def __init__(self, x):\n        self.x = x\n    def size(self):\n        return self.x\n"
        "size = Kind(1).size\ndef use():\n    return size()\n",
        "Kind(1)",
        "Kind(2)",
    ),
    "function in a default argument": (
        "def small(x):\n    return x + 1\ndef other(a=[1], b={}):\n    return 0\n"
        "def work(x, by=small):\n    return by(x)\ndef use():\n    return other() + work(1)\n",
        "x + 1",
        "x + 2",
    ),
    "field of a dataclass in a dict in a list": (
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass Point:\n    x: int = 1\n"
        "PLACES = [{'a': Point(3)}]\ndef use():\n    return PLACES[0]['a'].x\n",
        "Point(3)",
        "Point(4)",
    ),
    "value of an enum": (
        "from enum import Enum\nclass Size(Enum):\n    SMALL = 1\ndef use():\n    return Size.SMALL.value\n",
        "SMALL = 1",
        "SMALL = 2",
    ),
    "metaclass": (
        "class Meta(type):\n    def __call__(cls):\n        return 1\nclass Kind(metaclass=Meta):\n    x = 1\n"
        "def use():\n    return Kind()\n",
        "return 1",
        "return 2",
    ),
    "variant of a generic function": (
        "import functools\n@functools.singledispatch\ndef size(x):\n    return 0\n@size.register\n"
        "def _(x: int):\n    return 1\n"
        "def use():\n    return size(1)\n",
        "return 1",
        "return 2",
    ),
    "function in an object": (
        "class Kind:\n    def __init__(self, f):\n        self.f = f\nKIND = Kind(lambda: 1)\n"
        "def use():\n    return KIND.f()\n",
        "lambda: 1",
        "lambda: 2",
    ),
    "numbers of an array": (
        "import numpy\nARRAY = numpy.array([1, 2])\ndef use():\n    return ARRAY.sum()\n",
        "[1, 2]",
        "[1, 3]",
    ),
}


@pytest.fixture
def hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hash:
    """The hash of `step` in modules of these texts, as a fresh process would load them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(**texts: str) -> str:
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        for name in [each for each in sys.modules if each.split(".")[0] in {key.split("__")[0] for key in texts}]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return code_hash(importlib.import_module("edited").step)

    return load


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_what_a_step_reaches_changes_its_hash(edit: str, hashed: Hash) -> None:
    """Each kind of code that a step reaches counts, and the same code has the same hash when it is loaded again."""
    text, before, after = EDITS[edit]
    assert before in text
    first = hashed(edited=text + STEP)
    assert hashed(edited=f"# a comment\n{text}{STEP}") == first
    assert hashed(edited=text.replace(before, after) + STEP) != first


@pytest.mark.parametrize(
    "line", ["from parts import inner", "import parts.inner as inner", "from parts.inner import f as g"]
)
def test_an_edit_of_a_module_imported_in_the_body_changes_the_hash(line: str, hashed: Hash) -> None:
    """A module of a package that only the body imports is followed, however the import is written."""
    call = "g()" if line.endswith("g") else "inner.f()"
    step = f"def step(context):\n    {line}\n    return {call}\n"
    first = hashed(edited=step, parts__inner="def f():\n    return 1\n")
    assert hashed(edited=step, parts__inner="def f():\n    return 2\n") != first
