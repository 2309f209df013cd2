"""Values as JSON: each comes back as it was, or is not stored as JSON."""

import collections
import dataclasses
import datetime as dt
import enum
import json
import math
import typing
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from helpers.kept import kept, read, words
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import TypedDict

from jobs import artifacts
from jobs.artifacts import ArtifactError, previews
from jobs.artifacts.sameness import same


class Color(enum.Enum):
    red = "r"
    blue = 2


class Level(enum.IntEnum):
    low = 1


@dataclasses.dataclass
class Point:
    x: float
    when: dt.datetime
    tags: frozenset[str] = frozenset()


class Row(TypedDict):
    name: str
    size: int


class OldRow(typing.TypedDict):
    name: str


class Pair(NamedTuple):
    left: int
    right: str


class Order(BaseModel):
    number: int = Field(alias="orderNumber", validation_alias="orderNumber")
    by_color: dict[Color, int] = {}
    share: float = 1.0
    model_config = ConfigDict(populate_by_name=True)


class Document(BaseModel):
    """As in a document store: an id that alone is compared, and model_dump in its database's form."""

    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    links: list[str] = []

    def __eq__(self, other):
        return self.id == other.id

    def model_dump(self, *args, **kwargs):
        return {"_id": str(self.id)}


class Hidden(BaseModel):
    shown: int
    left_out: int = Field(default=0, exclude=True)
    _private: int = PrivateAttr(default=0)


class Animal(BaseModel):
    legs: int


class Dog(Animal):
    name: str


def kind_of(each):
    """The name of a case: not its text, since sets have no order, and each process would name them differently."""
    return each.__name__ if isinstance(each, type) else type(each).__name__


ISTANBUL = ZoneInfo("Europe/Istanbul")
PLAIN = [
    (None, type(None)),
    (True, bool),
    (7, int),
    (2**80, int),
    (1.5, float),
    (-0.0, float),
    (math.nan, float),
    (-math.inf, float),
    ("ğü\u2028", str),
    ([1, 2], list[int]),
    ([[1.0, math.nan]], list[list[float]]),
    ({"a": [1]}, dict[str, list[int]]),
    ({1: "a"}, dict[int, str]),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ({1, 2}, set[int]),
    (frozenset({"a"}), frozenset[str]),
    (dt.date(2026, 3, 1), dt.date),
    (dt.datetime(2026, 3, 1, 2, 3, 4, 5), dt.datetime),
    (dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime),
    (dt.time(1, 2, 3), dt.time),
    (dt.timedelta(days=-1, microseconds=3), dt.timedelta),
    (Decimal("1.10"), Decimal),
    (Decimal("NaN"), Decimal),
    (uuid.UUID(int=5), uuid.UUID),
    (Color.red, Color),
    (Level.low, Level),
    ({Color.red: 1, Color.blue: 2}, dict[Color, int]),
    ("r", Literal["r", "b"]),
    (None, Optional[int]),  # noqa: UP045 - as people write it
    (3, int | str),
    ("3", int | str),
    (Point(1.0, dt.datetime(2026, 1, 1), frozenset({"a"})), Point),
    ({"name": "a", "size": 1}, Row),
    ([{"name": "a"}], list[OldRow]),
    (Pair(1, "a"), Pair),
    (Order(orderNumber=3, by_color={Color.blue: 1}), Order),
    (Order(orderNumber=3, share=math.nan), Order),
    ([Order(number=1)], list[Order]),
    (Dog(legs=4, name="Rex"), Dog | Animal),
    ({(1, 2): "a"}, dict[tuple[int, int], str]),
    ({"a": b"\xff"}, dict[str, bytes]),
    ({"a": (1, {2})}, dict[str, Any]),
]


@pytest.mark.parametrize(("value", "annotation"), PLAIN, ids=kind_of)
def test_a_typed_value_comes_back_as_it_was(value, annotation):
    """What the code says of a type decides how a value is written and read; no such value needs a pickle."""
    saved, loaded = kept(value, annotation)
    assert saved.format == "json" and saved.file is None and not saved.notices
    assert same(value, loaded)


UNTYPED = [
    {1: (2, {"$": 1}), None: [b"a"], 2.5: {"__trainyard__": 1}},
    [math.nan, math.inf, -math.inf],
    {"when": dt.datetime(2026, 10, 25, 3, 30, tzinfo=ISTANBUL, fold=1), "day": dt.date(2026, 1, 1)},
    [dt.timedelta(1), dt.time(3, fold=1), Decimal("1.0"), uuid.UUID(int=1), 1j, range(3), Path("a/b"), bytearray(b"a")],
    collections.OrderedDict(b=1, a=2),
    collections.Counter("aab"),
    collections.deque([1, 2], maxlen=3),
    collections.defaultdict(list, {"a": [1]}),
    {frozenset({1, (2, 3)}), "a"},
    {"__trainyard__": 1, "value": 2},
    {"$": "tuple", "v": [1]},
    "plain",
    {"a": [True, None, 1, 1.0]},
]


@pytest.mark.parametrize("annotation", [Any, None, object, "SomewhereElse"], ids=kind_of)
@pytest.mark.parametrize("value", UNTYPED, ids=kind_of)
def test_an_untyped_value_comes_back_as_it_was(value, annotation):
    """Where the code says nothing, what JSON would change is written with tags."""
    saved, loaded = kept(value, annotation)
    assert saved.format == "json" and not saved.notices
    assert same(value, loaded) and (isinstance(value, set) or repr(loaded) == repr(value))


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("3", int),
        (3, str),
        ({"a": 1}, list[int]),
        ([1], Order),
        (None, Order),
        ("2026-01-01", dt.date),
        (1, type(None)),
    ],
)
def test_a_value_of_another_type_than_the_code_says_is_stored_as_what_it_is(value, annotation):
    """A wrong annotation ends no step: the value comes back as it was, and the log says that it is of another type."""
    saved, loaded = kept(value, annotation)
    assert same(value, loaded)
    assert [notice.code for notice in saved.notices] == ["artifact_other_type"]
    assert words(saved)[0].startswith("The code says ")


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (Hidden(shown=1, left_out=2), Hidden),
        (Dog(legs=4, name="Rex"), Animal),
        ([Dog(legs=4, name="Rex")], list[Animal]),
        (Order(number=1), Any),
        (Color.red, Any),
        ([Point(1.0, dt.datetime(2026, 1, 1))], Any),
    ],
    ids=kind_of,
)
def test_what_json_would_change_is_not_stored_as_json(value, annotation):
    """Fields left out, subclasses and objects without an annotation come back whole, from a pickle that says why."""
    saved, loaded = kept(value, annotation)
    assert saved.format == "cloudpickle" and same(value, loaded)
    assert len(saved.notices) == 1 and "stored as a pickle" in words(saved)[0]


def test_private_attributes_are_compared():
    """What a model keeps beside its fields is part of it."""
    value = Hidden(shown=1)
    assert kept(value, Hidden)[0].format == "json"
    value._private = 5
    saved, loaded = kept(value, Hidden)
    assert saved.format == "cloudpickle" and loaded._private == 5


def test_a_model_with_a_dump_of_its_own_is_stored_by_its_fields():
    """A model_dump that writes the form of some database, and an __eq__ that compares ids, change nothing."""
    value = Document(links=["a"])
    saved, loaded = kept(value, Document)
    assert saved.format == "json" and (loaded.id, loaded.links) == (value.id, ["a"])
    assert saved.metadata == {"fields": {"id": "uuid.UUID", "links": "list[str]"}}


@pytest.mark.parametrize("number", [np.float64(1.5), np.float32(0.1), np.int8(3), np.bool_(True), np.str_("a")])
def test_numbers_of_numpy_become_those_of_python(number):
    """A score computed with NumPy is a number like others."""
    for annotation in (Any, type(number), type(number.item()), dict[str, type(number.item())]):
        value = {"a": number} if typing.get_args(annotation) else number
        saved, loaded = kept(value, annotation)
        assert saved.format == "json" and not saved.notices
        assert same(value, loaded) or loaded == number


def test_a_whole_number_is_a_float_where_the_code_says_so():
    """3 under an annotation of float is 3.0, as it is for a type checker."""
    saved, loaded = kept(3, float)
    assert type(loaded) is float and not saved.notices


def test_the_code_that_reads_decides_the_type():
    """A dict is read as the model that the next step asks for, and a wrong one is told by its place."""
    _, loaded = kept({"orderNumber": 3, "share": 2}, Any, read_as=Order)
    assert loaded == Order(number=3, share=2.0)
    _, loaded = kept({"orderNumber": 3, "by_color": {"r": 1}, "share": math.nan}, Any, read_as=Order)
    assert isinstance(loaded, Order)
    with pytest.raises(ArtifactError, match=r"does not fit .*Order: \['orderNumber'\]: Field required"):
        read(kept({"share": 1})[0], Order)


def test_no_class_is_named_by_what_is_stored():
    """A stored value builds plain values only, whatever somebody writes into the row."""
    for tag in ("os.system", "object", "Order"):
        with pytest.raises(KeyError):
            artifacts.load("json", Any, value={"__trainyard__": 1, "exact": False, "value": {"$": tag, "v": "ls"}})


@pytest.mark.parametrize("value", ["x" * 40_000, "a\0b", "half \ud800", ["\ud800"], list(range(20_000))])
def test_what_a_row_cannot_hold_is_a_file(value):
    """Large values, zero characters and half ones are kept in a file, whole."""
    for annotation in (Any, type(value)):
        saved, loaded = kept(value, annotation)
        assert saved.value is None and saved.file.suffix == ".json" and loaded == value


def test_a_value_that_holds_itself_is_no_json():
    """A circle is pickled, and does not end the process."""
    value = [1]
    value.append(value)
    saved, loaded = kept(value, list)
    assert saved.format == "cloudpickle" and loaded[1] is loaded


def test_the_type_is_named_as_its_author_would():
    """People read list[str] and shop.Order, without the module that a library hides."""
    assert kept(["a"], list[str])[0].type == "list[str]"
    assert kept({"a": 1}, dict[str, int | None])[0].type == "dict[str, int | None]"
    assert kept(Order(number=1), Order)[0].type == f"{__name__}.Order"
    assert kept(Order(number=1), Order | None)[0].type == f"{__name__}.Order"
    assert kept(None)[0].type == "None"


def test_a_tree_shows_what_is_inside():
    """The preview of a value is its fields and items, enums by their value; a text is a text."""
    saved, _ = kept(Order(number=3, by_color={Color.blue: 1}), Order)
    assert saved.preview == {
        "kind": "tree",
        "value": {"number": 3, "by_color": {"Color.blue": 1}, "share": 1.0},
        "cut": False,
    }
    assert kept("hello")[0].preview == {"kind": "text", "text": "hello", "length": 5, "cut": False}


@pytest.mark.parametrize("value", [list(range(10**5)), {str(i) * 50: "ğ" * 999 for i in range(999)}, "\x01" * 10**6])
def test_the_preview_of_a_large_value_is_small(value):
    """However large a value is, its preview fits and says that there is more."""
    saved, _ = kept(value)
    assert saved.preview["cut"] is True and len(json.dumps(saved.preview)) > 500


def test_a_deep_value_has_a_preview():
    """Lists in lists in lists are cut at some depth."""
    value = []
    for _ in range(60):
        value = [value]
    assert kept(value)[0].preview["cut"] is True


def test_values_that_spoil_a_preview_do_no_harm():
    """An object whose text raises is shown by its class."""

    class Rude:
        def __str__(self):
            raise RuntimeError

    assert previews.cell(Rude()) == "<Rude>"
    assert previews.cell(10**5000) == "a very large number" and previews.cell(2**60) == str(2**60)
    assert previews.cell("a\0\ud800") == "a?"
