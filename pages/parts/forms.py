"""Widgets made from the Params that steps declare: the form asks for exactly what has an effect."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import streamlit as st

from jobs.pipelines import Param
from jobs.pipelines.params import Params
from pages.parts import words
from store.errors import RequestError

ACROSS = 3
JSON_HEIGHT = 80
# Kinds of params that need the whole width.
WIDE = ("columns", "by_column", "json")
NUMBERS = ("int", "float")


@dataclass(frozen=True, slots=True)
class FormContext:
    """What a form needs to know besides its params: the columns of the data (None where there can be none), how a
    choice is shown, what tells its widgets from those before another choice was made, and what the pipeline proposes
    instead of the defaults."""

    columns: Sequence[str] | None = None
    choice: Callable[[str], str] = str
    suffix: str = ""
    proposed: Params = field(default_factory=dict)

    def offered(self, param: Param) -> Param:
        """The param with what is proposed as its default, if that fits."""
        if self.proposed.get(param.name) is None:
            return param
        return replace(param, default=fitting(param, self.proposed[param.name]))


def param_widgets(
    params: Sequence[Param], values: Params, key: str, context: FormContext | None = None
) -> dict[str, Any]:
    """Draw one widget a param and return what they hold; values that do not fit a param give way to its default."""
    context = context or FormContext()
    chosen: dict[str, Any] = {param.name: param.default for param in params if len(param.choices) == 1}
    usual = [param for param in params if not param.advanced and param.name not in chosen]
    advanced = [param for param in params if param.advanced and param.name not in chosen]
    chosen |= _grid(usual, values, key, context)
    if advanced:
        with st.expander("More settings", type="compact", key=f"{key}-more"):
            chosen |= _grid(advanced, values, key, context)
    return {param.name: chosen[param.name] for param in params}


def touched(params: Sequence[Param], chosen: Params) -> dict[str, Any]:
    """Those of the chosen values that are not the defaults; nothing chosen means the default."""
    return {
        param.name: chosen[param.name]
        for param in params
        if chosen.get(param.name) is not None and chosen[param.name] != param.default
    }


def fitting(param: Param, value: Any) -> Any:
    """The value as this param's kind, or its default when the value does not fit."""
    try:
        return param.read(value)
    except RequestError:
        return param.default


def _begun_with(param: Param, value: Any) -> Any:
    """What a widget holds at first: a number that is out of range, too, as it is refused and not changed in silence."""
    return fitting(replace(param, low=None, high=None), value) if param.kind in NUMBERS else fitting(param, value)


def changed_words(param: Param, value: Any, choice: Callable[[str], str] = str) -> str:
    """A setting and its value, such as: epochs 20; a text is quoted."""
    shown = words.value(value)
    if isinstance(value, str):
        named = choice(value)
        shown = (named if named == value else words.inside(named)) if param.choices else f'"{value}"'
    return words.plain(f"{words.inside(param.label)} {shown}")


def mark(choices: Iterable[Any]) -> str:
    """A short mark of some choices, to tell widgets apart by; texts of users do not belong into keys."""
    return f"{crc32(repr(list(choices)).encode('utf-8', 'replace')):x}"


def range_words(param: Param) -> str:
    """Between 0.001 and 1, as people write numbers."""
    low, high = (None if edge is None else words.number(float(edge)) for edge in (param.low, param.high))
    if low is None:
        return f"At most {high}."
    return f"At least {low}." if high is None else f"Between {low} and {high}."


def _grid(params: Sequence[Param], values: Params, key: str, context: FormContext) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    wide = [param for param in params if param.kind in WIDE]
    narrow = [param for param in params if param.kind not in WIDE]
    for start in range(0, len(narrow), ACROSS):
        cells = st.columns(ACROSS, vertical_alignment="bottom")
        for cell, param in zip(cells, narrow[start : start + ACROSS], strict=False):
            with cell:
                chosen[param.name] = _widget(param, _begun_with(param, values.get(param.name)), key, context)
    for param in wide:
        chosen[param.name] = _widget(param, fitting(param, values.get(param.name)), key, context)
    return chosen


def _widget(param: Param, value: Any, key: str, context: FormContext) -> Any:
    # Another proposal makes a new widget: an old one would keep the value that it was drawn with.
    proposal = f"-{mark([param.default])}" if param.name in context.proposed else ""
    common: dict[str, Any] = {
        "label": f"{param.label} *" if param.required else param.label,
        "key": f"{key}-{param.name}" + ("" if param.choices else context.suffix) + proposal,
        "help": _help(param),
    }
    if param.kind == "bool":
        return st.toggle(value=bool(value), **common)
    if param.kind == "int":
        return _whole(value, common)
    if param.kind == "float":
        return _number(param, value, common)
    if param.kind == "by_column":
        return _by_column(param, value or {}, common, context)
    if param.kind == "json":
        return _json(param, value, common)
    if param.kind == "columns":
        options = list(context.columns or ())
        known = [name for name in value or [] if name in options]
        return st.multiselect(options=options, default=known, placeholder="All that were proposed", **common) or None
    if param.choices or (param.kind == "column" and context.columns):
        return _choice(param, value, common, context)
    if param.kind == "column" and context.columns is not None:
        st.selectbox(options=[], disabled=True, placeholder="Choose a dataset first", **common)
        return param.default
    text = st.text_input(value="" if value is None else str(value), **common)
    # What must be given and is empty was not given; elsewhere an empty text is a text.
    return text or None if param.required else text


def _by_column(param: Param, value: Params, common: dict[str, Any], context: FormContext) -> dict[str, str] | None:
    """A line a column, with a choice where there are choices; the columns that were given a value."""
    names = list(context.columns or value)
    first = st.session_state.setdefault(f"{common['key']}-first", [value.get(name) for name in names])
    config = st.column_config
    st.markdown(words.plain(param.label), help=common["help"])
    edited = st.data_editor(
        {"column": names, "value": first},
        key=common["key"],
        hide_index=True,
        disabled=["column"],
        height=35 * (min(len(names), 6) + 1) + 3,
        column_config={
            "column": config.TextColumn("Column"),
            "value": config.SelectboxColumn(param.label, options=param.choices)
            if param.choices
            else config.TextColumn(param.label),
        },
    )
    chosen = {name: str(each) for name, each in zip(names, edited["value"], strict=True) if each}
    return chosen or None


def _json(param: Param, value: Any, common: dict[str, Any]) -> Any:
    """A text that is read as JSON where it is some; what it must be, its placeholder says."""
    shown = "" if value is None else json.dumps(value, ensure_ascii=False, indent=None)
    text = st.text_area(value=shown, height=JSON_HEIGHT, placeholder=f"{param.type}, as JSON", **common)
    return fitting(param, text) if text and text.strip() else None


def _whole(value: Any, common: dict[str, Any]) -> int | None:
    # Without limits: a field with limits keeps what is out of them to itself, and the last number would be taken.
    chosen = st.number_input(value=value, step=1, placeholder="not set", **common)
    return None if chosen is None else int(chosen)


def _number(param: Param, value: Any, common: dict[str, Any]) -> float | None:
    chosen = st.number_input(
        value=None if value is None else float(value),
        step=_pace(param),
        format="%g",
        placeholder="not set",
        **common,
    )
    # Stepping up by 0.05 leaves 0.15000000000000002 behind.
    return None if chosen is None else float(f"{chosen:.10g}")


def _choice(param: Param, value: Any, common: dict[str, Any], context: FormContext) -> Any:
    options = list(param.choices or context.columns or ())
    first = value if value in options else param.default  # a column that the dataset does not have
    index = options.index(first) if first in options else None
    chosen = st.selectbox(options=options, index=index, format_func=context.choice if param.choices else str, **common)
    return param.default if chosen is None else chosen  # nothing chosen is no change


def _pace(param: Param) -> float:
    """How far one click on plus or minus goes: a tenth of the default, as a round number."""
    size = abs(param.default) if param.default else (param.high or 1.0) / 10
    return float(10 ** math.floor(math.log10(size))) / (10 if param.logarithmic else 2)


def _help(param: Param) -> str | None:
    """What the param does, and its range."""
    parts = [param.help] if param.help else []
    if param.type:
        parts.append(f"{param.type}, must be given." if param.required else f"{param.type}.")
    if not param.choices and (param.low is not None or param.high is not None):
        parts.append(range_words(param))
    return " ".join(parts) or None
