"""Everything one refresh of a workflow's page needs, and the sentences it says about waiting and attempts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobs import pipelines, queues
from jobs.pipelines import StepDefinition
from pages.parts import words
from store import logs, metrics, steps, workflows
from store.errors import NotFound
from store.metrics import Curves
from store.steps import Step
from store.tables import Status, now
from store.workflows import Workflow

FOLLOWS = re.compile(r"^(?P<reason>.*) Attempt (?P<attempt>\d+) follows\.$", re.DOTALL)
CONTINUES = re.compile(r"^Attempt (?P<attempt>\d+) continues from epoch (?P<epoch>\d+)\.$")


@dataclass(frozen=True, slots=True)
class Turn:
    """How an attempt after the first one came about."""

    attempt: int
    reason: str
    epoch: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Notebook:
    """One workflow as it is now."""

    workflow: Workflow
    steps: list[Step]
    curves: dict[int, Curves] = field(default_factory=dict)
    turns: dict[int, Turn] = field(default_factory=dict)
    origins: dict[int, int] = field(default_factory=dict)
    waits: dict[int, str] = field(default_factory=dict)
    definitions: dict[str, StepDefinition] = field(default_factory=dict)
    read_at: datetime = field(default_factory=now)

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    def result(self, name: str) -> dict[str, object]:
        step = self.step(name)
        return (step.result or {}) if step else {}

    @property
    def failed(self) -> Step | None:
        """The step at which it stopped."""
        return next((step for step in self.steps if step.status is Status.failed), None)

    @property
    def done(self) -> float:
        """The share of the work that is behind us, every step counted alike."""
        return sum(share(step) for step in self.steps) / max(len(self.steps), 1)


def read(workflow_id: int) -> Notebook:
    """Look once at everything; raises NotFound when the workflow is gone."""
    workflow = workflows.get(workflow_id)
    rows = steps.of_workflow(workflow_id)
    definitions = _definitions(workflow.pipeline)
    reused = {step.id: step.reused_from for step in rows if step.reused_from is not None}
    found = steps.workflows_of(list(reused.values())) if reused else {}
    return Notebook(
        workflow, rows, metrics.curves_of([step.id for step in rows]), _turns(rows),
        {step_id: found[origin] for step_id, origin in reused.items() if origin in found},
        _waits(rows, definitions), definitions,
    )


def title(step_name: str) -> str:
    """clean_up is shown as Clean up."""
    return step_name.replace("_", " ").capitalize()


def share(step: Step) -> float:
    """How far a step is, from 0 to 1."""
    return 1.0 if step.status is Status.completed else step.progress or 0.0


def seconds_left(notebook: Notebook, step: Step) -> float | None:
    """How long a running step still takes at its pace so far; None while that cannot be known."""
    if step.status is not Status.running or not step.progress or step.heartbeat_at is None:
        return None
    begun, behind = step.started_at, 0.0
    if turn := notebook.turns.get(step.id):
        begun, behind = turn.at, (turn.epoch or 0) / max(step.params.get("epochs") or 0, turn.epoch or 0, 1)
    if begun is None or step.progress <= behind or step.heartbeat_at <= begun:
        return None
    pace = (step.heartbeat_at - begun).total_seconds() / (step.progress - behind)
    return max(0.0, pace * (1 - step.progress) - (now() - step.heartbeat_at).total_seconds())


def told_attempt(notebook: Notebook, step: Step) -> str:
    """attempt 2, continued from epoch 24 after: The worker was lost while it ran this step."""
    if step.attempt == 1:
        return ""
    turn = notebook.turns.get(step.id)
    if turn is None or turn.attempt != step.attempt:
        return f"attempt {step.attempt}"
    going_on = f"continued from epoch {turn.epoch} " if turn.epoch else ""
    return f"attempt {step.attempt}, {going_on}{_after(turn.reason)}".rstrip(", ")


def _after(reason: str) -> str:
    if "worker was lost" in reason:
        return "after a lost worker"
    return f"after: {reason}" if reason else ""


def _definitions(pipeline: str) -> dict[str, StepDefinition]:
    try:
        return {definition.name: definition for definition in pipelines.get(pipeline).steps}
    except NotFound:
        return {}  # written in a module that is no longer loaded; what was done is still shown


def _turns(rows: Sequence[Step]) -> dict[int, Turn]:
    """How the present attempt of each step came about, read from what its log says of it."""
    again = [step.id for step in rows if step.attempt > 1]
    found: dict[int, Turn] = {}
    for line in logs.turns(again) if again else []:
        if match := FOLLOWS.match(line.text):
            found[line.step_id] = Turn(int(match["attempt"]), match["reason"], None, line.at)
        elif match := CONTINUES.match(line.text):
            before = found.get(line.step_id)
            reason = before.reason if before and before.attempt == int(match["attempt"]) else ""
            found[line.step_id] = Turn(int(match["attempt"]), reason, int(match["epoch"]), line.at)
    return found


def _waits(rows: Sequence[Step], definitions: dict[str, StepDefinition]) -> dict[int, str]:
    """What each pending step waits for."""
    by_name = {step.name: step for step in rows}
    found: dict[int, str] = {}
    for step in rows:
        if step.status is not Status.pending:
            continue
        needs = definitions[step.name].needs if step.name in definitions else ()
        above = [by_name[name] for name in needs if name in by_name and by_name[name].status is not Status.completed]
        found[step.id] = _needs_words(above) if above else _queue_words(step)
    return found


def _needs_words(above: Sequence[Step]) -> str:
    return "waiting for " + " and ".join(title(step.name).lower() for step in above)


def _queue_words(step: Step) -> str:
    if step.next_attempt_at and step.next_attempt_at > now():
        wait = (step.next_attempt_at - now()).total_seconds()
        return f"attempt {step.attempt} starts in {words.duration(wait)}"
    queue = queues.snapshot()
    if not queue.reachable:
        return "the queue cannot be reached; the step is saved and goes on when the queue is back"
    if any(each.paused for each in queue.queues):
        return "the queue is paused; it can be resumed on the page Queues"
    if not queue.workers:
        return "no worker is running"
    ahead = steps.ahead_of(step)
    if ahead:
        return f"waiting for a worker; {ahead} {'step is' if ahead == 1 else 'steps are'} ahead"
    return "waiting for a worker" if step.ready_at and (now() - step.ready_at).total_seconds() > 2 else "about to start"
