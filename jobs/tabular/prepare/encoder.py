"""The encoder from raw rows to numbers: a scikit-learn Pipeline made of nothing but scikit-learn, pandas and the
standard library, so that a downloaded model needs none of this project."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter, methodcaller
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from jobs.tabular.column import Column
from jobs.tabular.limits import HUGE, MISSING
from jobs.tabular.prepare import categories
from jobs.tabular.prepare.categories import ENCODINGS, MANY, encodings, is_category
from jobs.tabular.prepare.tails import Tail
from jobs.tabular.units import LEADING, TRAILING

# How the labels of parts of squashed numbers begin.
TAIL = "tail_"
_EPOCH = pd.Timestamp("2000-01-01", tz="UTC")
# The small letters of these; of all others, scikit-learn knows them. Only in Turkish, I is the capital of ı.
_SMALL = {ord("İ"): "i"}
_TURKISH = {**_SMALL, ord("I"): "ı"}
# How long a row of words is, where other columns have a spread of 1: a text tells more than one of them.
TEXT_LENGTH = 4.0
# The step that knows the words of a text.
WORDS = "words"
# The columns of words of all texts together.
MOST_WORDS = 10_000


@dataclass(frozen=True, slots=True)
class Choices:
    """How columns become numbers, as chosen."""

    gaps: str
    text_gaps: str
    scaling: str
    max_categories: int
    decimal: str
    thousands: str
    max_words: int = 1_000
    units: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the training rows ask for: which columns are squashed, and which categories have many values; whether
    classes are predicted; and in which texts I is the capital of ı."""

    tails: Mapping[str, Tail] = field(default_factory=dict)
    many: Sequence[str] = ()
    classes: bool = True
    turkish: Collection[str] = ()


def build(
    columns: Sequence[Column], names: Mapping[str, str], choices: Choices, found: Found | None = None
) -> Pipeline:
    """Return the unfitted encoder from raw rows to a float32 matrix; `names` maps names in the file to names here where
    they differ, and `found` says what the training rows ask for."""
    parts: list[tuple[str, Pipeline, list[str]]] = []
    found = found or Found()
    squashed, many = found.tails, found.many
    choices = replace(choices, units=any(column.unit for column in columns if column.kind == "number"))
    for label, chosen, make in (
        ("numbers", [c for c in columns if c.kind == "number" and c.name not in squashed], _numbers),
        ("words", [c for c in columns if c.kind == "text" and not c.codes and c.name not in many], _words),
        ("codes", [c for c in columns if c.kind == "text" and c.codes and c.name not in many], _codes),
        ("yes_no", [c for c in columns if c.kind == "yes_no"], _yes_no),
    ):
        if chosen:
            parts.append((label, make(choices), [c.name for c in chosen]))
    for position, column in enumerate(c for c in columns if c.name in many):
        few = (_codes if column.codes else _words)(choices)
        last = encodings(few[-1], MinMaxScaler() if choices.scaling == "minmax" else StandardScaler(), found.classes)
        parts.append((f"{MANY}{position}", Pipeline([*few.steps[:-1], (ENCODINGS, last)]), [column.name]))
    for position, tail in enumerate(dict.fromkeys(squashed.values())):
        own = [name for name, each in squashed.items() if each == tail]
        parts.append((f"{TAIL}{position}", _numbers(choices, *tail.steps()), own))
    for position, column in enumerate(c for c in columns if c.kind == "date"):
        parts.append((f"date_{position}", _dates(column, choices), [column.name]))
    texts = [column for column in columns if column.kind == "free_text"]
    for position, column in enumerate(texts):
        most = max(1, min(choices.max_words, MOST_WORDS // len(texts)))
        parts.append((f"text_{position}", _texts(most, column.name in found.turkish, choices), [column.name]))
    return Pipeline(
        [
            ("names", _call("rename", columns=_renaming(columns, names))),
            ("columns", ColumnTransformer(parts, sparse_threshold=0.0)),
            ("float32", _call("astype", np.float32)),
        ]
    )


def of_numbers(label: str) -> bool:
    """Return whether the part of this label takes columns of numbers."""
    return label == "numbers" or label.startswith(TAIL)


def fit(encoder: Pipeline, rows: pd.DataFrame, target: np.ndarray | None = None) -> None:
    """Fit the encoder on rows of the typed table: to the same state as scikit-learn would bring it, but faster. The
    target is needed only where a category has many values.

    `transformers_` is a documented attribute, which scikit-learn does not write again after a fit; a test holds that
    it transforms by the parts put there. Parts wrapped as FrozenEstimator would stay wrapped in the model file."""
    columns = encoder.named_steps["columns"]
    whole = columns.transformers
    columns.transformers = [(label, _short(label, part, rows[names]), names) for label, part, names in whole]
    # Learning words needs no matrix in which nearly all is 0.
    columns.sparse_threshold = 1.0
    categories.fit(encoder, rows, target)
    columns.sparse_threshold, columns.sparse_output_ = 0.0, False
    fitted = {label: part for label, part, _names in columns.transformers_}
    columns.transformers = whole
    columns.transformers_ = [(label, _long(part, fitted[label], rows[names]), names) for label, part, names in whole]


def _short(label: str, part: Pipeline, rows: pd.DataFrame) -> Pipeline:
    """Return the part with the steps that learn from the typed table: its numbers were read when the table was made.

    numpy finds the same medians as scikit-learn in a sixth of the time; only a column without any value needs
    scikit-learn's masked arrays."""
    names = [name for name, _step in part.steps]
    if "gaps" not in names or is_category(part):
        return part
    short = clone(Pipeline(part.steps[names.index("gaps") :] if of_numbers(label) else part.steps))
    if short.named_steps["gaps"].strategy == "median" and rows.count().all():
        short.named_steps["gaps"].strategy = np.median
    return short


def _long(part: Pipeline, fitted: Pipeline, rows: pd.DataFrame) -> Pipeline:
    """Return the fitted part with all of its steps."""
    before = clone(Pipeline(part.steps[: -len(fitted.steps)]))
    for _name, step in before.steps:  # none of them changes which columns there are, which is all that they learn
        step.fit(rows[:1])
    if gaps := fitted.named_steps.get("gaps"):
        gaps.strategy = part.named_steps["gaps"].strategy
    return Pipeline([*before.steps, *fitted.steps])


def _renaming(columns: Sequence[Column], names: Mapping[str, str]) -> dict[str, str]:
    used = {column.name for column in columns}
    return {written: name for written, name in names.items() if name in used and written != name}


def _trim() -> tuple[str, FunctionTransformer]:
    """Return the step that strips blanks off cells which were read as text."""
    return "trim", _call("replace", r"^\s+|\s+$", "", regex=True)


def _call(method: str, *arguments: Any, **named: Any) -> FunctionTransformer:
    """Return a step that calls a method of what it gets."""
    return FunctionTransformer(methodcaller(method, *arguments, **named))


def _numbers(choices: Choices, *squash: tuple[str, Any]) -> Pipeline:
    steps: list[tuple[str, Any]] = [_trim()]
    if choices.units:
        steps.append(("leading_unit", _call("replace", LEADING, r"\1\2", regex=True)))
        steps.append(("trailing_unit", _call("replace", TRAILING, r"\1", regex=True)))
    if choices.thousands:
        mark, decimal = "\\" + choices.thousands, "\\" + choices.decimal
        # Only marks that group three digits are thousands marks; any other makes the cell unreadable.
        grouped = rf"[+-]?[1-9]\d{{0,2}}({mark}\d{{3}})+({decimal}\d+)?$"
        steps.append(("ungrouped", _call("replace", rf"^(?!{grouped})[^{mark}]*{mark}(?s:.*)$", "", regex=True)))
        steps.append(("ungroup", _call("replace", mark, "", regex=True)))
    if choices.decimal == ",":
        steps.append(("decimal_point", _call("replace", ",", ".", regex=True)))
    steps += [
        ("numbers", _call("apply", pd.to_numeric, errors="coerce")),
        ("floats", _call("astype", "float64")),
        ("finite", _call("apply", methodcaller("where", methodcaller("between", -HUGE, HUGE)))),
    ]
    return Pipeline([*steps, *_gaps_and_scale(choices, *squash)])


def _gaps_and_scale(choices: Choices, *squash: tuple[str, Any]) -> list[tuple[str, Any]]:
    strategy = "constant" if choices.gaps == "zero" else choices.gaps
    fill = 0 if choices.gaps == "zero" else None
    steps: list[tuple[str, Any]] = [
        ("gaps", SimpleImputer(strategy=strategy, fill_value=fill, keep_empty_features=True)),
        *squash,
    ]
    if choices.scaling != "none":
        steps.append(("scale", StandardScaler() if choices.scaling == "standard" else MinMaxScaler()))
    return steps


def _words(choices: Choices, *also: tuple[str, Any]) -> Pipeline:
    steps: list[tuple[str, Any]] = [
        ("text", _call("astype", "str")),
        ("trim", _call("map", str.strip, na_action="ignore")),
        ("missing", _call("mask", methodcaller("isin", list(MISSING)))),
        *also,
        ("objects", _call("astype", object)),
    ]
    if choices.text_gaps == "most_frequent":
        steps.append(("gaps", SimpleImputer(strategy="most_frequent", keep_empty_features=True)))
    else:  # an empty text, which is one value like any other
        steps.append(("blank", _call("fillna", "")))
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=choices.max_categories,
        sparse_output=False,
        dtype=np.float32,
    )
    return Pipeline([*steps, ("categories", encoder)])


def _codes(choices: Choices) -> Pipeline:
    """Return the part for codes such as 00123, which other programs read as the number 123 or 123.0."""
    return _words(choices, ("code", _call("replace", {r"^([+-]?\d+)\.0$": r"\1", r"^0+(?=\d)": ""}, regex=True)))


def _yes_no(choices: Choices) -> Pipeline:
    return _words(choices, ("case", _call("map", str.casefold, na_action="ignore")))


def _date_part(name: str) -> Pipeline | FunctionTransformer:
    if name == "days":
        return Pipeline([("since", _call("sub", _EPOCH)), ("days", _call("apply", attrgetter("dt.days")))])
    return _call("apply", attrgetter("dt.day_of_week" if name == "weekday" else f"dt.{name}"))


def _dates(column: Column, choices: Choices) -> Pipeline:
    form = column.format or "ISO8601"
    parts = FeatureUnion([(name, _date_part(name)) for name in column.date_parts])
    return Pipeline(
        [
            _trim(),
            ("dates", _call("apply", pd.to_datetime, format=form, errors="coerce", utc=True)),
            ("parts", parts),
            ("floats", _call("astype", "float64")),  # also where no row has a gap
            *_gaps_and_scale(choices),
        ]
    )


def _texts(most: int, turkish: bool, choices: Choices) -> Pipeline:
    """Return the part that counts the words of a text: the rarer a word, the more it counts, however long the text."""
    steps: list[tuple[str, Any]] = [
        ("one", _call("squeeze", axis="columns")),
        ("text", _call("astype", "str")),
        ("trim", _call("map", str.strip, na_action="ignore")),
        ("missing", _call("mask", methodcaller("isin", list(MISSING)))),
        ("objects", _call("astype", object)),  # of gaps alone, pandas makes numbers, which an empty text is none of
        ("empty", _call("fillna", "")),
        ("composed", _call("map", partial(normalize, "NFC"))),
        ("small", _call("map", methodcaller("translate", _TURKISH if turkish else _SMALL))),
        (WORDS, TfidfVectorizer(max_features=most, sublinear_tf=True, dtype=np.float32)),
    ]
    if choices.scaling == "standard":
        steps.append(("length", _call("multiply", TEXT_LENGTH)))
    return Pipeline(steps)


def words_of(part: Any) -> TfidfVectorizer | None:
    """Return the fitted part that knows the words of a text; None where a part is no text."""
    return part.named_steps.get(WORDS) if isinstance(part, Pipeline) else None


def _is_date(label: str) -> bool:
    return label.startswith("date_")


def widths(fitted: Pipeline) -> list[tuple[str, int]]:
    """Return the original columns in the order of the matrix, each with the number of its columns there."""
    columns: list[tuple[str, int]] = []
    for label, part, names in fitted.named_steps["columns"].transformers_:
        if not isinstance(part, Pipeline):
            continue
        for position, name in enumerate(names):
            if words := words_of(part):
                columns.append((name, len(words.vocabulary_)))
            elif is_category(part):
                columns.append((name, categories.width_of(part, position)))
            else:
                columns.append((name, len(part.named_steps["parts"].transformer_list) if _is_date(label) else 1))
    return columns


def spans(fitted: Pipeline) -> dict[str, slice]:
    """Return where in the matrix the columns of each original column are."""
    found, start = {}, 0
    for name, width in widths(fitted):
        found[name] = slice(start, start + width)
        start += width
    return found


def category_places(fitted: Pipeline) -> list[int]:
    """Return which columns of the matrix are categories as such."""
    parts = [(part, names) for _label, part, names in fitted.named_steps["columns"].transformers_]
    known = {name for part, names in parts if isinstance(part, Pipeline) and is_category(part) for name in names}
    return [own.start for name, own in spans(fitted).items() if name in known]
