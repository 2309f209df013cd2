"""The code hash changes with everything that a step's function reaches, and with nothing else."""

import functools
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.pipelines import step as as_step
from jobs.pipelines.code_hash import CodeIdentity, code_hash, identity
from jobs.pipelines.value_digest import TooMuchError
from store.settings import ROOT

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


# Values whose edit changes what a step does; @ is what is edited.
HELD = {
    "lambda": "lambda x: x * @",
    "function": "scaled",
    "object": "Scaler(@)",
    "method": "Scaler(@).scale",
    "module": "parts.inner",
    "named tuple": "Pair(@)",
    "text enum": "Mode.A",
    "subclass of dict": "Config(rate=1)",
}
HOLDERS = {
    "as it is": "{}",
    "list": "[0, {}]",
    "dict": "{{'key': {}}}",
    "deep": "[[[[[[[[[[{}]]]]]]]]]]",
    "partial": "functools.partial(print, {})",
    "namespace": "types.SimpleNamespace(rate=1, held={})",
    "deque": "collections.deque([{}])",
    "default factory": "collections.defaultdict(lambda held={}: held)",
    "read-only dict": "types.MappingProxyType({{'key': {}}})",
    "method of a dict": "{{'key': {}}}.get",
    "object with slots": "Slots({})",
    "closure": "(lambda held: lambda: held)({})",
    "attribute of a function": "with_attribute({})",
    "attribute of a class": "type('Kind', (), {{'held': {}}})",
    "class that decorates": "Decorator({})",
    "scikit-learn": "sklearn.preprocessing.FunctionTransformer({})",
    "array of objects": "in_array({})",
}
AROUND = """
import collections, enum, functools, types, typing
import numpy, sklearn.preprocessing
import parts.inner


def scaled(x):
    return x * @


class Scaler:
    def __init__(self, rate):
        self.rate = rate

    def scale(self, x):
        return x * self.rate


class Pair(typing.NamedTuple):
    rate: int

    def scale(self):
        return self.rate * @


class Mode(enum.StrEnum):
    A = "a"

    def factor(self):
        return @


class Config(dict):
    __getattr__ = dict.get

    def scale(self):
        return self["rate"] * @


class Slots:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


class Decorator:
    def __init__(self, held):
        self.held = held
        self.__wrapped__ = scaled_by_nothing


def scaled_by_nothing(x):
    return x


def with_attribute(held):
    scaled_by_nothing.held = held
    return scaled_by_nothing


def in_array(held):
    array = numpy.empty(1, dtype=object)
    array[0] = held
    return array


VALUE = %s


def step(context):
    return VALUE
"""


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("holder", HOLDERS)
def test_code_counts_wherever_it_is_held(holder: str, held: str, hashed: Hash) -> None:
    """Code of the project changes the hash of a step that reaches it through a value of any kind."""
    text = AROUND % HOLDERS[holder].format(HELD[held])

    def of(edit: str) -> str:
        return hashed(edited=text.replace("@", edit), parts__inner=f"def train():\n    return {edit}\n")

    first = of("1")
    assert of("1") == first
    assert of("2") != first


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        ("{'a': 1, 'b': 2}", "'a': 1, 'b': 2", "'b': 2, 'a': 1"),
        ("re.compile('a')", "'a'", "'b'"),
        ("numpy.arange(3)", "3", "4"),
        ("numpy.vectorize(lambda x: x + 1)", "x + 1", "x + 2"),
        ("pandas.DataFrame({'a': [1]})", "[1]", "[2]"),
        ("fractions.Fraction(1, 3)", "1, 3", "2, 3"),
        ("datetime.date(2026, 1, 1)", "1, 1", "1, 2"),
        ("collections.OrderedDict(a=1)", "a=1", "a=2"),
        ("b'x' * 5000", "x", "y"),
    ],
)
def test_values_count_by_what_is_in_them(value: str, before: str, after: str, hashed: Hash) -> None:
    """The order of a dict, the pattern of an expression, the numbers of an array: an edit changes the hash."""
    text = f"import collections, datetime, fractions, numpy, pandas, re\nVALUE = {value}\n"
    text += "def step(context):\n    return VALUE\n"
    first = hashed(edited=text)
    assert hashed(edited=text) == first != hashed(edited=text.replace(before, after, 1))


@pytest.mark.parametrize(
    "value",
    ["(x for x in [1])", "{'a': 1}.values()", "contextvars.ContextVar('v', default=1)", "io.BytesIO(b'1')"],
)
def test_what_cannot_be_looked_into_is_never_equal(value: str, hashed: Hash) -> None:
    """A step that reaches such a value is like no other step, and says which value it is."""
    hashed(edited=f"import contextvars, io\nVALUE = [{value}]\ndef step(context):\n    return VALUE\n")
    found = identity(as_step("s")(sys.modules["edited"].step))
    assert found.unknown == ("VALUE",)
    assert found.of_step(1) != found.of_step(2) and found.of_step(1) == found.of_step(1)


def test_a_decorator_of_a_package_hides_nothing_unknown(hashed: Hash) -> None:
    """What the author's function reaches counts under a decorator of an installed package as well."""
    text = "import contextlib\nVALUE = [(x for x in [1])]\n@contextlib.contextmanager\ndef use():\n    yield VALUE\n"
    hashed(edited=text + "def step(context):\n    return use()\n")
    assert identity(as_step("s")(sys.modules["edited"].step)).unknown == ("VALUE",)


def test_a_value_too_big_to_look_into_is_never_equal(hashed: Hash, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look before every step has an end."""
    monkeypatch.setattr("jobs.pipelines.value_digest.MOST_VALUES", 1000)
    with pytest.raises(TooMuchError):
        hashed(edited="VALUE = [[i] for i in range(2000)]\ndef step(context):\n    return VALUE\n")
    assert identity(as_step("s")(sys.modules["edited"].step)).unknown == ("s",)


def test_locks_loggers_and_the_environment_are_no_part_of_the_code(hashed: Hash) -> None:
    """What changes no result keeps no step from being reused."""
    text = "import logging, os, threading\nLOCK = threading.Lock()\nLOG = logging.getLogger('x')\nENV = os.environ\n"
    text += "def step(context):\n    return LOCK, LOG, ENV\n"
    first = hashed(edited=text)
    os.environ["OF_THIS_TEST"] = "1"
    try:
        assert hashed(edited=text) == first
    finally:
        del os.environ["OF_THIS_TEST"]
    assert identity(as_step("s")(sys.modules["edited"].step)).unknown == ()


def test_a_module_that_is_handed_on_counts_as_a_whole(hashed: Hash) -> None:
    """Where code gives a module to something else, any function of it may be called."""
    step = "import parts.inner as inner\ndef use(m):\n    return getattr(m, 'tr' + 'ain')()\n"
    step += "def step(context):\n    return use(inner)\n"
    first = hashed(edited=step, parts__inner="def train():\n    return 1\n")
    assert hashed(edited=step, parts__inner="def train():\n    return 2\n") != first


SEEDED = """
import enum
from dataclasses import dataclass
from sklearn.feature_extraction.text import CountVectorizer
from jobs.pipelines import step
from jobs.pipelines.code_hash import identity


class Mode(enum.Enum):
    A, B, C = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Words:
    held: frozenset


MODES, WORDS = {Mode.A, Mode.B, Mode.C}, Words(frozenset("one two three".split()))
VALUES = MODES, WORDS, CountVectorizer(stop_words={"a", "b", "c"})


@step("s")
def s(context):
    return {"x": [len(value) for value in VALUES if value in {"four", "five", "six"}]}


print(identity(s).text)
"""


def test_the_hash_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Sets have another order in each process, and the same hash."""
    (tmp_path / "mine.py").write_text(SEEDED)
    seen = {
        subprocess.run(
            [sys.executable, str(tmp_path / "mine.py")],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(seen) == 1 and "mine:s#" in seen.pop().replace("__main__", "mine")


def made(value: object) -> Callable[..., object]:
    def train(context: object) -> object:
        return value

    return train


def test_a_version_does_not_make_closures_of_one_factory_equal() -> None:
    """Functions of one name with the same version are told apart by what they were made with."""

    def of(function: Callable[..., object], name: str = "train") -> CodeIdentity:
        return identity(as_step(name, version=1)(function))

    tree, linear = of(made("tree")), of(made("linear"))
    assert tree != linear and of(made("tree")) == tree
    assert of(functools.partial(made, 1)) != of(functools.partial(made, 2))
    assert of(lambda context: 1, "one") != of(lambda context: 2, "two")


def test_a_version_speaks_for_the_code(hashed: Hash) -> None:
    """With a version only what a function was made with counts; its code is not looked at."""

    def of(text: str) -> CodeIdentity:
        hashed(edited=text)
        return identity(as_step("s", version=1)(sys.modules["edited"].step))

    assert of("A = 1\ndef step(context):\n    return A\n") == of("A = 2\ndef step(context):\n    return A + 1\n")


def test_steps_of_an_installed_package_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new release of the package that a step comes from is new code."""
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def release(number: int) -> CodeIdentity:
        (site / "a_company").mkdir(parents=True, exist_ok=True)
        (site / "a_company" / "parts.py").write_text(f"def size():\n    return {number}\n")
        (site / "a_company" / "sales.py").write_text("from a_company.parts import size\ndef s(c):\n    return size()\n")
        for name in [name for name in sys.modules if name.startswith("a_company")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return identity(as_step("s")(importlib.import_module("a_company.sales").s))

    assert release(1) != release(2)
