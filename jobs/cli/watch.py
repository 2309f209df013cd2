"""A workflow as it runs, line by line, with a bar for each step on a terminal."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from jobs.cli.asked import waits
from jobs.cli.step_words import error_words, progress_words
from jobs.cli.terminal import COLOURS, clean, console, say, seconds
from jobs.language import text_of
from jobs.verbs import questions
from store import logs, metrics, steps, workflows
from store.logs import Line
from store.program import COMMAND
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 3.0
MOST_ROWS = 20


def watch(workflow_id: int, draw: bool, keep: Callable[[], object]) -> Workflow:
    """Show what a workflow does until it is over; `keep` is called at every look."""
    updates = Updates(workflow_id)
    with _bars(draw) as bars:
        while True:
            # Read the status first: lines written before the end are then certainly read after it.
            workflow = workflows.get(workflow_id)
            own = steps.of_workflow(workflow_id)
            if draw:
                for line in updates.of(workflow, own):
                    say(line)
                _advance(bars, own)
            if workflow.status.over:
                return workflow
            keep()
            time.sleep(LOOK_SECONDS)


@dataclass
class Updates:
    """What is new about a workflow since the last look, as lines."""

    workflow_id: int
    statuses: dict[int, tuple[Status, int]] = field(default_factory=dict)
    last_line: int = 0
    epochs: dict[int, int] = field(default_factory=dict)
    tenths: dict[int, int] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    warned: bool = False

    def of(self, workflow: Workflow, own: Sequence[Step]) -> Iterator[Text]:
        lines, rows = self._new_lines(own), self._new_rows(own)
        for step in own:
            before = self.statuses.get(step.id)
            changed = before != (step.status, step.attempt)
            if changed and step.started_at and not step.reused_from and before != (Status.running, step.attempt):
                yield _line(step.key, "running", COLOURS["running"])
            yield from self._epochs(step, rows[step.id])
            yield from (
                _line(step.key, text_of(line.text, line.message).rstrip(), COLOURS.get(line.level, ""))
                for line in lines[step.id]
                if not self._is_shown(line)
            )
            if changed and step.status is Status.waiting:
                yield Text(clean(waits(questions.question_of(step))), COLOURS["waiting"])
            if step.status is Status.running and not rows[step.id]:
                yield from self._progress(step)
            if changed and step.status.over:
                yield _line(step.key, f"{step.status}{_after(step)}", COLOURS[step.status])
            self.statuses[step.id] = (step.status, step.attempt)
        if workflow.status is Status.pending:
            yield from self._idle()

    def _epochs(self, step: Step, rows: Sequence[dict[str, float]]) -> Iterator[Text]:
        """The last of its new epochs; those of a step that was reused were shown where it ran."""
        if step.reused_from:
            return
        if len(rows) > MOST_ROWS:
            yield _line(step.key, f"{len(rows) - MOST_ROWS:,} earlier epochs are on the page of the workflow")
        yield from (_line(step.key, _epoch_words(row)) for row in rows[-MOST_ROWS:])

    def _new_lines(self, own: Sequence[Step]) -> dict[int, list[Line]]:
        by_step: dict[int, list[Line]] = {step.id: [] for step in own}
        while lines := logs.of_workflow(list(by_step), self.last_line):
            for line in lines:
                by_step[line.step_id].append(line)
            self.last_line = lines[-1].id
        return by_step

    def _new_rows(self, own: Sequence[Step]) -> dict[int, list[dict[str, float]]]:
        """New metrics of steps that still run, one row per epoch."""
        moving = [step.id for step in own if not self._was_over(step)]
        curves = metrics.curves_of(moving) if moving else {}
        by_step: dict[int, list[dict[str, float]]] = {step.id: [] for step in own}
        for step_id, by_name in curves.items():
            rows: dict[int, dict[str, float]] = {}
            for name, points in by_name.items():
                for epoch, value in points:
                    if epoch > self.epochs.get(step_id, 0):
                        rows.setdefault(epoch, {"epoch": epoch})[name] = value
            by_step[step_id] = [rows[epoch] for epoch in sorted(rows)]
            self.epochs[step_id] = max(rows, default=self.epochs.get(step_id, 0))
        return by_step

    def _was_over(self, step: Step) -> bool:
        return step.id in self.statuses and self.statuses[step.id][0].over

    def _is_shown(self, line: Line) -> bool:
        """Whether a line says what the numbers of an epoch have just said."""
        said = line.message.values if line.message else {}
        return "measures" in said and said.get("epoch", 0) in range(1, self.epochs.get(line.step_id, 0) + 1)

    def _progress(self, step: Step) -> Iterator[Text]:
        """A line at every tenth of the progress, where no bar shows it."""
        tenth = int((step.progress or 0) * 10)
        if tenth > self.tenths.get(step.id, 0) and not console().is_terminal:
            self.tenths[step.id] = tenth
            yield _line(step.key, f"{int((step.progress or 0) * 100)} %  {progress_words(step)}".rstrip())

    def _idle(self) -> Iterator[Text]:
        if not self.warned and time.monotonic() - self.started > PATIENCE_SECONDS:
            self.warned = True
            from jobs.engine import queue_view

            seen = queue_view.snapshot()
            if not seen.reachable:
                yield Text("Waiting: the queue cannot be reached right now.", "yellow")
            elif not seen.workers:
                yield Text(f"Waiting for a worker; none is running. Start one with: {COMMAND} worker", "yellow")


@contextmanager
def _bars(draw: bool) -> Iterator[Progress | None]:
    """A bar for every step, at the bottom of a real terminal."""
    if not draw or not console().is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=console()) as bars:
        yield bars


def _advance(bars: Progress | None, own: Sequence[Step]) -> None:
    if bars is None:
        return
    for number, step in enumerate(own):
        if number >= len(bars.tasks):
            bars.add_task(step.key, total=1.0, text="")
        text = clean(progress_words(step)) if step.status is Status.running else str(step.status)
        done = 1.0 if step.status is Status.completed else step.progress or 0.0
        bars.update(bars.tasks[number].id, completed=done, text=text)


def _line(name: str, text: str, colour: str = "") -> Text:
    return Text.assemble(f"{name:<11} ", (clean(text), colour))


def _epoch_words(row: dict[str, float]) -> str:
    values = "  ".join(f"{name} {value:.4g}" for name, value in sorted(row.items()) if name != "epoch")
    return f"epoch {row['epoch']}  {values}"


def _after(step: Step) -> str:
    if step.status is Status.completed:
        return " (reused)" if step.reused_from else f" in {seconds(step.seconds)}"
    return f": {error_words(step)}" if step.status is Status.failed else ""
