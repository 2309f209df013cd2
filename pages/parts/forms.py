"""Widgets made from the Params that steps declare: the form asks for exactly what has an effect."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from jobs.pipelines import Param
from jobs.tabular import algorithms
from jobs.tabular.csv.dialect import DELIMITERS, ENCODINGS
from store.errors import Refused

ACROSS = 3
ENCODING_WORDS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1254": "Turkish (cp1254)",
    "latin-1": "Western European (latin-1)",
    "cp1252": "Western European (cp1252)",
    "cp1250": "Central European (cp1250)",
    "cp1251": "Cyrillic (cp1251)",
    "cp1253": "Greek (cp1253)",
    "cp1255": "Hebrew (cp1255)",
    "cp1256": "Arabic (cp1256)",
    "cp1257": "Baltic (cp1257)",
    "iso-8859-2": "Central European (iso-8859-2)",
    "iso-8859-9": "Turkish (iso-8859-9)",
}
DIALECT_CHOICES: dict[str, tuple[str, dict[Any, str]]] = {
    "encoding": ("Letters (encoding)", {name: ENCODING_WORDS.get(name, name) for name in ENCODINGS}),
    "delimiter": ("Columns are separated by", {sign: word.capitalize() for sign, word in DELIMITERS.items()}),
    "decimal": ("Decimal mark", {".": "Point: 1.5", ",": "Comma: 1,5"}),
    "thousands": ("Thousands mark", {"": "None", ".": "Point: 1.000", ",": "Comma: 1,000"}),
    "header": ("First line", {True: "Column names", False: "Data"}),
    "day_first": ("Dates such as 03/04", {True: "3 April (day first)", False: "March 4 (month first)"}),
}

_KEYS = re.compile(r"\b(" + "|".join(map(re.escape, algorithms.ALGORITHMS)) + r")\b")


def param_widgets(
    params: Sequence[Param], values: Mapping[str, Any], key: str, columns: Sequence[str] = ()
) -> dict[str, Any]:
    """Draw one widget a param and return what they hold; values that do not fit a param give way to its default."""
    chosen: dict[str, Any] = {param.name: param.default for param in params if len(param.choices) == 1}
    usual = [param for param in params if not param.advanced and param.name not in chosen]
    advanced = [param for param in params if param.advanced and param.name not in chosen]
    chosen |= _grid(usual, values, key, columns)
    if advanced:
        with st.expander("More settings", type="compact", key=f"{key}-more"):
            chosen |= _grid(advanced, values, key, columns)
    return {param.name: chosen[param.name] for param in params}


def dialect_widgets(key: str, dialect: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How a file is to be read; what is left to be found out is not in the answer."""
    known = dialect or {}
    chosen: dict[str, Any] = {}
    for name, (label, choices) in DIALECT_CHOICES.items():
        # What is known already stays known; what was found out by itself may be found out again.
        options = [None, *choices] if known.get(name) is None else list(choices)
        value = known.get(name)
        chosen[name] = st.selectbox(
            label,
            options,
            index=options.index(value) if value in options else 0,
            key=f"{key}-{name}",
            format_func={None: "Find out", **choices}.__getitem__,
        )
    return {name: value for name, value in chosen.items() if value is not None}


def touched(params: Sequence[Param], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the chosen values that are not the defaults."""
    return {
        param.name: chosen[param.name]
        for param in params
        if param.name in chosen and chosen[param.name] != param.default
    }


def fitting(param: Param, value: Any) -> Any:
    """The value as this param's kind, or its default when the value does not fit."""
    try:
        return param.read(value)
    except Refused:
        return param.default


def labelled(sentence: str) -> str:
    """A refusal with the names of the algorithms as people read them: Boosting, not hist_gradient_boosting_…."""
    return _KEYS.sub(lambda found: algorithms.ALGORITHMS[found[0]].label, sentence)


def _grid(params: Sequence[Param], values: Mapping[str, Any], key: str, columns: Sequence[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    wide = [param for param in params if param.kind == "columns"]
    narrow = [param for param in params if param.kind != "columns"]
    for start in range(0, len(narrow), ACROSS):
        cells = st.columns(ACROSS, vertical_alignment="bottom")
        for cell, param in zip(cells, narrow[start : start + ACROSS], strict=False):
            with cell:
                chosen[param.name] = _widget(param, fitting(param, values.get(param.name)), key, columns)
    for param in wide:
        chosen[param.name] = _widget(param, fitting(param, values.get(param.name)), key, columns)
    return chosen


def _widget(param: Param, value: Any, key: str, columns: Sequence[str]) -> Any:
    common: dict[str, Any] = {"label": param.label, "key": f"{key}-{param.name}", "help": _help(param)}
    if param.kind == "bool":
        return st.toggle(value=bool(value), **common)
    if param.kind == "int":
        return _whole(param, value, common)
    if param.kind == "float":
        return _number(param, value, common)
    if param.kind == "columns":
        return (
            st.multiselect(
                options=list(columns), default=_known(value, columns), placeholder="All that were proposed", **common
            )
            or None
        )
    if param.choices or param.kind == "column":
        return _choice(param, value, common, columns)
    return st.text_input(value="" if value is None else str(value), **common)


def _whole(param: Param, value: Any, common: dict[str, Any]) -> int | None:
    chosen = st.number_input(
        value=value,
        min_value=None if param.low is None else math.ceil(param.low),
        max_value=None if param.high is None else math.floor(param.high),
        step=1,
        placeholder="not set",
        **common,
    )
    return None if chosen is None else int(chosen)


def _number(param: Param, value: Any, common: dict[str, Any]) -> float | None:
    chosen = st.number_input(
        value=None if value is None else float(value),
        min_value=_float(param.low),
        max_value=_float(param.high),
        step=_pace(param),
        format="%g",
        placeholder="not set",
        **common,
    )
    # Stepping up by 0.05 leaves 0.15000000000000002 behind; nobody meant that.
    return None if chosen is None else float(f"{chosen:.10g}")


def _choice(param: Param, value: Any, common: dict[str, Any], columns: Sequence[str]) -> Any:
    options = list(param.choices or columns)
    index = options.index(value) if value in options else None
    return st.selectbox(options=options, index=index, format_func=_words if param.choices else str, **common)


def _known(value: Any, columns: Sequence[str]) -> list[str]:
    return [name for name in value or [] if name in columns]


def _words(choice: str) -> str:
    """most_frequent is shown as Most frequent, mlp as Neural network."""
    if choice in algorithms.ALGORITHMS:
        return algorithms.ALGORITHMS[choice].label
    return choice.replace("_", " ").capitalize()


def _pace(param: Param) -> float:
    """How far one click on plus or minus goes: a tenth of the default, as a round number."""
    size = abs(param.default) if param.default else (param.high or 1.0) / 10
    return float(10 ** math.floor(math.log10(size))) / (10 if param.logarithmic else 2)


def _help(param: Param) -> str | None:
    """What the param does, and its range."""
    said = [param.help] if param.help else []
    if not param.choices and (param.low is not None or param.high is not None):
        said.append(f"{param.range_words().capitalize()}.")
    return " ".join(said) or None


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
