"""From raw rows to numbers: a scikit-learn Pipeline made of nothing but scikit-learn, pandas and the standard library,
so that a downloaded model needs none of this project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from jobs.tabular.limits import HUGE, MISSING
from jobs.tabular.matrix import Form

# Different values of a column that are remembered, and what they all may take; more begin anew.
MOST_KNOWN = 100_000
KNOWN_BYTES = 128 << 20
MADE_BYTES = 64 << 20
# What stands for a gap where a number is told by one byte.
GAP = 255

_EPOCH = pd.Timestamp("2000-01-01", tz="UTC")


@dataclass(frozen=True, slots=True)
class Choices:
    """How columns become numbers."""

    gaps: str
    text_gaps: str
    scaling: str
    max_categories: int
    decimal: str
    thousands: str


def build(columns: list[dict[str, Any]], names: Mapping[str, str], choices: Choices) -> Pipeline:
    """The unfitted way from raw rows to a float32 matrix; `names` maps names in the file to ours where they differ."""
    parts: list[tuple[str, Pipeline, list[str]]] = []
    for label, chosen, make in (
        ("numbers", [c for c in columns if c["kind"] == "number"], _numbers),
        ("words", [c for c in columns if c["kind"] == "text" and not c.get("codes")], _words),
        ("codes", [c for c in columns if c["kind"] == "text" and c.get("codes")], _codes),
        ("yes_no", [c for c in columns if c["kind"] == "yes_no"], _yes_no),
    ):
        if chosen:
            parts.append((label, make(choices), [c["name"] for c in chosen]))
    for position, column in enumerate(c for c in columns if c["kind"] == "date"):
        parts.append((f"date_{position}", _dates(column["format"], choices), [column["name"]]))
    return Pipeline(
        [
            ("names", _call("rename", columns=_renaming(columns, names))),
            ("columns", ColumnTransformer(parts, sparse_threshold=0.0)),
            ("float32", _call("astype", np.float32)),
        ]
    )


def fit(way: Pipeline, rows: pd.DataFrame) -> None:
    """Fit the way on rows of the typed table: to the same state as scikit-learn would bring it, but sooner."""
    columns = way.named_steps["columns"]
    whole = columns.transformers
    columns.transformers = [(label, _short(label, part, rows[names]), names) for label, part, names in whole]
    way.fit(rows)
    fitted = {label: part for label, part, _names in columns.transformers_}
    columns.transformers = whole
    columns.transformers_ = [(label, _long(part, fitted[label], rows[names]), names) for label, part, names in whole]


def _short(label: str, part: Pipeline, rows: pd.DataFrame) -> Pipeline:
    """What there is to fit: numbers were read when the table was made. Medians are found by numpy itself, the same ones
    in a sixth of the time; only a column without any value needs scikit-learn's masked arrays."""
    names = [name for name, _step in part.steps]
    if "gaps" not in names or "categories" in names:
        return part
    short = clone(Pipeline(part.steps[names.index("gaps") :] if label == "numbers" else part.steps))
    if short.named_steps["gaps"].strategy == "median" and rows.count().all():
        short.named_steps["gaps"].strategy = np.median
    return short


def _long(part: Pipeline, fitted: Pipeline, rows: pd.DataFrame) -> Pipeline:
    """The fitted part with all of its steps."""
    before = clone(Pipeline(part.steps[: -len(fitted.steps)]))
    if before.steps:
        before.fit(rows[:1])
    if gaps := fitted.named_steps.get("gaps"):
        gaps.strategy = part.named_steps["gaps"].strategy
    return Pipeline([*before.steps, *fitted.steps])


def _renaming(columns: list[dict[str, Any]], names: Mapping[str, str]) -> dict[str, str]:
    used = {column["name"] for column in columns}
    return {written: name for written, name in names.items() if name in used and written != name}


def _trim() -> tuple[str, FunctionTransformer]:
    """Cells that were read as text, without blanks around them."""
    return "trim", _call("replace", r"^\s+|\s+$", "", regex=True)


def _call(method: str, *arguments: Any, **named: Any) -> FunctionTransformer:
    """A step that calls a method of what it gets."""
    return FunctionTransformer(methodcaller(method, *arguments, **named))


def _numbers(choices: Choices) -> Pipeline:
    steps: list[tuple[str, Any]] = [_trim()]
    if choices.thousands:
        mark, decimal = "\\" + choices.thousands, "\\" + choices.decimal
        # Only marks that group three digits are thousands marks; any other makes the cell unreadable.
        grouped = rf"[+-]?\d{{1,3}}({mark}\d{{3}})+({decimal}\d+)?$"
        steps.append(("ungrouped", _call("replace", rf"^(?!{grouped})[^{mark}]*{mark}(?s:.*)$", "", regex=True)))
        steps.append(("ungroup", _call("replace", mark, "", regex=True)))
    if choices.decimal == ",":
        steps.append(("decimal_point", _call("replace", ",", ".", regex=True)))
    steps += [
        ("numbers", _call("apply", pd.to_numeric, errors="coerce")),
        ("floats", _call("astype", "float64")),
        ("finite", _call("apply", methodcaller("where", methodcaller("between", -HUGE, HUGE)))),
    ]
    return Pipeline([*steps, *_gaps_and_scale(choices)])


def _gaps_and_scale(choices: Choices) -> list[tuple[str, Any]]:
    strategy = "constant" if choices.gaps == "zero" else choices.gaps
    fill = 0 if choices.gaps == "zero" else None
    steps: list[tuple[str, Any]] = [
        ("gaps", SimpleImputer(strategy=strategy, fill_value=fill, keep_empty_features=True))
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
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=choices.max_categories,
        sparse_output=False,
        dtype=np.float32,
    )
    return Pipeline([*steps, ("categories", encoder)])


def _codes(choices: Choices) -> Pipeline:
    """Codes such as 00123, which somebody else may have read as the number 123 or 123.0."""
    return _words(choices, ("code", _call("replace", {r"^([+-]?\d+)\.0$": r"\1", r"^0+(?=\d)": ""}, regex=True)))


def _yes_no(choices: Choices) -> Pipeline:
    return _words(choices, ("case", _call("map", str.casefold, na_action="ignore")))


def _dates(form: str, choices: Choices) -> Pipeline:
    def part(path: str) -> FunctionTransformer:
        return _call("apply", attrgetter(path))

    parts = FeatureUnion(
        [
            ("days", Pipeline([("since", _call("sub", _EPOCH)), ("days", part("dt.days"))])),
            ("month", part("dt.month")),
            ("weekday", part("dt.day_of_week")),
        ]
    )
    return Pipeline(
        [
            _trim(),
            ("dates", _call("apply", pd.to_datetime, format=form, errors="coerce", utc=True)),
            ("parts", parts),
            ("floats", _call("astype", "float64")),  # also where no row has a gap
            *_gaps_and_scale(choices),
        ]
    )


class Ready:
    """A fitted way for parts of the typed table: what its `transform` gives for them, to the last bit, but faster, and
    packed into few bytes.

    Numbers, which need no reading any more, go straight through the fitted figures. Of everything else, each different
    value goes through the way once."""

    def __init__(self, fitted: Pipeline, columns: Sequence[dict[str, Any]] = ()) -> None:
        """`columns` says what the profile of the whole table knows of them."""
        self._width = dict(widths(fitted))
        self._parts = [
            (label, part, list(names))
            for label, part, names in fitted.named_steps["columns"].transformers_
            if isinstance(part, Pipeline)
        ]
        self._known: dict[str, tuple[pa.Array, np.ndarray]] = {}
        whole = {column["name"]: column for column in columns if column["kind"] == "number" and column["whole"]}
        self._lowest = {name: column["min"] for name, column in whole.items() if _different(column) <= GAP + 1}
        self._full = {name for name, column in whole.items() if column["max"] - column["min"] == GAP}
        self.form = self._formed()

    def _formed(self) -> Form:
        numbers: list[int] = []
        tables: dict[int, np.ndarray] = {}
        marked: list[tuple[int, int]] = []
        start = 0
        for label, part, names in self._parts:
            for position, name in enumerate(names):
                width = self._width[name]
                if "categories" in part.named_steps:
                    marked.append((start, width))
                elif label == "numbers" and name in self._lowest:
                    values = np.arange(GAP + 1, dtype=np.float64) + self._lowest[name]
                    values[GAP] = values[GAP] if name in self._full else np.nan
                    tables[start] = _scaled(part, position, values).astype(np.float32)
                else:
                    numbers += range(start, start + width)
                start += width
        return Form(numbers, list(tables), np.array([*tables.values()], np.float32).reshape(-1, GAP + 1), marked)

    def pack(self, rows: pa.Table) -> np.ndarray:
        """What `form` unpacks to a float32 matrix."""
        found: np.ndarray = np.empty(rows.num_rows, self.form.dtype)
        numbers = found if self.form.plain else found["numbers"]
        number = looked_up = marked = 0
        for label, part, names in self._parts:
            if label != "numbers":
                self._learn(part, rows.select(names))
            for position, name in enumerate(names):
                column, width = rows[name], self._width[name]
                if label == "numbers" and name in self._lowest:
                    found["looked_up"][:, looked_up] = _places(column.to_numpy(), self._lowest[name])
                    looked_up += 1
                elif label == "numbers":
                    numbers[:, number] = _scaled(part, position, column.to_numpy())
                    number += 1
                else:
                    values, made = self._known[name]
                    known = made[pc.index_in(column, value_set=values).to_numpy()]
                    if "categories" in part.named_steps:
                        found["marked"][:, marked] = known
                        marked += 1
                    else:
                        numbers[:, number : number + width] = known
                        number += width
        return found

    def _learn(self, part: Pipeline, rows: pa.Table) -> None:
        """Put values that were not seen yet through the way, all columns at once."""
        new = {}
        for name in rows.column_names:
            values = rows[name].unique()
            most = min(MOST_KNOWN, KNOWN_BYTES // (4 * self.form.width))
            if name in self._known and len(self._known[name][0]) < most:
                values = values.filter(pc.invert(pc.is_in(values, value_set=self._known[name][0])))
            else:
                self._known.pop(name, None)
            new[name] = values
        longest = max(map(len, new.values()))
        padded = pa.table(
            {
                name: pa.concat_arrays([values, pa.nulls(longest - len(values), values.type)])
                for name, values in new.items()
            }
        )
        at_once = max(1, MADE_BYTES // (4 * sum(self._width[name] for name in new)))
        made = [self._made(part, padded.slice(start, at_once)) for start in range(0, longest, at_once)]
        for name, values in new.items() if made else ():
            own = np.concatenate([each[name] for each in made])[: len(values)]
            if name in self._known:
                known, before = self._known[name]
                values, own = pa.concat_arrays([known, values]), np.concatenate([before, own])
            self._known[name] = values, own

    def _made(self, part: Pipeline, rows: pa.Table) -> dict[str, np.ndarray]:
        """What the way makes of each value; of a category, the place of the one that is marked, or one beyond."""
        found: dict[str, np.ndarray] = {}
        made, start = part.transform(rows.to_pandas()).astype(np.float32), 0
        for name in rows.column_names:
            own = made[:, start : start + self._width[name]]
            start += self._width[name]
            if "categories" in part.named_steps:
                own = np.where(own.any(axis=1), own.argmax(axis=1), self._width[name]).astype(np.uint16)
            found[name] = own
        return found


def _different(column: dict[str, Any]) -> int:
    """How many whole numbers there may be in a column, a gap counted as one."""
    return int(column["max"] - column["min"]) + 1 + (column["missing"] > 0)


def _places(values: np.ndarray, lowest: int) -> np.ndarray:
    """What stands in a row for each number that is looked up."""
    return np.where(np.isnan(values), GAP, values - lowest).astype(np.uint8)


def _scaled(part: Pipeline, position: int, values: np.ndarray) -> np.ndarray:
    """One column of numbers as the fitted imputer and scaler change it."""
    gaps, scale = part.named_steps["gaps"], part.named_steps.get("scale")
    missing = np.isnan(values)
    if missing.any():
        values = np.where(missing, gaps.statistics_[position], values)
    if isinstance(scale, StandardScaler):
        return (values - scale.mean_[position]) / scale.scale_[position]
    if isinstance(scale, MinMaxScaler):
        return values * scale.scale_[position] + scale.min_[position]
    return values


def widths(fitted: Pipeline) -> list[tuple[str, int]]:
    """The original columns in the order of the matrix, each with the number of its columns there."""
    found: list[tuple[str, int]] = []
    for label, part, names in fitted.named_steps["columns"].transformers_:
        if not isinstance(part, Pipeline):
            continue
        for position, name in enumerate(names):
            if "categories" in part.named_steps:
                encoder = part.named_steps["categories"]
                rare = encoder.infrequent_categories_[position]
                found.append((name, len(encoder.categories_[position]) - (0 if rare is None else len(rare) - 1)))
            else:
                found.append((name, 3 if label.startswith("date_") else 1))
    return found


def deeds(fitted: Pipeline, columns: list[dict[str, Any]], gaps: Mapping[str, int], choices: Choices) -> dict[str, str]:
    """What was done with each column, in plain words."""
    by_name = {column["name"]: column for column in columns}
    found: dict[str, str] = {}
    for _label, part, names in fitted.named_steps["columns"].transformers_:
        if not isinstance(part, Pipeline):
            continue
        for position, name in enumerate(names):
            done = [_gap_words(part, position, gaps.get(name, 0), by_name[name], choices)]
            done += _made_words(part, position, by_name[name], choices)
            words = "; ".join(word for word in done if word)
            found[name] = words[:1].upper() + words[1:] if words else "Taken as it is"
    return found


def _gap_words(part: Pipeline, position: int, count: int, column: dict[str, Any], choices: Choices) -> str:
    if not count:
        return ""
    many = f"{count:,} {'gap' if count == 1 else 'gaps'}"
    if "gaps" not in part.named_steps:
        return f"{many} became a category of their own"
    value = part.named_steps["gaps"].statistics_[position]
    if column["kind"] == "date":
        return f"{many} filled with the {choices.gaps} date" if choices.gaps != "zero" else f"{many} filled with zero"
    if column["kind"] == "number":
        word = {"median": "the median ", "mean": "the mean ", "zero": ""}[choices.gaps]
        return f"{many} filled with {word}{float(value):,.6g}"
    return f"{many} filled with the most frequent value, {value}"


def _made_words(part: Pipeline, position: int, column: dict[str, Any], choices: Choices) -> list[str]:
    scaled = {"standard": "scaled to mean 0 and spread 1", "minmax": "scaled to 0 to 1", "none": ""}[choices.scaling]
    if column["kind"] == "number":
        return [scaled]
    if column["kind"] == "date":
        return ["split into days, month and weekday", scaled]
    encoder = part.named_steps["categories"]
    kinds = len(encoder.categories_[position])
    rare = encoder.infrequent_categories_[position]
    words = [f"one column for each of {kinds - (0 if rare is None else len(rare)):,} values"]
    if rare is not None and len(rare):
        words.append(f"{len(rare):,} rare values share one column")
    return words
