"""How a dataset's columns, first rows and notices are drawn, wherever they are shown."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from jobs.language import sentence
from jobs.tabular.column import CATEGORY, DATE, NUMBER, TEXT, Column, columns_of
from jobs.tabular.dialect import CSV, words_of
from jobs.verbs import datasets
from pages.parts import presentation, tables, words
from pages.parts.tabular import reading
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Notice, Scalar, StoredNotice

KINDS = {
    "number": NUMBER,
    "text": CATEGORY,
    "yes_no": "yes / no",
    "date": DATE,
    "free_text": TEXT,
    "empty": "empty",
}
# What a column can be set to, by what its type is called; leaving one out is a tick of its own.
CHOSEN_KINDS = {
    NUMBER: NUMBER,
    CATEGORY: CATEGORY,
    DATE: DATE,
    TEXT: TEXT,
    "whole number": NUMBER,
    KINDS["yes_no"]: CATEGORY,
}
ROW = 35
# For contents and notes together there is so much room, in pixels, and a letter takes about so many.
ROOM, CONTENTS, NOTE, LETTER = 470, 190, 310, 6
# More bars than this cannot be told apart in a cell.
BARS = 10
MOST_LINES = 12
SHOWN_NOTICES = 3
MOST_NOTICES = 50
MOST_PREVIEWED = 200
LEFT_OUT = "left_out_"
Columns = Sequence[Column]


def columns(dataset: Dataset) -> Columns:
    """The columns of a dataset, as far as its profile knows them."""
    return columns_of(dataset)


def profile_table(columns: Columns, rows: int | None = None, key: str | None = None, most: int = 14) -> None:
    """One line a column: type, missing, distinct, what is in it and how that is spread."""
    table = _profile(columns, rows)
    st.dataframe(
        table,
        column_config=_config(columns, rows, table["note"]),
        hide_index=True,
        key=key,
        placeholder="",
        height=_height(len(table), most),
        alt="The columns and what is in them",
    )


def column_choice(
    columns: Columns,
    used: Mapping[str, bool],
    kinds: Mapping[str, str],
    key: str,
    rows: int | None = None,
    target: str | None = None,
) -> tuple[dict[str, bool], dict[str, str]]:
    """The profile with a tick in front of every column, and a choice of its kind; returns which are ticked, and the
    kinds that were set."""
    # The editor reports changes against what it was first given, so that must stay the same while it is on screen.
    first, first_kinds = st.session_state.setdefault(
        f"{key}-first", ([used[column.name] for column in columns], [kinds.get(column.name) for column in columns])
    )
    table = _profile(columns, rows)
    detected = list(table["kind"])
    table["kind"] = [kind or word for kind, word in zip(first_kinds, detected, strict=True)]
    table.insert(0, "use", first)
    table.loc[table["name"] == target, "note"] = "the target, no input"
    config = _config(columns, rows, table["note"]) | {
        "use": st.column_config.CheckboxColumn("Use", help="Whether training uses this column.", width=64),
        "kind": st.column_config.SelectboxColumn(
            "Type",
            options=list(dict.fromkeys([NUMBER, CATEGORY, DATE, TEXT, *detected])),
            required=True,
            width=104,
            help="Double-click to set what the column is: number, category, date or text.",
        ),
    }
    edited = st.data_editor(
        table,
        column_config=config,
        hide_index=True,
        key=key,
        height=_height(len(table), MOST_LINES),
        disabled=[name for name in table if name not in ("use", "kind")],
        placeholder="",
        alt="Which columns are used",
    )
    names = [column.name for column in columns]
    set_kinds = {
        name: CHOSEN_KINDS[str(kind)]
        for name, kind, word in zip(names, edited["kind"], detected, strict=True)
        if kind != word and kind in CHOSEN_KINDS
    }
    return dict(zip(names, map(bool, edited["use"]), strict=True)), set_kinds


def still_true(stored: Sequence[StoredNotice], used: Collection[str]) -> list[StoredNotice]:
    """The notices without those that say of a used column that it is left out."""
    read = [(Notice.from_json(each), each) for each in stored]
    return [each for notice, each in read if not (notice.message.code.startswith(LEFT_OUT) and notice.column in used)]


def preview_table(
    columns: Columns, preview: Sequence[Sequence[Scalar]], key: str | None = None, most: int = 14
) -> None:
    """The first rows, as they were read."""
    cells = {
        column.name: _cells(column, [row[place] if place < len(row) else None for row in preview])
        for place, column in enumerate(columns[:MOST_PREVIEWED])
    }
    if len(columns) > MOST_PREVIEWED:
        st.caption(f"The first {MOST_PREVIEWED} of {words.count(len(columns))} columns.")
    frame = pd.DataFrame(cells)
    st.dataframe(
        frame,
        hide_index=True,
        column_config=tables.local_numbers(frame),
        key=key,
        height=_height(len(preview), most),
        placeholder="",
        alt="The first rows of the file",
    )


def notices(stored: Sequence[StoredNotice], key: str = "notices") -> None:
    """What reading the file brought to light: warnings first, the rest folded."""
    ordered = presentation.notices(stored)
    # One line too many is better shown than folded away behind a line of its own.
    first = len(ordered) if len(ordered) <= SHOWN_NOTICES + 1 else SHOWN_NOTICES
    if ordered:
        st.markdown("  \n".join(map(presentation.notice_line, ordered[:first])))
    if rest := ordered[first:]:
        with st.expander(f"{words.count(len(rest))} more notes", type="compact", key=f"{key}-more"):
            st.markdown("  \n".join(map(presentation.notice_line, rest[:MOST_NOTICES])))
            if len(rest) > MOST_NOTICES:
                st.caption(
                    f"and {words.count(len(rest) - MOST_NOTICES)} more of the same kinds; the column list has them all."
                )


def summary(dataset: Dataset) -> str:
    """12,400 rows · 14 columns · cp1254, semicolon, decimal comma."""
    rows = words.count(dataset.rows, "row") if dataset.rows is not None else words.size(dataset.size)
    return " · ".join((rows, words.count(len(dataset.columns), "column"), words.plain(words_of(dataset.dialect))))


def first_part(dataset: Dataset) -> None:
    """Say so when the figures are not of the whole file."""
    if not dataset.exact:
        st.caption("This is a large file. The figures cover its first part until a workflow has read all of it.")


def reading_form(dataset: Dataset, key: str) -> dict[str, object]:
    """A form about how the file is written; what was changed, once it is sent."""
    with st.form(key, border=False):
        st.caption("The same file read differently becomes a new version; this one stays as it is.")
        chosen = reading.dialect_widgets(key, dataset.dialect, reading.sheets_of(dataset))
        sent = st.form_submit_button("Read it again", icon=":material/refresh:")
    before = {"format": CSV, **dataset.dialect}
    return {name: value for name, value in chosen.items() if value != before.get(name)} if sent else {}


def read_again(dataset: Dataset, key: str) -> Dataset | None:
    """That form, and what it leads to: the new version, or a sentence on why there is none."""
    changed = reading_form(dataset, key)
    if not changed:
        return None
    try:
        with st.spinner("Reading it again"):
            return datasets.redescribe(dataset.id, changed)
    except RequestError as refused:
        st.error(f"{words.plain(sentence(refused.message))} It is still read as before.", icon=":material/error:")
        return None


def target_words(column: Column, rows: int | None, task: str | None = None) -> str:
    """2 classes: yes (61 %), no (39 %); or the range of a number."""
    if (task or column.task) == "regression":
        return f"A number, {words.plain(contents(column))}"
    classes, top = column.distinct, column.top
    text = words.count(classes, "class", "classes")
    # With every class at hand the shares need no row count, which a large file does not have yet.
    known = sum(count for _value, count in top) if classes == len(top) else (rows or 0) - column.missing
    shares = (
        [f"{words.plain(_short(value))} ({words.percent(count / known, 0)})" for value, count in top]
        if known > 0
        else []
    )
    more = " and others" if classes > len(shares) else ""
    return f"{text}: {', '.join(shares)}{more}" if shares else text


def kind_words(column: Column) -> str:
    """number, whole number, category, yes / no, date, text, empty."""
    if column.kind == "number" and column.whole:
        return "whole number"
    return KINDS.get(column.kind, "–")


def contents(column: Column) -> str:
    """What a column holds, in a few words: 18 to 92, mean 43.1; about 30 words each; or its most frequent values."""
    if column.min is not None and column.max is not None:
        low, high = _edge(column.min), _edge(column.max)
        mean = f", mean {_edge(column.mean)}" if column.mean is not None else ""
        return f"{low} to {high}{mean}" if low != high else f"always {low}"
    if column.kind == "free_text" and column.words:
        return f"about {words.count(round(column.words), 'word')} each"
    return ", ".join(str(value) for value, _ in column.top) or "–"


def _profile(columns: Columns, rows: int | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [column.name for column in columns],
            "kind": [kind_words(column) for column in columns],
            "missing": pd.Series([_missing(column, rows) for column in columns], dtype=float),
            "distinct": _distinct(columns, rows),
            "histogram": [_few_bars(column.histogram) for column in columns],
            "contents": [contents(column) for column in columns],
            "note": [sentence(column.reason) if column.reason else "" for column in columns],
        }
    )


def _few_bars(histogram: Sequence[int]) -> list[int]:
    """A histogram with its neighbours taken together, so that the bars are wide enough to be seen."""
    together = -(-len(histogram) // BARS) or 1
    return [sum(histogram[start : start + together]) for start in range(0, len(histogram), together)]


def _config(columns: Columns, rows: int | None, notes: Iterable[str]) -> tables.ColumnConfigs:
    """How the profile is drawn; contents and notes share the room that is left."""
    config = st.column_config
    note = max(map(len, notes), default=0)
    held = max((len(contents(column)) for column in columns), default=0)
    longest = max((len(column.name) for column in columns), default=0)
    note_width = min(LETTER * note + 18, NOTE) if note else 0
    held_width = max(min(LETTER * held + 18, ROOM - note_width), CONTENTS)
    missing: ColumnConfig | None = (
        config.NumberColumn(tables.in_percent("Missing"), **tables.one_digit(), width=72)
        if rows
        else config.NumberColumn("Missing", format="localized", width=72)
    )
    if not any(column.missing for column in columns):
        missing = None  # the room is for the note
    counted = "How many different values there are; 1,000+ means at least 1,000."
    capped = any(_capped(column, rows) for column in columns)
    distinct = (
        config.TextColumn("Distinct", width=68, alignment="right", help=counted)
        if capped
        else config.NumberColumn("Distinct", width=68, format="localized", help=counted)
    )
    return {
        "name": config.TextColumn("Column", width=min(max(7 * longest + 16, 84), 132)),
        "kind": config.TextColumn("Type", width=96),
        "missing": missing,
        "distinct": distinct,
        "histogram": config.BarChartColumn(
            "Spread",
            width=68,
            y_min=0,
            help=("How the values are spread: from the smallest to the largest, or by how frequent they are."),
        ),
        "contents": config.TextColumn("Contents", width=held_width),
        "note": config.TextColumn("Note", width=note_width) if note else None,
    }


def _capped(column: Column, rows: int | None) -> bool:
    """Whether counting stopped early, so that there can be more values than counted."""
    if column.distinct_exact:
        return False
    return rows is None or column.distinct < rows - column.missing  # else no two rows are alike


def _distinct(columns: Columns, rows: int | None) -> pd.Series:
    """Numbers; or words, where counting was given up at some number: 1,000+."""
    counts = [column.distinct for column in columns]
    if not any(_capped(column, rows) for column in columns):
        return pd.Series(counts, dtype="Int64")
    return pd.Series(
        [
            words.count(count) + ("+" if _capped(column, rows) else "")
            for column, count in zip(columns, counts, strict=True)
        ],
        dtype="str",
    )


def _missing(column: Column, rows: int | None) -> float | None:
    """In percent, or as a number while it is not known how many rows there are; nothing instead of zero."""
    missing = column.missing
    return (100 * missing / rows if rows else missing) if missing else None


def _cells(column: Column, values: list[Scalar]) -> pd.Series:
    if column.kind == "number":
        return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    return pd.Series([None if value is None else str(value) for value in values], dtype="str")


def _short(value: object) -> str:
    text = _edge(value) if isinstance(value, int | float) else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"


def _edge(value: object) -> str:
    if isinstance(value, int) and abs(value) < 10_000:
        return str(value)  # it may be a year
    return words.number(value) if isinstance(value, int | float) else str(value)[:10]


def _height(lines: int, most: int) -> int:
    """Tall enough for the lines there are, but not for more than fit on a screen."""
    if lines <= most:
        return ROW * (lines + 1) + 3
    return ROW * (most + 1) + ROW // 2  # half a line shows that there are more
