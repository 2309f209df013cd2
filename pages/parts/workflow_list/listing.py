"""What the archive page looks at, as the URL says it, and its rows as the table and a CSV file show them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from jobs.tabular import algorithms
from jobs.verbs import spreadsheet
from pages.parts import visitor, words
from store import actors, workflows
from store.tables import Status
from store.workflows import TIMES, Filter, Workflow

PAGE_SIZE = 25
EXPORT_CHUNK = 2000
LONGEST_TEXT = 200
LONGEST_NUMBER = 18
NEWEST = "-created_at"
SORTS = {
    NEWEST: "Newest first",
    "created_at": "Oldest first",
    "-seconds": "Longest first",
    "seconds": "Shortest first",
    "name": "By name",
}
LOWER_IS_BETTER = ("rmse", "mae", "loss")
STATUSES = tuple(str(status) for status in Status if status is not Status.skipped)  # only steps are skipped
MAIN_SCORES = ("accuracy", "r2")


@dataclass(frozen=True, slots=True)
class Look:
    """What is being looked at; all of it is in the URL."""

    statuses: tuple[str, ...] = ()
    algorithm: str = ""
    dataset: int | None = None
    text: str = ""
    unseen: bool = False
    sort: str = NEWEST
    page: int = 1
    mine: bool = False

    def which(self) -> Filter:
        return Filter(
            status=",".join(self.statuses),
            facets={"algorithm": self.algorithm} if self.algorithm else {},
            dataset_id=self.dataset,
            text=self.text,
            unseen_failures=self.unseen,
            sort=self.sort.removeprefix("-"),
            descending=self.sort.startswith("-"),
            created_by=actors.name() or "" if self.mine else "",
        )

    def url(self) -> dict[str, str]:
        said = {
            "status": ",".join(self.statuses),
            "algorithm": self.algorithm,
            "dataset": self.dataset or "",
            "text": self.text,
            "unseen": "1" if self.unseen else "",
            "sort": self.sort if self.sort != NEWEST else "",
            "page": self.page if self.page > 1 else "",
            "mine": "1" if self.mine else "",
        }
        return {name: str(value) for name, value in said.items() if value}

    @property
    def score(self) -> str | None:
        """The score that is sorted by, which is then the one to show."""
        name = self.sort.removeprefix("-")
        return None if name in TIMES or name == "seconds" else name


def parse(given: Mapping[str, str]) -> Look:
    """What a URL asks for; whatever makes no sense in it is left out."""
    page, dataset, sort = given.get("page", ""), given.get("dataset", ""), given.get("sort", NEWEST)
    return Look(
        tuple(word for word in given.get("status", "").split(",") if word in STATUSES),
        given.get("algorithm", "") if given.get("algorithm") in algorithms.ALGORITHMS else "",
        int(dataset) if _is_number(dataset) and int(dataset) in workflows.datasets_used() else None,
        given.get("text", "").strip()[:LONGEST_TEXT],
        given.get("unseen") == "1",
        sort if sort in sorts() else NEWEST,
        max(1, int(page)) if _is_number(page) else 1,
        given.get("mine") == "1" and visitor.has_signed_in(),
    )


def sorts() -> dict[str, str]:
    """Every order there is, as it is written in the URL, and its words."""
    by_score = {}
    for name in workflows.score_names():
        by_score[name if lower_is_better(name) else f"-{name}"] = f"Best {words.score_name(name)}"
    return SORTS | by_score


def lower_is_better(score: str) -> bool:
    return score.endswith(LOWER_IS_BETTER)


def rows(look: Look) -> tuple[list[Workflow], int]:
    """One page of rows and how many there are in all; a page beyond the last shows the last."""
    which = look.which()
    total = workflows.count(which)
    page = min(look.page, page_count(total))
    return workflows.find(which, PAGE_SIZE, (page - 1) * PAGE_SIZE), total


def page_count(total: int) -> int:
    return max(1, -(-total // PAGE_SIZE))


def changing(rows: Sequence[Workflow]) -> bool:
    return any(not row.status.over for row in rows)


def frame_of(rows: Sequence[Workflow], curves: Mapping[int, Sequence[float]], shown: str | None) -> pd.DataFrame:
    """The rows as the table shows them."""
    scored = [main_score(row, shown) for row in rows]
    return pd.DataFrame(
        {
            "workflow": [address(row) for row in rows],
            "status": [[words.status(row.status)] for row in rows],
            "score": [words.score(*score) if score else "" for score in scored],
            "bar": pd.array([_share(*score) if score else None for score in scored], dtype="Float64"),
            "curve": [list(curves.get(row.id, [])) for row in rows],
            "algorithm": [label(row.facets.get("algorithm", "")) for row in rows],
            "dataset": [dataset_title(row) for row in rows],
            **({"by": [row.created_by or "" for row in rows]} if visitor.has_signed_in() else {}),
            "duration": [words.duration(row.seconds) if row.seconds is not None else "" for row in rows],
            "started": [words.ago(row.started_at) if row.started_at else "Not yet" for row in rows],
            "at": [words.exactly(row.started_at) for row in rows],
        }
    )


def columns(shown: str | None) -> dict[str, Any]:
    """How those columns are drawn; where one more says by whom, the others make room for it."""
    column = st.column_config
    alone = not visitor.has_signed_in()
    return {
        "workflow": column.LinkColumn(
            "Workflow", display_text=NAME_IN_ADDRESS, width=210 if alone else 184, pinned=True
        ),
        "status": status_column(),
        "score": column.TextColumn(
            words.score_name(shown) if shown else "Score",
            width=64,
            alignment="right",
            help="Accuracy, or R² where numbers are predicted, on rows kept aside",
        ),
        "bar": column.ProgressColumn("", min_value=0, max_value=1, format=" ", width=54 if alone else 44),
        "curve": column.LineChartColumn("Curve", width=60, help="The validation score, epoch by epoch"),
        "algorithm": column.TextColumn("Algorithm", width=126 if alone else 118),
        "dataset": column.TextColumn("Dataset", width=112 if alone else 104),
        "by": column.TextColumn("By", width=68),
        "duration": column.TextColumn("Duration", width=70, alignment="right"),
        "started": column.TextColumn("Started", width=124 if alone else 112),
        "at": column.TextColumn("Started at"),
    }


def status_column(width: int = 92) -> Any:
    """A status as a word on its colour, the same as in badges."""
    # The tags have white letters in both themes, and only the light theme's colours are dark enough for those.
    colours = [st.get_option(f"theme.light.{words.COLOURS[status]}Color") for status in Status]
    return st.column_config.MultiselectColumn(
        "Status", options=[words.status(status) for status in Status], color=colours, width=width
    )


NAME_IN_ADDRESS = "#(.*)$"


def address(workflow: Workflow) -> str:
    """A link to a workflow whose end is what the table shows of it."""
    return f"workflow?id={workflow.id}#{quote(f'#{workflow.id}  {workflow.name}', safe='')}"


def main_score(workflow: Workflow, shown: str | None = None) -> tuple[str, float] | None:
    """The score that stands for a workflow: the one asked for, or its main one."""
    for name in [shown] if shown else MAIN_SCORES:
        if name in workflow.scores:
            return name, workflow.scores[name]
    return None


def label(algorithm: str) -> str:
    """What people call an algorithm."""
    known = algorithms.ALGORITHMS.get(algorithm)
    return known.label if known else algorithm


def step_title(name: str) -> str:
    """clean_up is shown as Clean up."""
    return name.replace("_", " ").capitalize()


def dataset_title(workflow: Workflow) -> str:
    return workflow.data.title if workflow.data else ""


def export(which: Filter, ids: Sequence[int] = ()) -> bytes:
    """The chosen workflows, or all that match, as a CSV file."""
    found = (
        workflows.get_many(ids)
        if ids
        else [
            row
            for start in range(0, workflows.count(which), EXPORT_CHUNK)
            for row in workflows.find(which, EXPORT_CHUNK, start)
        ]
    )
    names = sorted({name for row in found for name in row.scores})
    header = [
        "id",
        "name",
        "note",
        "status",
        "algorithm",
        "dataset",
        "target",
        *names,
        "started_at",
        "seconds",
        "settings",
    ]
    return spreadsheet.to_csv(
        header,
        (
            [
                row.id,
                row.name,
                row.note,
                str(row.status),
                row.facets.get("algorithm", ""),
                dataset_title(row),
                row.facets.get("target", ""),
                *(row.scores.get(name) for name in names),
                row.started_at.isoformat() if row.started_at else "",
                round(row.seconds, 3) if row.seconds is not None else "",
                json.dumps(row.params, ensure_ascii=False),
            ]
            for row in found
        ),
    )


def _share(name: str, value: float) -> float | None:
    return min(max(value, 0.0), 1.0) if name in words.SHARES or name == "r2" else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER
