"""How the workflows of a pipeline are presented: what is shown of any pipeline, and what one of them can show better.

Pages ask `presentations.of(pipeline)`. A pipeline whose pages know more than its definition tells has a subclass: see
`tabular`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from jobs.language import sentence
from jobs.pipelines import Measure, Param, Pipeline, registry
from jobs.pipelines.measures import declared_measure
from jobs.pipelines.params import Params
from pages.parts import results, words
from pages.parts.results import Files, Shown
from store.datasets import Dataset
from store.errors import NotFoundError
from store.messages import Notice, Values, notices_of
from store.steps import Step
from store.workflows import Workflow

View = Callable[[str], None]

OUTPUT = ":material/data_object: Output"
SHOWN_NOTICES = 3
MOST_SIMPLE = 12
BASELINE = "baseline_"
VALIDATION = "validation_"
SPREAD = "_spread"
ADVICE = {
    "error": "The same code fails the same way on the same data. Correct the code or change a setting, then retry.",
    "refused": "Change a setting of this step and run from here, or retry when the cause is gone.",
    "out_of_memory": "Give it less data, or a machine with more memory; then retry.",
    "timeout": "Give it less to do, or raise the time limit of the step; then run from here.",
    "timeout_killed": "Give it less to do, or raise the time limit of the step; then run from here.",
    "disk_full": "Free some space on the server, then retry.",
    "code_gone": "Retry when the code is back. Completed steps above are kept.",
    "killed": "Give it less data, or a machine with more memory; then retry.",
    "worker_lost": "Completed steps are safe. Retry; if it happens again, the machine may be short of memory.",
}
# More memory would not help against these.
CRASHES = {
    "signalled": (
        "This is a crash in compiled code, not a lack of memory. The log shows where in your code; correct that, or "
        "take another version of the library that crashed, then retry."
    ),
    "exited": "Code that the step calls ended its process. The log shows what it said; correct that, then retry.",
}
DEFAULT_ADVICE = "Retry may help. If it fails again, show the log to the person who runs this server."


class Presentation:
    """What pages say of a workflow and its steps, for any pipeline."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def pipeline(self) -> Pipeline | None:
        """What is written; None when its code is not loaded any more."""
        try:
            return registry.get(self.name)
        except NotFoundError:
            return None

    @property
    def label(self) -> str:
        return self.pipeline.shown if self.pipeline else words.titled(self.name)

    # What a step left

    def summary(self, step: Step) -> list[str]:
        """What a step left, in a line or two of Markdown."""
        result = step.result or {}
        main = self.main_score(step.scores)
        scores = [
            f"{words.plain(measure.shown)} **{words.score(measure, step.scores[measure.name])}**"
            for measure in map(self.measure, [*([main] if main else []), *self.other_scores(step.scores)])
        ]
        known = [
            f"{words.plain(words.titled(name))}: {words.plain(words.value(value))}"
            for name, value in results.simple(result).items()
        ]
        return [" · ".join([*scores, *known[:MOST_SIMPLE]])] if scores or known else []

    def notices(self, step: Step) -> list[Notice]:
        """What the reader should know."""
        return notices((step.result or {}).get("notices"))[:SHOWN_NOTICES]

    def views(self, step: Step) -> dict[str, View]:
        """What more there is to see of a step's output, by the word on its button."""
        rest = results.others(step.result or {})
        return {OUTPUT: lambda key: results.draw_tree(rest, key)} if rest else {}

    def shown(self, step: Step, files: Files) -> list[Shown]:
        """The results of a step, each drawn by its kind."""
        return results.shown(step.result or {}, files)

    def epochs(self, step: Step) -> int | None:
        """How many epochs a running step is going to have, so that its curves have room."""
        return None

    def best_epoch(self, step: Step) -> int | None:
        """The epoch whose state a completed step saved."""
        return None

    @property
    def stop_early(self) -> str:
        """What a button is called that lets a running step end with what it has."""
        return "Stop and keep what it has"

    # A workflow

    def about(self, workflow: Workflow) -> str:
        """What a workflow is, in one line: its pipeline, its data and its facets."""
        given = [words.plain(each.title) for each in workflow.inputs.values()]
        facets = [
            f"{words.plain(words.inside(words.titled(name)))} {words.plain(self.facet(name, value))}"
            for name, value in sorted(workflow.facets.items())
        ]
        label = [] if workflow.name == self.label else [words.plain(self.label)]
        return " · ".join([*label, *given, *facets])

    def scores(self, workflow: Workflow, steps: Sequence[Step]) -> Mapping[str, float]:
        """The scores of a workflow as it predicts now."""
        return workflow.scores

    def headline(self, workflow: Workflow, steps: Sequence[Step]) -> str:
        """How good it is, in one sentence; nothing where there is no main score."""
        name = self.main_score(workflow.scores)
        if name is None:
            return ""
        return f"{words.plain(self.measure(name).shown)} {words.score(self.measure(name), workflow.scores[name])}"

    def below_headline(self, workflow: Workflow, steps: Sequence[Step]) -> str:
        """A further sentence on how good it is; nothing where one says all."""
        return ""

    def to_know(self, workflow: Workflow) -> str:
        """What to know of a workflow before it is chosen among others; nothing where there is nothing to say."""
        return ""

    def interval(self, name: str, steps: Sequence[Step]) -> str:
        """Within which bounds a score is, in words; nothing where that is not known."""
        return ""

    def main_score(self, scores: Mapping[str, float]) -> str | None:
        """The name of the score that stands for a workflow."""
        declared = list(self.pipeline.measures) if self.pipeline else []
        names = [measure.name for measure in sorted(declared, key=lambda each: not each.main)]
        return next((name for name in [*names, *scores] if name in scores and not is_beside(name)), None)

    def other_scores(self, scores: Mapping[str, float]) -> list[str]:
        """The scores beside the main one, declared ones first."""
        declared = [measure.name for measure in self.pipeline.measures] if self.pipeline else []
        first = self.main_score(scores)
        names = dict.fromkeys([name for name in declared if name in scores] + list(scores))
        return [name for name in names if name != first and not is_beside(name)]

    def measure(self, name: str) -> Measure:
        """What a score or a curve means: what the pipeline declares, or else any other."""
        declared = self.pipeline.measures if self.pipeline else ()
        exact = next((each for each in declared if each.name == name), None)
        return exact or (declared_measure(declared, name) if "/" in name else None) or registry.measure(name)

    # Words and choices

    def offered(self, param: Param, chosen: Params, data: Dataset | None) -> Param:
        """A param with the choices that fit what is chosen so far."""
        return param

    def choice(self, value: str) -> str:
        """A choice as people read it: as its author wrote it."""
        return value

    def facet(self, name: str, value: str) -> str:
        """The value of a facet as people read it."""
        return value

    def named(self, values: Values) -> Values:
        """The values of a refusal with the names that people read."""
        return values

    def advice(self, step: Step) -> str:
        """What to do about a failed step."""
        return CRASHES.get(step.error.code if step.error else "") or ADVICE.get(step.error_code or "", DEFAULT_ADVICE)


def is_beside(name: str) -> bool:
    """Whether a score only says more of another one, and stands beside it."""
    return name.startswith((BASELINE, VALIDATION)) or name.endswith(SPREAD)


def notices(stored: Any) -> list[Notice]:
    """Stored notices, warnings first."""
    return sorted(notices_of(stored), key=lambda notice: notice.level != "warning")


def notice_line(notice: Notice) -> str:
    """The sentence of a notice, with a sign for how serious it is."""
    icon = ":orange[:material/warning:]" if notice.level == "warning" else ":gray[:material/info:]"
    return f"{icon} {words.plain(sentence(notice.message))}"


def draw_notices(notices: Sequence[Notice]) -> None:
    """Notices, one line each."""
    for notice in notices:
        st.markdown(notice_line(notice))
