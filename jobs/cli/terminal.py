"""What the command line draws: lists, one workflow, and a workflow as it runs."""

import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from jobs.engine import attempts
from jobs.language import sentence, spoken
from jobs.pipelines import registry
from store import logs, metrics, steps, workflows
from store import people as sign_in
from store.logs import Line
from store.program import COMMAND
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

if TYPE_CHECKING:
    from datetime import datetime

    from jobs.engine.queue_view import Queues
    from store.audit import Deed
    from store.people import Person, Token

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 3.0
MOST_ROWS = 20
PIPE_WIDTH = 200
COLOURS = {
    "completed": "green",
    "running": "blue",
    "failed": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
    "ok": "green",
    "problem": "red",
    "note": "yellow",
    "error": "red",
    "warning": "yellow",
}


@lru_cache(maxsize=1)
def console() -> Console:
    """The terminal, or the pipe, that the answer goes to; a pipe gets long lines rather than broken ones."""
    made = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    return (
        made
        if made.is_terminal
        else Console(highlight=False, markup=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
    )


def say(text: str | Text) -> None:
    console().print(Text(clean(text)) if isinstance(text, str) else text)


def clean(text: str) -> str:
    """Text that cannot steer the terminal, whoever wrote it."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(sign) else sign for sign in text)


def _steers(sign: str) -> bool:
    return sign not in "\t\n" and unicodedata.category(sign) in ("Cc", "Cf", "Cs")


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns side by side; words that are a status have its colour."""
    drawn = Table(*heads, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        drawn.add_row(*(Text(clean(words(cell)), COLOURS.get(str(cell), "")) for cell in row))
    console().print(drawn, soft_wrap=False)


def words(value: Any) -> str:
    """A value for people: numbers with sensible digits, nothing for nothing."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def seconds(value: float | None) -> str:
    """How long something took, for people."""
    if value is None:
        return ""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"


def checks(found: Iterable[tuple[str, str, str, str]]) -> None:
    """What doctor found, each with what to do."""
    for name, state, told, advice in found:
        say(Text.assemble(f"{name:<12}", (f"{state:<9}", COLOURS[state]), told))
        if advice:
            say(f"{'':<21}{advice}")


def workflow_list(found: Sequence[Workflow]) -> None:
    if not found:
        say(f"No workflows yet. Start one with: {COMMAND} submit FILE")
        return
    named = sign_in.exist()
    table(
        ("ID", "Name", "Status", "Algorithm", "Dataset", "Score", "Time", "Created (UTC)", *(["By"] if named else [])),
        [
            (
                each.id,
                each.name,
                each.status,
                _kind(each),
                each.data.title if each.data else "",
                _main_score(each),
                seconds(each.seconds),
                f"{each.created_at:%Y-%m-%d %H:%M}",
                *([each.created_by] if named else []),
            )
            for each in found
        ],
    )


def workflow(workflow_id: int) -> None:
    """One workflow with its steps."""
    found, own = workflows.get(workflow_id), steps.of_workflow(workflow_id)
    sources = steps.workflows_of([step.reused_from for step in own if step.reused_from])
    say(Text.assemble(f"Workflow {found.id}: {clean(found.name)}  ", (found.status, COLOURS.get(found.status, ""))))
    say(_of_what(found))
    if found.created_by and sign_in.exist():
        say(f"Started by {found.created_by}, {found.created_at:%Y-%m-%d %H:%M} UTC")
    say(", ".join(f"{name} {words(value)}" for name, value in found.params.items() if value is not None))
    say("")
    table(
        ("Step", "Status", "Attempt", "Time", ""),
        [(step.name, step.status, step.attempt, seconds(step.seconds), _remark(step, sources)) for step in own],
    )
    if found.scores:
        say("")
        table(("Score", "Value"), found.scores.items())


def status(seen: "Queues", counts: dict[str, int], services: bool) -> None:
    """The queue, the workers, and how many workflows there are."""
    say("Services run on this machine." if services else "No services run on this machine.")
    say(seen.error or "The queue answers.")
    say(f"Steps: {seen.waiting} waiting, {seen.running} running, {seen.failed_last_hour} failed in the last hour")
    say("Workflows: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    if any(queue.paused for queue in seen.queues):
        say(Text("The queue is paused.", "yellow"))
    if seen.workers:
        say("")
        table(
            ("Worker", "State", "Step", "Workflow", "Done", "Failed"),
            [(row.name, row.state, row.step, row.workflow_id, row.done, row.failed) for row in seen.workers],
        )


def people(found: "Sequence[Person]") -> None:
    if not found:
        say(f"Nobody has to sign in. Add somebody with: {COMMAND} user add NAME --role admin")
        return
    table(
        ("Name", "Role", "Password", "Signed in (UTC)", "Since (UTC)"),
        [
            (
                each.name,
                each.role,
                "yes" if each.has_password else "none",
                _moment(each.signed_in_at) or "never",
                _moment(each.created_at),
            )
            for each in found
        ],
    )


def tokens(found: "Sequence[Token]") -> None:
    if not found:
        say("No tokens.")
        return
    table(
        ("ID", "For", "Until (UTC)", "Used (UTC)"),
        [(each.id, each.label, _moment(each.expires_at), _moment(each.used_at) or "never") for each in found],
    )


def deeds(found: "Sequence[Deed]") -> None:
    """Who did what."""
    table(
        ("When (UTC)", "Who", "By way of", "What", "From"),
        [(_moment(each.at), each.who, each.via, f"{each.what} {each.about}".strip(), each.address) for each in found],
    )


def _moment(at: "datetime | None") -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def over(found: Workflow) -> str:
    """How a workflow ended, in one line."""
    if found.status is Status.completed:
        scores = ", ".join(f"{name} {words(value)}" for name, value in found.scores.items())
        return f"Workflow {found.id} completed in {seconds(found.seconds)}" + (f": {scores}." if scores else ".")
    for step in steps.of_workflow(found.id):
        if step.status is Status.failed:
            return f"Workflow {found.id} failed at {step.name}: {_error(step)}"
    return f"Workflow {found.id} was {found.status}."


def watch(workflow_id: int, draw: bool, keep: Callable[[], Any]) -> Workflow:
    """Show what a workflow does until it is over; `keep` is called at every look."""
    news = News(workflow_id)
    with _bars(draw) as bars:
        while True:
            # Read the status first: what was said before the end is then certainly read after it.
            found = workflows.get(workflow_id)
            own = steps.of_workflow(workflow_id)
            if draw:
                for line in news.of(found, own):
                    say(line)
                _advance(bars, own)
            if found.status.over:
                return found
            keep()
            time.sleep(LOOK_SECONDS)


@dataclass
class News:
    """What is new about a workflow since the last look, as lines."""

    workflow_id: int
    statuses: dict[str, tuple[Status, int]] = field(default_factory=dict)
    last_line: int = 0
    epochs: dict[int, int] = field(default_factory=dict)
    tenths: dict[str, int] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    warned: bool = False

    def of(self, found: Workflow, own: Sequence[Step]) -> Iterator[Text]:
        lines, rows = self._new_lines(own), self._new_rows(own)
        for step in own:
            before = self.statuses.get(step.name)
            changed = before != (step.status, step.attempt)
            if changed and step.started_at and not step.reused_from and before != (Status.running, step.attempt):
                yield _spoken(step.name, "running", COLOURS["running"])
            yield from (_spoken(step.name, _epoch_words(row)) for row in rows[step.id][-MOST_ROWS:])
            yield from (
                _spoken(step.name, spoken(line.text, line.message).rstrip(), COLOURS.get(line.level, ""))
                for line in lines[step.id]
            )
            if step.status is Status.running and not rows[step.id]:
                yield from self._progress(step)
            if changed and step.status.over:
                yield _spoken(step.name, f"{step.status}{_after(step)}", COLOURS[step.status])
            self.statuses[step.name] = (step.status, step.attempt)
        if found.status is Status.pending:
            yield from self._idle()

    def _new_lines(self, own: Sequence[Step]) -> dict[int, list[Line]]:
        found: dict[int, list[Line]] = {step.id: [] for step in own}
        while lines := logs.of_workflow(list(found), self.last_line):
            for line in lines:
                found[line.step_id].append(line)
            self.last_line = lines[-1].id
        return found

    def _new_rows(self, own: Sequence[Step]) -> dict[int, list[dict[str, float]]]:
        """The numbers of steps that have not been seen to end, one row an epoch."""
        moving = [step.id for step in own if step.name not in self.statuses or not self.statuses[step.name][0].over]
        curves = metrics.curves_of(moving) if moving else {}
        found: dict[int, list[dict[str, float]]] = {step.id: [] for step in own}
        for step_id, by_name in curves.items():
            rows: dict[int, dict[str, float]] = {}
            for name, points in by_name.items():
                for epoch, value in points:
                    if epoch > self.epochs.get(step_id, 0):
                        rows.setdefault(epoch, {"epoch": epoch})[name] = value
            found[step_id] = [rows[epoch] for epoch in sorted(rows)]
            self.epochs[step_id] = max(rows, default=self.epochs.get(step_id, 0))
        return found

    def _progress(self, step: Step) -> Iterator[Text]:
        """Every tenth, where a step says how far it is and there is no bar to show it."""
        tenth = int((step.progress or 0) * 10)
        if tenth > self.tenths.get(step.name, 0) and not console().is_terminal:
            self.tenths[step.name] = tenth
            yield _spoken(step.name, f"{int((step.progress or 0) * 100)} %  {_progress_words(step)}".rstrip())

    def _idle(self) -> Iterator[Text]:
        if not self.warned and time.monotonic() - self.begun > PATIENCE_SECONDS:
            self.warned = True
            from jobs.engine import queue_view

            seen = queue_view.snapshot()
            if not seen.reachable:
                yield Text("Waiting: the queue cannot be reached just now.", "yellow")
            elif not seen.workers:
                yield Text(f"Waiting for a worker; none is running. Start one with: {COMMAND} worker", "yellow")


@contextmanager
def _bars(draw: bool) -> Iterator[Progress | None]:
    """A bar for every step, at the bottom of a real terminal."""
    if not draw or not console().is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console()) as bars:
        yield bars


@contextmanager
def moving(draw: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar that shows how far something is, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console(), disable=not draw or not console().is_terminal) as bar:
        task = bar.add_task("")
        yield lambda words, done, total: bar.update(task, description=words, completed=done, total=total or 1)


def _advance(bars: Progress | None, own: Sequence[Step]) -> None:
    if bars is None:
        return
    for number, step in enumerate(own):
        if number >= len(bars.tasks):
            bars.add_task(step.name, total=1.0, told="")
        told = clean(_progress_words(step)) if step.status is Status.running else str(step.status)
        done = 1.0 if step.status is Status.completed else step.progress or 0.0
        bars.update(bars.tasks[number].id, completed=done, told=told)


def _spoken(name: str, told: str, colour: str = "") -> Text:
    return Text.assemble(f"{name:<12}", (clean(told), colour))


def _epoch_words(row: dict[str, float]) -> str:
    values = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
    return f"epoch {row['epoch']}  {values}"


def _after(step: Step) -> str:
    if step.status is Status.completed:
        return " (reused)" if step.reused_from else f" in {seconds(step.seconds)}"
    return f": {_error(step)}" if step.status is Status.failed else ""


def _remark(step: Step, sources: dict[int, int]) -> str:
    if step.reused_from:
        origin = sources.get(step.reused_from)
        return f"reused from workflow {origin}" if origin else "reused"
    if step.status is Status.running:
        return _progress_words(step)
    return _error(step)


def _progress_words(step: Step) -> str:
    """Return words such as: epoch 3 of 10, about 2 m 5 s left."""
    left = attempts.left([step]).get(step.id)
    told = "" if left is None or left < 1 else f"{left:.0f} s" if left < 60 else seconds(left)
    return ", ".join(each for each in (_busy_with(step), told and f"about {told} left") if each)


def _busy_with(step: Step) -> str:
    return sentence(step.progress_message) if step.progress_message else ""


def _error(step: Step) -> str:
    return sentence(step.error) if step.error else ""


def _kind(found: Workflow) -> str:
    """What the workflow is listed by: its pipeline, and what its facets say."""
    return ", ".join(value for name, value in sorted(found.facets.items())) or found.pipeline


def _of_what(found: Workflow) -> str:
    given = [f"{name}: dataset {each.dataset_id} ({each.title})" for name, each in found.inputs.items()]
    facets = [f"{name} {value}" for name, value in sorted(found.facets.items())]
    return ", ".join([f"Pipeline {found.pipeline}", *given, *facets])


def _main_score(found: Workflow) -> str:
    names = [name for name in registry.main_measures() if name in found.scores] or list(found.scores)
    return f"{names[0]} {found.scores[names[0]]:.3f}" if names else ""
