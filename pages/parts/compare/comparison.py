"""What the compare page shows of several workflows: which are asked for, their scores, and the settings that differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from jobs.pipelines import registry
from pages.parts import charts, words
from pages.parts.workflow_list import listing
from store.errors import Refused
from store.workflows import Workflow

LONGEST_NUMBER = 18
LONGEST_VALUE = 200
ORDER = ("accuracy", "balanced_accuracy", "f1", "auc", "r2", "rmse", "mae")
NOT_USED = "–"
FIRST = {
    "Dataset": listing.dataset_title,
    "Target": lambda workflow: workflow.facets.get("target", ""),
    "Algorithm": lambda workflow: listing.label(workflow.facets.get("algorithm", "")),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a URL asks to compare."""

    ids: list[int]
    rubbish: list[str]
    too_many: int = 0
    curve: str | None = None
    baseline: int | None = None


def read(given: Mapping[str, str]) -> Asked:
    words_ = [word.strip() for word in given.get("ids", "").split(",") if word.strip()]
    ids = list(dict.fromkeys(int(word) for word in words_ if _is_number(word)))
    baseline = given.get("baseline", "")
    return Asked(
        ids[: charts.MOST_COMPARED],
        [word for word in words_ if not _is_number(word)],
        max(0, len(ids) - charts.MOST_COMPARED),
        given.get("curve") or None,
        int(baseline) if _is_number(baseline) else None,
    )


def remarks(asked: Asked, found: Sequence[Workflow]) -> list[str]:
    """What is wrong with what was asked for, one sentence each."""
    said = []
    if asked.rubbish:
        few = ", ".join(f'"{word[:20]}"' for word in asked.rubbish[:3])
        said.append(f"{few} in the address is no workflow number, and is left out.")
    if missing := sorted(set(asked.ids) - {workflow.id for workflow in found}):
        names = ", ".join(f"#{workflow_id}" for workflow_id in missing)
        plural = len(missing) > 1
        said.append(
            f"{names} {'do' if plural else 'does'} not exist, or no longer; "
            f"{'they were' if plural else 'it was'} probably deleted."
        )
    if asked.too_many:
        said.append(f"Up to {charts.MOST_COMPARED} can be compared; the other {asked.too_many} are left out.")
    if len(found) == 1 and not said:
        said.append("Add a second workflow to compare this one with.")
    return said


def curve_name(name: str) -> str:
    """val_accuracy is shown as Validation accuracy."""
    for prefix, said in (("val_", "Validation"), ("train_", "Training")):
        if name.startswith(prefix):
            measure = charts.measure_name(name.removeprefix(prefix))
            return f"{said} {measure if len(measure) < 3 else measure[:1].lower() + measure[1:]}"
    return charts.measure_name(name)


def score_names(found: Sequence[Workflow]) -> list[str]:
    """The scores that any of them has, without those of the baselines."""
    names = {name for workflow in found for name in workflow.scores if not name.startswith("baseline_")}
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def best(found: Sequence[Workflow], name: str) -> float | None:
    """The best value of a score; None where there is nothing to choose from."""
    values = [workflow.scores[name] for workflow in found if name in workflow.scores]
    if len(values) < 2 or min(values) == max(values):
        return None
    return min(values) if listing.lower_is_better(name) else max(values)


def difference(name: str, value: float, base: float) -> str:
    """+2.1 percentage points, or +0.021."""
    change = value - base
    if not change:
        return "same"
    if name in words.SHARES and name not in ("f1", "auc"):
        return f"{change * 100:+.1f}"
    return f"{change:+,.0f}" if abs(value) >= 1000 else f"{change:+.3f}"


def score_table(found: Sequence[Workflow], baseline: int) -> Styler:
    """One row a workflow: its colour, its scores with the best marked, and the differences to the baseline."""
    names = score_names(found)
    base = next((workflow for workflow in found if workflow.id == baseline), found[0])
    cells: dict[str, list[Any]] = {
        "workflow": [listing.address(workflow) for workflow in found],
        "colour": ["⬤"] * len(found),
    }
    for name in names:
        cells[name] = [_score_cell(workflow, base, name, best(found, name)) for workflow in found]
    cells["status"] = [[words.status(workflow.status)] for workflow in found]
    cells["duration"] = [words.duration(workflow.seconds) for workflow in found]
    cells["algorithm"] = [listing.label(workflow.facets.get("algorithm", "")) for workflow in found]
    colours = charts.colours([workflow.id for workflow in found])
    styled = pd.DataFrame(cells).style.apply(
        lambda column: [f"color: {colours[workflow.id]}" for workflow in found], subset=["colour"]
    )
    return styled.map(lambda cell: "color: #2f9463; font-weight: bold" if cell.endswith(" best") else "", subset=names)


def score_columns(found: Sequence[Workflow]) -> dict[str, Any]:
    column = st.column_config
    return {
        "colour": column.TextColumn("", width=30, help="The colour of its curve"),
        "workflow": column.LinkColumn("Workflow", display_text=listing.NAME_IN_ADDRESS, width=190, pinned=True),
        "status": listing.status_column(),
        **{
            name: column.TextColumn(
                words.score_name(name),
                width=140,
                help="Differences in percentage points" if name in ("accuracy", "balanced_accuracy") else None,
            )
            for name in score_names(found)
        },
        "duration": column.TextColumn("Duration", width=80),
        "algorithm": column.TextColumn("Algorithm", width=140),
    }


def apart(found: Sequence[Workflow]) -> bool:
    """Whether they learn different things."""
    return len({(workflow.data, workflow.facets.get("target")) for workflow in found}) > 1


def setting_table(found: Sequence[Workflow]) -> tuple[pd.DataFrame, int]:
    """One row a setting that differs, one column a workflow; and how many settings do not differ."""
    settings = [_settings(workflow) for workflow in found]
    names = list(dict.fromkeys(name for each in settings for name in each))
    rows = {name: [each.get(name, NOT_USED) for each in settings] for name in names}
    differing = {name: values for name, values in rows.items() if len(set(values)) > 1}
    table = pd.DataFrame(
        [[name, *values] for name, values in differing.items()],
        columns=["Setting", *(f"#{workflow.id}" for workflow in found)],
        dtype="str",
    )
    return table, len(rows) - len(differing)


def _settings(workflow: Workflow) -> dict[str, str]:
    """What a workflow was started with, by the names people read."""
    labels = _labels(workflow)
    return {name: say(workflow) for name, say in FIRST.items()} | {
        labels.get(name, words.score_name(name)): _value(value)
        for name, value in workflow.params.items()
        if name not in ("target", "algorithm")
    }


def _labels(workflow: Workflow) -> dict[str, str]:
    try:
        return {name: param.label for name, param in registry.get(workflow.pipeline).params(workflow.params).items()}
    except Refused:
        return {}  # written in a module that is no longer loaded


def _value(value: Any) -> str:
    if value is None:
        return "as proposed"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))[:LONGEST_VALUE]
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)[:LONGEST_VALUE]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _score_cell(workflow: Workflow, base: Workflow, name: str, best_value: float | None) -> str:
    value = workflow.scores.get(name)
    if value is None:
        return NOT_USED
    said = words.score(name, value)
    if workflow.id != base.id and name in base.scores:
        said += f"  {difference(name, value, base.scores[name])}"
    return f"{said}  best" if value == best_value else said


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER
