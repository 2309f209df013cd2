"""The list of workflows: its rows as the table and as a CSV file show them."""

import json
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ButtonColumnResult

from jobs.pipelines import Measure
from jobs.verbs import spreadsheet
from jobs.verbs.columns import facet_label, facets_shown, of_several_pipelines
from pages.parts import presentations, tables, visitor, words
from pages.parts.workflow_list.view import ListView
from store import workflows
from store.tables import Status
from store.workflows import Filter, Workflow

PAGE_SIZE = 25
EXPORT_CHUNK = 2000
DETAILS = "details"
DATASET = 84
# On a phone, a name leaves room for the score and the status beside it.
TOUCHED = 180
# Wide enough for "Needs an answer".
ASKING = 124
# A shorter value stands in a name by chance.
SAYING = 3


def rows(view: ListView) -> tuple[list[Workflow], int]:
    """One page of rows and how many there are in all; a page beyond the last shows the last."""
    which = view.which()
    total = workflows.count(which)
    page = min(view.page, page_count(total))
    return workflows.find(which, PAGE_SIZE, (page - 1) * PAGE_SIZE), total


def page_count(total: int) -> int:
    return max(1, -(-total // PAGE_SIZE))


def changing(rows: Sequence[Workflow]) -> bool:
    return any(not row.status.over for row in rows)


def frame_of(
    rows: Sequence[Workflow], curves: Mapping[int, Sequence[float]], shown: str | None, asking: Container[int] = ()
) -> pd.DataFrame:
    """The rows as the table shows them; those `asking` wait for an answer."""
    scored = [main_score(row, shown) for row in rows]
    one_measure = len({score[0].name for score in scored if score}) < 2
    bars = pd.array([_share(*score) if score else None for score in scored], dtype="Float64")
    bar = {"bar": bars} if one_measure else {}  # beside several measures they would compare what cannot be compared
    labels, details = [presentations.of(row.pipeline).label for row in rows], [_details(row) for row in rows]
    pipeline = {"pipeline": labels, DETAILS: details} if of_several_pipelines(rows) else {}
    data = [dataset_title(row) for row in rows]
    return pd.DataFrame(
        {
            "workflow": [title(row) for row in rows],
            "score": [_score_words(score, one_measure) for score in scored],
            "status": [[words.status(Status.waiting if row.id in asking else row.status)] for row in rows],
            **bar,
            "curve": [list(curves.get(row.id, [])) for row in rows],
            **pipeline,
            **{facet_column(name): [_facet(row, name) for row in rows] for name in facets_beside(rows)},
            **({"tags": [list(row.tags) for row in rows]} if any(row.tags for row in rows) else {}),
            **({"dataset": data} if any(data) and not said_by_names(rows, data) else {}),
            **({"by": [row.created_by or "" for row in rows]} if _starters_shown(rows) else {}),
            "duration": [words.duration(row.seconds) if row.seconds is not None else "" for row in rows],
            "started": [words.ago(row.started_at) if row.started_at else "Not yet" for row in rows],
            "at": [visitor.exactly(row.started_at) for row in rows],
        }
    )


def facets_beside(rows: Sequence[Workflow]) -> list[str]:
    """The facets that stand beside the names of these rows: those that the names do not say already."""
    return [name for name in facets_shown(rows) if not said_by_names(rows, [_facet(row, name) for row in rows])]


def said_by_names(rows: Sequence[Workflow], values: Sequence[str]) -> bool:
    """Whether every row's name says its value, so that a column of them would only take room from the names."""
    pairs = [(row.name.casefold(), value.casefold()) for row, value in zip(rows, values, strict=True) if value]
    return bool(pairs) and all(len(value) >= SAYING and value in name for name, value in pairs)


def _name_width(rows: Sequence[Workflow], narrow: bool, narrowest: bool) -> int:
    """As wide as the names need, within the room that columns leave which they make needless."""
    if visitor.has_touch_screen():
        return TOUCHED
    width = 150 if narrowest else 184 if narrow else 200
    freed = sum(_width(name, rows) for name in facets_shown(rows) if name not in facets_beside(rows))
    data = [dataset_title(row) for row in rows]
    freed += DATASET if any(data) and said_by_names(rows, data) else 0
    longest = max((len(title(row)) for row in rows), default=0)
    return min(max(width, 7 * longest + 24), width + freed)


def ends(curves: Mapping[int, Sequence[float]]) -> tuple[float | None, float | None]:
    """The lowest and the highest value of all curves."""
    values = [value for curve in curves.values() for value in curve]
    return min(values, default=None), max(values, default=None)


def facet_column(name: str) -> str:
    """Under which name a facet stands in the frame."""
    return f"facet:{name}"


def _details(row: Workflow) -> str:
    """The facets of a workflow in one cell."""
    return ", ".join(_facet(row, name) for name in sorted(row.facets))


def _width(name: str, rows: Sequence[Workflow]) -> int:
    """Wide enough for the values of a facet, within limits."""
    longest = max((len(_facet(row, name)) for row in rows), default=0)
    return min(max(7 * longest + 18, 72), 128)


def _facet(row: Workflow, name: str) -> str:
    value = row.facets.get(name, "")
    return presentations.of(row.pipeline).facet(name, value) if value else ""


def _starters_shown(rows: Sequence[Workflow]) -> bool:
    """Whether the rows say who started them: where people sign in, and any of these rows knows."""
    return visitor.has_signed_in() and any(row.created_by for row in rows)


def columns(
    shown: str | None,
    rows: Sequence[Workflow],
    ends: tuple[float | None, float | None] = (None, None),
    open_: Callable[[int], None] | None = None,
    asking: bool = False,
) -> tables.ColumnConfigs:
    """How those columns are drawn; the more of them there are, the narrower each is. `ends` are the lowest and the
    highest value of all curves; `open_` is given the number of the workflow whose name was pressed; with `asking`, one
    of the rows needs an answer."""
    column = st.column_config
    names = {score[0] for row in rows if (score := main_score(row, shown))}
    one = names.pop() if len(names) == 1 else None
    low, high = ends if one else (None, None)  # of one measure, so that flat curves look flat
    narrow = _starters_shown(rows) or of_several_pipelines(rows)
    narrowest = _starters_shown(rows) and of_several_pipelines(rows)
    return {
        "workflow": name_column("list-opened", rows, open_, _name_width(rows, narrow, narrowest)),
        "status": status_column(ASKING if asking else 92),
        "score": column.TextColumn(
            one.shown if one else "Score",
            width=(72 if len(one.shown) < 9 else 88) if one else 104,
            alignment="right",
            help=(one.help or None) if one else "The main score of each pipeline",
        ),
        "bar": column.ProgressColumn("", min_value=0, max_value=1, format=" ", width=44 if narrow else 54),
        "curve": column.LineChartColumn(
            "Curve", width=56, help="The main curve, epoch by epoch", y_min=low, y_max=high
        ),
        "pipeline": column.TextColumn("Pipeline", width=96),
        **{
            facet_column(name): column.TextColumn(facet_label(name), width=_width(name, rows))
            for name in facets_beside(rows)
        },
        DETAILS: column.TextColumn(
            "Details", width=80 if narrowest else 110, help="What tells runs of a pipeline apart"
        ),
        "tags": column.ListColumn("Tags", width=124),
        "dataset": column.TextColumn("Dataset", width=DATASET),
        "by": column.TextColumn("By", width=68),
        "duration": column.TextColumn("Duration", width=66, alignment="right"),
        "started": column.TextColumn("Started", width=104),
        "at": column.TextColumn("Started at"),
    }


def status_column(width: int = 92) -> Any:
    """A status as a word on its colour, the same as in badges."""
    # The tags have white letters in both themes, and only the light theme's colours are dark enough for those.
    colours = [st.get_option(f"theme.light.{words.COLOURS[status]}Color") for status in Status]
    return st.column_config.MultiselectColumn(
        "Status", options=[words.status(status) for status in Status], color=colours, width=width
    )


def title(workflow: Workflow) -> str:
    """A workflow as tables name it: its number and its name."""
    return f"#{workflow.id}  {workflow.name}"


def name_column(
    key: str, rows: Sequence[Workflow], open_: Callable[[int], None] | None, width: int
) -> ButtonColumnResult:
    """The column of their names, each of which opens its workflow."""
    ids = [row.id for row in rows]
    return tables.opening("Workflow", key, lambda place: open_(ids[place]) if open_ else None, width=width, pinned=True)


def main_score(workflow: Workflow, shown: str | None = None) -> tuple[Measure, float] | None:
    """The score that stands for a workflow: the one to show, or its main one."""
    of = presentations.of(workflow.pipeline)
    name = shown or of.main_score(workflow.scores)
    return (of.measure(name), workflow.scores[name]) if name and name in workflow.scores else None


def _score_words(score: tuple[Measure, float] | None, one_measure: bool) -> str:
    """93.4 %, with the name of the measure where the rows have several."""
    if score is None:
        return ""
    text = words.score(*score)
    return text if one_measure else f"{score[0].shown} {text}"


def dataset_title(workflow: Workflow) -> str:
    return ", ".join(each.title for each in workflow.inputs.values())


def export(which: Filter, ids: Sequence[int] = (), language: str | None = None) -> bytes:
    """The chosen workflows, or all that match, as a CSV file that spreadsheets of a language read."""
    rows = (
        workflows.get_many(ids)
        if ids
        else [
            row
            for start in range(0, workflows.count(which), EXPORT_CHUNK)
            for row in workflows.find(which, EXPORT_CHUNK, start)
        ]
    )
    scores = sorted({name for row in rows for name in row.scores})
    facets = sorted({name for row in rows for name in row.facets})
    first, last = ["id", "name", "note", "tags", "status", "pipeline"], ["started_at", "seconds", "settings"]
    return spreadsheet.to_csv(
        [*first, *facets, "dataset", *scores, *last],
        (
            [
                row.id,
                row.name,
                row.note,
                ", ".join(row.tags),
                str(row.status),
                row.pipeline,
                *(row.facets.get(name, "") for name in facets),
                dataset_title(row),
                *(row.scores.get(name) for name in scores),
                row.started_at.isoformat() if row.started_at else "",
                round(row.seconds, 3) if row.seconds is not None else "",
                json.dumps(row.params, ensure_ascii=False),
            ]
            for row in rows
        ),
        language,
    )


def _share(measure: Measure, value: float) -> float | None:
    """How long the bar beside a score is; only for scores of which 1 is the best there is."""
    return max(value, 0.0) if measure.better == "high" and value <= 1 else None
