"""A leaderboard as the page shows it: the table, and what there is to say about it in a sentence."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from jobs.language import sentence
from jobs.pipelines.params import Param
from jobs.verbs.leaderboard import Leaderboard, Row
from pages.parts import colours, presentations, tables, words
from pages.parts.workflow_list import listing
from store.tables import Status
from store.workflows import Workflow

NONE = "–"
# Only then is it worth a word that another trial is as good and took less time.
MUCH_FASTER = 2
BEST, EQUAL = "Best", "Equal"
GREEN = "color: #2f9463; font-weight: bold"


def drawn(board: Leaderboard) -> list[Workflow]:
    """The workflows whose curves are drawn: the best, and those that are getting there."""
    return [row.workflow for row in board.rows if row.workflow and row.workflow.started_at][: colours.MOST_COMPARED]


def tried(board: Leaderboard) -> dict[str, str]:
    """The labels of the params that are tried, by name."""
    known = _params(board)
    names = board.sweep.trials[0].values if board.sweep.trials else {}
    return {name: known[name].label if name in known else words.titled(name) for name in names}


def title(board: Leaderboard, row: Row) -> str:
    """What a trial tries: Boosting, or Learning rate 0.1, Epochs 20."""
    labels = tried(board)
    if len(labels) == 1:
        return _value(board, *next(iter(row.values.items())))
    return ", ".join(
        f"{label} {words.inside(_value(board, name, row.values.get(name)))}" for name, label in labels.items()
    )


def table(board: Leaderboard, rows: Sequence[Row]) -> Styler:
    """One row a trial, the best first; columns of which nothing is known are left out."""
    shades = colours.of([each.id for each in drawn(board)])
    of_rows = [shades.get(row.workflow.id, "") if row.workflow else "" for row in rows]
    cells: dict[str, list[Any]] = {
        "colour": ["⬤" if colour else "" for colour in of_rows],
        **{f"value:{name}": [_value(board, name, row.values.get(name)) for row in rows] for name in tried(board)},
        "workflow": [f"#{row.workflow.id}" if row.workflow else "" for row in rows],
        "score": [_score(board, row.score, row.spread if row.test_score is None else None) for row in rows],
        "mark": [_mark(board, row) for row in rows],
        "test": [_score(board, row.test_score, row.spread) for row in rows],
        "status": [[words.status(row.standing)] for row in rows],
        "time": ["reused" if row.reused else words.duration(row.seconds) for row in rows],
        "size": [words.size(row.model_size) for row in rows],
        "micro": [
            NONE if row.row_microseconds is None else f"{words.number(row.row_microseconds / 1000)} ms" for row in rows
        ],
        "why": [sentence(row.error) if row.error else "" for row in rows],
    }
    frame = pd.DataFrame({name: column for name, column in cells.items() if name not in _unknown(board)})
    styled = frame.style.apply(
        lambda _column: [f"color: {colour}" if colour else "" for colour in of_rows], subset=["colour"]
    )
    return styled.map(lambda cell: GREEN if cell in (BEST, EQUAL) else "", subset=["mark"])


def _unknown(board: Leaderboard) -> set[str]:
    known: dict[str, Sequence[object]] = {
        "test": [row.test_score for row in board.rows],
        "micro": [row.row_microseconds for row in board.rows],
        "size": [row.model_size for row in board.rows],
        "why": [row.error for row in board.rows],
    }
    return {name for name, values in known.items() if all(value is None for value in values)}


def columns(board: Leaderboard, rows: Sequence[Row], open_: Callable[[int], None]) -> tables.ColumnConfigs:
    """How those columns are drawn; `open_` is given the number of the workflow that was pressed."""

    def pressed(place: int) -> None:
        if (workflow := rows[place].workflow) is not None:
            open_(workflow.id)

    column, measure = st.column_config, board.measure
    tested = any(row.test_score is not None for row in board.rows)
    part = " (validation)" if tested else ""
    help_ = [measure.help] if measure and measure.help else []
    (first, label), *others = tried(board).items() or [("", "")]
    wide = 90 if others else 150
    return {
        "colour": column.TextColumn("", width=30, help="The colour of its curve"),
        **{f"value:{name}": column.TextColumn(label, width=wide) for name, label in others},
        f"value:{first}": tables.opening(label, "sweep-opened", pressed, width=wide),
        "status": listing.status_column(),
        "score": column.TextColumn(
            f"{measure.shown}{part}" if measure else "Score", width=130, help=". ".join(help_) or None
        ),
        "test": column.TextColumn("On test rows", width=110, help="Measured once, on rows of which nothing was chosen"),
        "mark": column.TextColumn("", width=60, help="Equal: within one standard error of the best"),
        "time": column.TextColumn(
            "Time",
            width=84,
            help="What its own steps took, without those that it shares. Reused: an equal workflow had done all of it",
        ),
        "size": column.TextColumn("Model", width=84, help="Size of the model file"),
        "micro": column.TextColumn(
            "Time a row", width=84, help="Time of the model for one row among many, once its cells are numbers"
        ),
        "why": column.TextColumn("Reason", width=220),
        "workflow": column.TextColumn("Workflow", width=76),
    }


def headline(board: Leaderboard) -> str:
    """The best trial and how good it is; what else is as good."""
    best, measure = board.best, board.measure
    if best is None or measure is None:
        return ""
    score = f"{words.inside(words.plain(measure.shown))} {words.score(measure, best.score)}"
    if best.test_score is not None:
        score = (
            f"{words.inside(words.plain(measure.shown))} {words.score(measure, best.test_score)} on test rows, "
            f"{words.score(measure, best.score)} on validation rows"
        )
    return words.unbroken(f"{words.plain(title(board, best))}: {score}")


def remarks(board: Leaderboard) -> list[str]:
    """What to know before the best is taken."""
    best = board.best
    equal = [row for row in board.rows if row.equal]
    remarks = []
    if len(equal) > 1 and best is not None:
        names = words.listed([words.plain(title(board, row)) for row in equal])
        remarks.append(f"{names} are equal within one standard error: so few rows cannot tell them apart.")
        timed = [row for row in equal if row.seconds]  # what was reused took no time, and says nothing of its own
        fastest = min(timed, key=lambda row: row.seconds or 0, default=best)
        if (best.seconds or 0) > MUCH_FASTER * (fastest.seconds or 0) > 0:
            remarks.append(
                f"Of these, {words.plain(title(board, fastest))} took the least time, "
                f"{words.duration(fastest.seconds)} instead of {words.duration(best.seconds)}."
            )
    if best is not None and best.workflow and (known := presentations.of(board.sweep.pipeline).to_know(best.workflow)):
        remarks.append(known)
    scored = [row for row in board.rows if row.score is not None]
    if len(scored) > 1 and all(row.test_score is None for row in scored):
        remarks.append("The best of several on the same rows looks a little better than it is on new ones.")
    return remarks


def state_words(board: Leaderboard) -> str:
    """How far it is: 4 of 6 trials completed, 1 failed."""
    counts = {status: sum(row.standing is status for row in board.rows) for status in Status}
    total = len(board.rows)
    parts = [f"{counts[Status.completed]} of {words.count(total, 'trial')} completed"]
    for status in (Status.running, Status.pending, Status.failed, Status.cancelled):
        if counts[status]:
            parts.append(f"{counts[status]} {words.inside(words.status(status))}")
    return ", ".join(parts)


def _params(board: Leaderboard) -> dict[str, Param]:
    written = presentations.of(board.sweep.pipeline).pipeline
    return written.params(board.sweep.trials[0].params) if written and board.sweep.trials else {}


def _value(board: Leaderboard, name: str, value: Any) -> str:
    return presentations.of(board.sweep.pipeline).choice(value) if isinstance(value, str) else words.value(value)


def _score(board: Leaderboard, score: float | None, spread: float | None = None) -> str:
    if score is None or board.measure is None:
        return NONE
    if spread is None:
        return words.score(board.measure, score)
    width = words.fixed(spread * 100, 1) if board.measure.share else words.number(spread)
    return f"{words.score(board.measure, score)} ± {width}"


def _mark(board: Leaderboard, row: Row) -> str:
    if row is board.best:
        return BEST
    return EQUAL if row.equal else ""
