"""What the compare page shows of several workflows: which the URL names, their scores, and the settings that differ."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.lib.column_types import ColumnConfig

from jobs.pipelines import Measure, registry
from jobs.verbs.columns import facets_shown
from pages.parts import charts, colours, presentations, settings, tables, words
from pages.parts.workflow_list import listing
from store import steps, thresholds
from store.ids import read_id
from store.tables import Status
from store.workflows import Workflow

NOT_USED = "–"
# A score stands with its difference and the word best.
NAME, FACET, SCORE = 186, 130, 126


@dataclass(frozen=True, slots=True)
class Selection:
    """The workflows, curve and baseline that a URL selects to compare."""

    ids: list[int]
    invalid: list[str]
    too_many: int = 0
    curve: str | None = None
    baseline: int | None = None


def read(given: Mapping[str, str]) -> Selection:
    words_ = [word.strip() for word in given.get("ids", "").split(",") if word.strip()]
    ids = list(dict.fromkeys(number for word in words_ if (number := read_id(word)) is not None))
    baseline = given.get("baseline", "")
    return Selection(
        ids[: colours.MOST_COMPARED],
        [word for word in words_ if read_id(word) is None],
        max(0, len(ids) - colours.MOST_COMPARED),
        given.get("curve") or None,
        read_id(baseline),
    )


def as_predicting_now(compared: Sequence[Workflow]) -> list[Workflow]:
    """The workflows with the scores that their own pages show: those of a threshold that was moved, where it was."""
    moved_ids = thresholds.of([workflow.id for workflow in compared])
    return [
        replace(workflow, scores=dict(_now(workflow))) if workflow.id in moved_ids else workflow
        for workflow in compared
    ]


def _now(workflow: Workflow) -> Mapping[str, float]:
    return presentations.of(workflow.pipeline).scores(workflow, steps.of_workflow(workflow.id))


def moved(compared: Sequence[Workflow]) -> list[str]:
    """The numbers of those whose threshold was moved."""
    return [f"#{workflow_id}" for workflow_id in sorted(thresholds.of([workflow.id for workflow in compared]))]


def remarks(selection: Selection, compared: Sequence[Workflow]) -> list[str]:
    """What is wrong with what the URL names, one sentence each."""
    sentences = []
    if selection.invalid:
        few = ", ".join(f'"{word[:20]}"' for word in selection.invalid[:3])
        sentences.append(f"{few} in the address is not a workflow number and is ignored.")
    if missing := sorted(set(selection.ids) - {workflow.id for workflow in compared}):
        names = ", ".join(f"#{workflow_id}" for workflow_id in missing)
        plural = len(missing) > 1
        sentences.append(
            f"{names} {'do' if plural else 'does'} not exist; {'they' if plural else 'it'} may have been deleted."
        )
    if selection.too_many:
        sentences.append(f"Up to {colours.MOST_COMPARED} can be compared; the other {selection.too_many} are left out.")
    if len(compared) == 1 and not sentences:
        sentences.append("Add a second workflow to compare this one with.")
    return sentences


def curve_measure(name: str) -> Measure:
    """What a curve means: val_accuracy is the accuracy of validation rows."""
    return registry.measure(charts.measured(name))


def curve_name(name: str) -> str:
    """val_accuracy is shown as Validation accuracy."""
    label = curve_measure(name).shown
    for prefix, rows_word in (("val_", "Validation"), ("train_", "Training")):
        if name.startswith(prefix):
            return f"{rows_word} {words.inside(label)}"
    return label


def told_apart(names: Mapping[int, str]) -> dict[int, str]:
    """Names without the parts that all of them begin with: of "churn, boosting" and "churn, linear SVM" the ends."""
    parts = {key: name.split(", ") for key, name in names.items()}
    alike = 0
    if len(parts) > 1:
        shortest = min(map(len, parts.values()))
        alike = next((place for place in range(shortest) if len({each[place] for each in parts.values()}) > 1), 0)
    return {key: ", ".join(each[alike:]) for key, each in parts.items()}


def score_names(compared: Sequence[Workflow]) -> list[str]:
    """The scores that any of them has, without those of the baselines: the main ones first."""
    ordered: dict[str, None] = {}
    for workflow in compared:
        of = presentations.of(workflow.pipeline)
        main = of.main_score(workflow.scores)
        ordered |= dict.fromkeys([*([main] if main else []), *of.other_scores(workflow.scores)])
    first = [name for name in registry.main_measures() if name in ordered]
    return list(dict.fromkeys([*first, *ordered]))


def best(compared: Sequence[Workflow], name: str) -> float | None:
    """The best value of a score of comparable workflows; None where there is nothing to choose from."""
    values = [workflow.scores[name] for workflow in compared if name in workflow.scores]
    if len(values) < 2 or min(values) == max(values):
        return None
    return min(values) if registry.measure(name).lower_is_better else max(values)


def score_table(compared: Sequence[Workflow], baseline: int) -> Styler:
    """One row a workflow: its colour, its scores with the best marked, and the differences to the baseline."""
    names = score_names(compared)
    base = next((workflow for workflow in compared if workflow.id == baseline), compared[0])
    cells: dict[str, list[Any]] = {
        "workflow": [listing.title(workflow) for workflow in compared],
        "colour": ["⬤"] * len(compared),
    }
    comparable = not incomparable(compared)
    for name in names:
        best_value = best(compared, name) if comparable else None
        cells[name] = [_score_cell(workflow, base, name, best_value) for workflow in compared]
    if _status_shown(compared):
        cells["status"] = [[words.status(workflow.status)] for workflow in compared]
    cells["duration"] = [words.duration(workflow.seconds) for workflow in compared]
    for name in facets_told(compared):
        cells[listing.facet_column(name)] = [_facet(workflow, name) for workflow in compared]
    shades = colours.of([workflow.id for workflow in compared])
    styled = pd.DataFrame(cells).style.apply(
        lambda column: [f"color: {shades[workflow.id]}" for workflow in compared], subset=["colour"]
    )
    return styled.map(lambda cell: "color: #2f9463; font-weight: bold" if cell.endswith(" best") else "", subset=names)


def _facet(workflow: Workflow, name: str) -> str:
    value = workflow.facets.get(name)
    return presentations.of(workflow.pipeline).facet(name, value) if value else NOT_USED


def score_columns(compared: Sequence[Workflow], open_: Callable[[int], None]) -> tables.ColumnConfigs:
    """How those columns are drawn; `open_` is given the number of the workflow whose name was pressed."""
    column = st.column_config
    return {
        "colour": column.TextColumn("", width=30, help="The colour of its curve"),
        "workflow": listing.name_column("compare-opened", compared, open_, name_width(compared)),
        **({"status": listing.status_column()} if _status_shown(compared) else {}),
        **{measure.name: _score_column(measure) for measure in map(registry.measure, score_names(compared))},
        "duration": column.TextColumn("Duration", width=72),
        **{
            listing.facet_column(name): column.TextColumn(words.titled(name), width=FACET)
            for name in facets_told(compared)
        },
    }


def _status_shown(compared: Sequence[Workflow]) -> bool:
    """Whether their status is worth a column: all completed is what a comparison is for."""
    return any(workflow.status is not Status.completed for workflow in compared)


def facets_told(compared: Sequence[Workflow]) -> list[str]:
    """The facets that tell these apart and that their names do not say."""
    return [name for name in listing.facets_beside(compared) if len({row.facets.get(name) for row in compared}) > 1]


def name_width(compared: Sequence[Workflow]) -> int:
    """As wide as the names need, where columns are needless that they say already."""
    needless = len(facets_shown(compared)) - len(facets_told(compared))
    longest = max((len(listing.title(row)) for row in compared), default=0)
    return min(max(NAME, 6 * longest + 24), NAME + FACET * needless)


def _score_column(measure: Measure) -> ColumnConfig:
    help_ = [measure.help] if measure.help else []
    if measure.share:
        help_.append("Differences in percentage points")
    return st.column_config.TextColumn(
        measure.shown, width=max(SCORE, 7 * len(measure.shown) + 12), help=". ".join(help_) or None
    )


def incomparable(compared: Sequence[Workflow]) -> bool:
    """Whether they are of different pipelines, data or columns to predict, so that scores are no contest."""
    return len({(workflow.pipeline, _data(workflow)) for workflow in compared}) > 1


def _data(workflow: Workflow) -> str:
    """The datasets of a workflow, and the columns that its settings name as text."""
    written = presentations.of(workflow.pipeline).pipeline
    known = written.params(workflow.params) if written else {}
    columns = {name: workflow.params.get(name) for name, param in known.items() if param.kind == "column"}
    given = {name: row.dataset_id for name, row in workflow.inputs.items()}
    return json.dumps([given, columns], sort_keys=True, ensure_ascii=False)


def setting_table(compared: Sequence[Workflow]) -> tuple[pd.DataFrame, int]:
    """One row a setting that differs, one column a workflow; and how many settings do not differ."""
    described = [_described(workflow, compared) for workflow in compared]
    names = list(dict.fromkeys(name for each in described for name in each))
    rows = {name: [each.get(name, NOT_USED) for each in described] for name in names}
    differing = {name: values for name, values in rows.items() if len(set(values)) > 1}
    table = pd.DataFrame(
        [[name, *values] for name, values in differing.items()],
        columns=["Setting", *(f"#{workflow.id}" for workflow in compared)],
        dtype="str",
    )
    return table, len(rows) - len(differing)


def _described(workflow: Workflow, compared: Sequence[Workflow]) -> dict[str, str]:
    """What a workflow was started with; its pipeline too, where there are several."""
    named = {"Pipeline": presentations.of(workflow.pipeline).label}
    several = len({each.pipeline for each in compared}) > 1
    return (named if several else {}) | settings.described(workflow)


def _score_cell(workflow: Workflow, base: Workflow, name: str, best_value: float | None) -> str:
    value = workflow.scores.get(name)
    if value is None:
        return NOT_USED
    measure = presentations.of(workflow.pipeline).measure(name)
    text = words.score(measure, value)
    if workflow.id != base.id and name in base.scores:
        text += f"  {words.points(measure, value - base.scores[name])}"
    return f"{text}  best" if value == best_value else text
