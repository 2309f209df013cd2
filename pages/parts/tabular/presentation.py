"""What pages say of the built-in pipeline beyond what its definition tells: its steps' outputs, headline and labels.

Its results are drawn by their kinds like those of any pipeline; workflows of older versions stored them in forms of
their own, which are turned into kinds here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from jobs.language import sentence_of
from jobs.pipelines import Param
from jobs.pipelines.params import Params
from jobs.tabular import algorithms, fitness, told
from jobs.tabular.column import Column
from jobs.tabular.kinds import chosen_columns
from jobs.tabular.thresholds import MOVED, place_of, scores_at
from jobs.verbs import short_form
from pages.parts import charts, presentation, results, tables, words
from pages.parts.presentation import Presentation, View
from pages.parts.results import Files, Shown
from pages.parts.tabular import effects, names, profile
from pages.parts.tabular.headline import (
    baseline_words,
    evaluated,
    found,
    headline,
    moved,
    tested_on,
    threshold_moved,
)
from pages.parts.values import Value
from store.datasets import Dataset
from store.messages import Message, Notice, Values
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

PIPELINE = short_form.PIPELINE

# So wide that what a score says is not cut on a usual screen.
RANGE = "95 % range"
WIDTHS = {"Score": 128, RANGE: 128, "What it says": 400}
BESIDE = 100
RANGE_HELP = "95 % range: on other rows of the same kind, the score falls within it 19 times of 20."
SHOWN_SHARES = 4
SHOWN_ROWS = 6
CORRECT_THE_FILE = "Correct the file and start again with it on the page New."
FEWER = {
    "out_of_memory": "Use fewer columns or a smaller file, or a machine with more memory; then retry.",
    "killed": "Use fewer columns or rows, or a machine with more memory; then retry.",
    "timeout": "Use fewer epochs or less data, then run from here.",
    "timeout_killed": "Use fewer epochs or less data, then run from here.",
}


class TabularPresentation(Presentation):
    """The built-in pipeline on pages."""

    def __init__(self) -> None:
        super().__init__(PIPELINE)

    def summary(self, step: Step) -> list[str]:
        draw = SUMMARIES.get(step.name)
        return list(draw(self, step.result or {})) if draw else super().summary(step)

    def notices(self, step: Step) -> list[Notice]:
        result = step.result or {}
        if step.name == "evaluate":
            # What its score is worth stands under the headline.
            return [*threshold_moved(step.workflow_id, result)]
        warnings = [notice for notice in presentation.notices(result.get("notices")) if notice.level == "warning"]
        return warnings[: presentation.SHOWN_NOTICES]

    def views(self, step: Step) -> dict[str, View]:
        if step.name not in SUMMARIES:
            return super().views(step)
        result = step.result or {}
        return {name: partial(draw, result) for name, draw in VIEWS.get(step.name, {}).items()} if result else {}

    def shown(self, step: Step, files: Files) -> list[Shown]:
        if step.name in ("upload", "preprocess", "train"):
            return []
        if step.name != "evaluate" or any(map(results.is_result, (step.result or {}).values())):
            return [*self._scores(step), *super().shown(step, files)]
        return [*self._scores(step), *results.shown(converted(step.result or {}), files)]

    def epochs(self, step: Step) -> int | None:
        return int(step.params.get("epochs") or 0) or None

    def best_epoch(self, step: Step) -> int | None:
        return (step.result or {}).get("best_epoch") if step.status is Status.completed else None

    @property
    def stop_early(self) -> str:
        return "Stop and keep the best epoch"

    def about(self, workflow: Workflow) -> str:
        data = workflow.data
        target, algorithm = workflow.facets.get("target", ""), workflow.facets.get("algorithm", "")
        return (
            f"{words.plain(data.title if data else '')} · predicts {words.plain(target)} · "
            f"{words.plain(names.algorithm(algorithm))}"
        )

    def scores(self, workflow: Workflow, steps: Sequence[Step]) -> Mapping[str, float]:
        place = place_of(workflow.id, evaluated(steps))
        return scores_at(workflow.scores, place) if place else workflow.scores

    def headline(self, workflow: Workflow, steps: Sequence[Step]) -> str:
        result, target = evaluated(steps), workflow.facets.get("target", "")
        sentence = found(target, result, place_of(workflow.id, result))
        return sentence or headline(workflow.scores, result)

    def below_headline(self, workflow: Workflow, steps: Sequence[Step]) -> str:
        result, main = evaluated(steps), self.main_score(workflow.scores)
        if not main:
            return ""
        scores, target = self.scores(workflow, steps), workflow.facets.get("target", "")
        first = f"{headline(scores, result)}. " if found(target, result) else ""
        off = told.usual_error(scores)
        usual = f"{words.plain_sentence(off)} " if off else ""
        return f"{usual}{moved(workflow.id, result)}{first}{self.interval(main, steps)}"

    def to_know(self, workflow: Workflow) -> str:
        used = algorithms.ALGORITHMS.get(workflow.facets.get("algorithm", ""))
        if used is None or names.gives_chances(used):
            return ""
        return words.plain_sentence(Message("gives_no_chances", {"algorithm": used.label}))

    def offered(self, param: Param, chosen: Params, data: Dataset | None) -> Param:
        """Only algorithms that can predict the chosen target, as what it is treated as so far: classes or a number."""
        if param.name != "algorithm" or data is None:
            return param
        column = next((each for each in chosen_columns(data, chosen) if each.name == chosen.get("target")), None)
        tasks = fitness.tasks(column) if column else []
        present = algorithms.ALGORITHMS.get(str(chosen.get("algorithm")))
        task = present.task if present and present.task in tasks else next(iter(tasks), None)
        fitting = tuple(key for key in param.choices if task is None or algorithms.ALGORITHMS[key].task == task)
        if not fitting:
            return param
        wanted = self.choice(str(chosen.get("algorithm")))  # boosting of numbers in the place of boosting of classes
        alike = [key for key in fitting if self.choice(key) == wanted]
        default = next((key for key in (param.default, *alike) if key in fitting), fitting[0])
        return replace(param, choices=fitting, default=default)

    def choice(self, value: str) -> str:
        if value in algorithms.ALGORITHMS:
            return names.algorithm(value).removesuffix(names.NUMBERS)  # only those for numbers are offered beside it
        return words.titled(value)  # most_frequent is shown as Most frequent

    def facet(self, name: str, value: str) -> str:
        return names.algorithm(value) if name == "algorithm" else value

    def named(self, values: Values) -> Values:
        return names.in_values(values)

    def advice(self, step: Step) -> str:
        if step.error_code == "refused" and step.name == "upload":
            return CORRECT_THE_FILE
        if step.error and step.error.code in presentation.CRASHES:
            return super().advice(step)
        return FEWER.get(step.error_code or "") or super().advice(step)

    def _scores(self, step: Step) -> list[Shown]:
        """The scores as a table, beside what a trivial guess reaches."""
        result = step.result or {}
        scores = step.scores or result.get("scores") or {}
        if not scores:
            return []
        baseline = baseline_words(result.get("baseline")) or "the baseline"
        beside = {"Validation rows": presentation.VALIDATION, "Baseline": presentation.BASELINE}
        tested = words.sentence(tested_on(result))
        columns = {tested: {name: words.score(self.measure(name), value) for name, value in scores.items()}}
        if known := result.get("intervals"):
            columns[RANGE] = {name: self._between(name, bounds) for name, bounds in known.items()}
        columns["Spread of folds"] = {
            name: words.score(self.measure(name), scores[f"{name}{presentation.SPREAD}"])
            for name in scores
            if f"{name}{presentation.SPREAD}" in scores
        }
        for title, prefix in beside.items():
            columns[title] = {
                name: words.score(self.measure(name), scores[f"{prefix}{name}"])
                for name in scores
                if f"{prefix}{name}" in scores
            }
        own = [name for name in scores if not presentation.is_beside(name)]
        shown = [title for title, values in columns.items() if values]
        rows = [
            [self.measure(name).shown, *(columns[title].get(name, "") for title in shown), self.measure(name).help]
            for name in own
        ]
        told_ = {RANGE: RANGE_HELP, "Baseline": f"Baseline: {baseline}."}
        help_ = " ".join(sentence for title, sentence in told_.items() if title in shown)
        columns_ = ["Score", *shown, "What it says"]
        return [Shown("Scores", lambda key: tables.texts(columns_, rows, WIDTHS, BESIDE, "Scores", key), help_)]

    def _between(self, name: str, bounds: Sequence[float]) -> str:
        low, high = (words.score(self.measure(name), bound) for bound in bounds)
        return f"{low} to {high}"

    def interval(self, name: str, steps: Sequence[Step]) -> str:
        result = evaluated(steps)
        if name in MOVED and steps and place_of(steps[0].workflow_id, result):
            before = words.score(self.measure(name), result["scores"].get(name))
            return f"{words.sentence(self.measure(name).shown)} {before} at the usual threshold."
        bounds = (result.get("intervals") or {}).get(name)
        if not bounds:
            return ""
        return words.plain_sentence(self.measure(name).within(bounds))


# In a line or two


def _upload(_of: Presentation, result: Value) -> Iterator[str]:
    rows, columns = result.get("rows"), result.get("columns_profile") or []
    parts = [words.count(rows, "row"), words.count(len(columns) or result.get("columns"), "column")]
    if result.get("size"):
        parts.append(words.size(result["size"]))
    yield " · ".join(parts)


def _preprocess(_of: Presentation, result: Value) -> Iterator[str]:
    parts = [
        words.count(result.get("train_rows"), "training row"),
        words.count(result.get("validation_rows"), "validation row"),
    ]
    if result.get("test_rows"):
        parts.append(words.count(result["test_rows"], "test row"))
    if result.get("matrix_columns"):
        columns = words.count(len(result.get("features") or []), "column")
        parts.append(f"{columns}, as {words.count(result['matrix_columns'], 'number')} a row")
    yield " · ".join(parts)
    if counts := result.get("class_counts"):
        yield f":small[:gray[{_shares(str(result.get('target', '')), counts)}]]"


def _shares(target: str, counts: Mapping[str, int]) -> str:
    """Return the share of each class: abone mi: Hayır 61.0 %, Evet 39.0 %."""
    total = sum(counts.values()) or 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    largest = ordered[:SHOWN_SHARES]
    shares = ", ".join(f"{words.plain(label)} {words.percent(count / total)}" for label, count in largest)
    more = len(ordered) - SHOWN_SHARES
    rest = f" and {words.count(more, 'more class', 'more classes')}" if more > 0 else ""
    return f"{words.plain(target)}: {shares}{rest}"


def _train(of: Presentation, result: Value) -> Iterator[str]:
    parts = [f"Best at epoch {words.count(result.get('best_epoch'))} of {words.count(result.get('epochs_run'))}"]
    if main := charts.measured(str(result.get("main_metric", ""))):
        measure = of.measure(main)
        parts.append(f"validation {words.inside(measure.shown)} **{words.score(measure, result.get('best'))}**")
    if result.get("stopped_early"):
        parts.append("stopped early: no further improvement")
    rows, given = result.get("learned_rows"), result.get("given_rows")
    if rows and given and rows < given:
        parts.append(f"trained on {words.count(rows)} random rows of {words.count(given)}")
    if result.get("model_size"):
        parts.append(f"model {words.size(result['model_size'])}")
    yield " · ".join(parts)


def _evaluate(_of: Presentation, _result: Value) -> Iterator[str]:
    """Its scores are in the headline of the workflow, and its notices stand by themselves."""
    yield from ()


# Views behind a button


def _uploaded(result: Value, key: str) -> None:
    columns = [Column.from_json(stored) for stored in result.get("columns_profile") or []]
    profile.notices(result.get("notices") or [], key=f"{key}-notices")
    profile.profile_table(columns, result.get("rows"), key=f"{key}-profile")
    st.caption("The first rows")
    profile.preview_table(columns, result.get("preview") or [], key=f"{key}-rows", most=SHOWN_ROWS)


def _preprocessed(result: Value, key: str) -> None:
    profile.notices(result.get("notices") or [], key=f"{key}-notices")
    done = [[row["column"], words.sentence(sentence_of(row["did"]))] for row in result.get("columns") or []]
    left_out = [[row["column"], f"Left out: {sentence_of(row['reason'])}"] for row in result.get("left_out") or []]
    results.draw_table({"columns": ["Column", "What was done"], "rows": [*done, *left_out]}, f"{key}-done")


# Results with a kind


def converted(result: Value) -> dict[str, Any]:
    """What evaluate left, as results with kinds, with what pages say more of effects and importance."""
    values = told.all_results(result)
    importance = values.pop("importance", None)
    if known := result.get("effects"):
        values["effects"] = effects.table_of(known)
    if importance:
        of = "accuracy" if result.get("curves") or result.get("confusion") else "R²"
        spoken = effects.importance_in_words(result["importance"], of) if result.get("importance_on") else ""
        values["importance"] = {**importance, "help": f"{spoken} {importance['help']}".strip()}
    return values


SUMMARIES = {"upload": _upload, "preprocess": _preprocess, "train": _train, "evaluate": _evaluate}
VIEWS = {
    "upload": {":material/table_chart: Data": _uploaded},
    "preprocess": {":material/view_column: Columns": _preprocessed},
}
