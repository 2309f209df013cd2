"""The last runs of a pipeline in short: a mark for each, the share that completed, the median time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pages.parts import words
from pages.parts.graph import SIGNS
from store import workflows
from store.tables import Status
from store.workflows import Filter, Workflow

RUNS = 20


@dataclass(frozen=True, slots=True)
class Lately:
    """The last runs of a pipeline, the newest first."""

    runs: Sequence[Workflow]

    @property
    def marks(self) -> str:
        """A mark in the colour of its status for each run, as Markdown; the newest is the last."""
        return " ".join(f":{words.COLOURS[run.status]}[{SIGNS[run.status]}]" for run in reversed(self.runs))

    @property
    def told(self) -> str:
        """95 % of 20 completed · median 1.2 s · last 3 minutes ago."""
        if not self.runs:
            return "Not run yet"
        over = [run for run in self.runs if run.status.over]
        completed = [run for run in over if run.status is Status.completed]
        parts = [f"{words.percent(len(completed) / len(over), 0)} of {len(over)} completed"] if over else []
        seconds = [run.seconds for run in completed if run.seconds is not None]
        parts += [f"median {words.duration(median(seconds))}"] if seconds else []
        return " · ".join([*parts, f"last {words.ago(self.runs[0].created_at)}"])


def of(pipeline: str) -> Lately:
    """The last runs of a pipeline."""
    return Lately(workflows.find(Filter(pipelines=(pipeline,)), limit=RUNS))
