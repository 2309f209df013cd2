"""Everything one refresh of a workflow's page needs, with its sentences about waiting and attempts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import streamlit as st

from jobs.engine import remaining
from jobs.language import numbers, sentence
from jobs.pipelines import StepDefinition, registry
from pages.parts import visitor, words
from pages.parts.queue import look
from pages.parts.workflow import curves, folds
from pages.parts.workflow.curves import Shared
from store import steps, workflows
from store.attempts import Attempt
from store.errors import NotFoundError
from store.steps import Step
from store.tables import Status, StepRole, now
from store.workflows import Workflow

DELAY_SECONDS = 3
FRESH_SECONDS = 0.5
MOST_NAMED = 6
# How an attempt ended, in short.
ENDS = {
    "worker_lost": "worker lost",
    "killed": "process killed",
    "signalled": "process killed",
    "exited": "process ended",
    "frozen": "process hung",
    "stopped": "stopped",
    "backed_up": "stopped",
    "timeout": "timed out",
    "timeout_at": "timed out",
    "timeout_killed": "timed out",
    "out_of_memory": "out of memory",
    "disk_full": "disk full",
}


@dataclass(frozen=True, slots=True)
class Notebook:
    """One workflow as it is now."""

    workflow: Workflow
    steps: list[Step]
    curves: dict[int, Shared] = field(default_factory=dict)
    attempts: dict[int, list[Attempt]] = field(default_factory=dict)
    origins: dict[int, int] = field(default_factory=dict)
    waits: dict[int, str] = field(default_factory=dict)
    definitions: dict[str, StepDefinition] = field(default_factory=dict)
    needed: dict[int, list[int]] = field(default_factory=dict)
    main_measures: list[str] = field(default_factory=list)
    read_at: datetime = field(default_factory=now)

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    def result(self, name: str) -> dict[str, object]:
        step = self.step(name)
        return (step.result or {}) if step else {}

    @property
    def failed(self) -> Step | None:
        """The step at which it stopped."""
        failed = [step for step in self.steps if step.status is Status.failed and not step.handled]
        return min(failed, key=lambda step: (step.role == StepRole.driver, step.position), default=None)

    @property
    def is_flow(self) -> bool:
        """Whether a driver asks for its steps."""
        return any(step.role == StepRole.driver for step in self.steps)

    @property
    def standing(self) -> Status:
        """The workflow's status; a started one waits while no worker works on it, or for a person's answer."""
        ready = [step.ready_at for step in self.steps if step.status is Status.pending and step.ready_at]
        if self.workflow.status is not Status.running or any(step.status is Status.running for step in self.steps):
            return self.workflow.status
        if not ready and any(step.status is Status.waiting for step in self.steps):
            return Status.waiting
        delayed = ready and (self.read_at - min(ready)).total_seconds() > DELAY_SECONDS
        return Status.pending if delayed else Status.running

    def title(self, step: Step) -> str:
        """What a step is called: its label, or its name as words."""
        if step.source or step.role:
            return step.label or words.titled_in_group(step.key, step.group)
        definition = self.definitions.get(step.key)
        return definition.title if definition else words.titled(step.name)

    def needs(self, step: Step) -> list[Step]:
        """The steps that a step needs, as written when the workflow was started."""
        wanted = self.needed.get(step.id, [])
        return [each for each in self.steps if each.id in wanted]


def read(workflow_id: int) -> Notebook:
    """Read everything once; raises NotFoundError when the workflow was deleted."""
    workflow = workflows.get(workflow_id)
    rows = steps.of_workflow(workflow_id)
    definitions, needed = _definitions(workflow.pipeline), steps.needs_of(workflow_id)
    few = len(rows) <= folds.MOST_CELLS
    reused = {step.id: step.reused_from for step in rows if step.reused_from is not None}
    origins = steps.workflows_of(list(reused.values())) if reused else {}
    return Notebook(
        workflow,
        rows,
        _curves(rows) if few else {},
        remaining.history(rows),
        {step_id: origins[origin] for step_id, origin in reused.items() if origin in origins},
        _waits(rows, rows, definitions, needed) if few else {},
        definitions,
        needed,
        registry.main_measures(),
    )


def read_more(book: Notebook, shown: Sequence[Step]) -> None:
    """Read what cells need and was not read for all steps, because there are many."""
    if len(book.steps) > folds.MOST_CELLS:
        book.curves.update(_curves(shown))
        book.waits.update(_waits(shown, book.steps, book.definitions, book.needed))


def lately(workflow_id: int) -> Notebook:
    """The notebook as another visitor of the same language read it just now: for the timers of many who look at
    the same."""
    return _lately(workflow_id, numbers.current().code)


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def _lately(workflow_id: int, language: str) -> Notebook:
    return read(workflow_id)


def share(step: Step) -> float:
    """How far a step is, from 0 to 1. A bar has the one colour of progress, so that of a failed step stays empty."""
    if step.status is Status.running:
        return step.progress or 0.0
    return 1.0 if step.status is Status.completed else 0.0


def busy_with(step: Step) -> str:
    """What a step says that it is doing."""
    return sentence(step.progress_message) if step.progress_message else ""


def error(step: Step) -> str:
    """Why a step failed."""
    return sentence(step.error) if step.error else "The step failed."


def attempt_words(notebook: Notebook, step: Step) -> str:
    """Return how the previous attempt ended, and this one: worker lost at 14:02, attempt 2 continued from epoch 31."""
    known = {each.number: each for each in notebook.attempts.get(step.id, [])}
    present, before = known.get(step.attempt), known.get(step.attempt - 1)
    if step.attempt == 1 or (step.started_at is None and present is None):
        return ""  # the first one, or it had not started before a retry
    epoch = present.continued_from if present else None
    if before is None or before.ended_at is None or not _was_lost(before, present, step):
        return f"attempt {step.attempt}" + (f", continued from epoch {words.count(epoch)}" if epoch else "")
    if epoch:
        going_on = f"continued from epoch {words.count(epoch)}"
    else:
        going_on = {Status.pending: "follows", Status.failed: "failed, too"}.get(step.status, "started over")
    return f"{_ending_words(before)}, attempt {step.attempt} {going_on}"


def _was_lost(before: Attempt, present: Attempt | None, step: Step) -> bool:
    """Tell whether the previous attempt was lost and repeated, rather than repeated by a person's Retry."""
    return step.started_at is not None and before.began_at >= step.started_at


def _ending_words(attempt: Attempt) -> str:
    assert attempt.ended_at
    at = visitor.clock(attempt.ended_at)
    if short := ENDS.get(attempt.code or ""):
        return f"{short} at {at}"
    return f"failed at {at} ({sentence(attempt.ending)})" if attempt.ending else f"failed at {at}"


def _curves(rows: Sequence[Step]) -> dict[int, Shared]:
    """The curves of the steps that have any."""
    by_step = {step.id: curves.of(step) for step in rows if step.started_at is not None}
    return {step_id: shared for step_id, shared in by_step.items() if shared.curves}


def _definitions(pipeline: str) -> dict[str, StepDefinition]:
    try:
        return {definition.key: definition for definition in registry.get(pipeline).steps}
    except NotFoundError:
        return {}  # written in a module that is no longer loaded; what was done is still shown


def _waits(
    shown: Sequence[Step],
    rows: Sequence[Step],
    definitions: dict[str, StepDefinition],
    needed: Mapping[int, list[int]],
) -> dict[int, str]:
    """What each pending one of the shown steps waits for."""
    by_id = {step.id: step for step in rows}
    reasons: dict[int, str] = {}
    for step in shown:
        if step.status is not Status.pending:
            continue
        above = [by_id[each] for each in needed.get(step.id, []) if not by_id[each].status.over]
        reasons[step.id] = _needs_words(above, definitions) if above else _queue_words(step)
    return reasons


def _needs_words(above: Sequence[Step], definitions: Mapping[str, StepDefinition]) -> str:
    asked = [step for step in above if step.status is Status.waiting]
    if asked and len(asked) == len(above):
        texts = [f"“{step.params.get('question', '')}”" for step in asked[:MOST_NAMED]]
        return f"waiting for an answer to {words.listed(texts)}"
    titles = [definitions[step.key].title if step.key in definitions else words.titled(step.name) for step in above]
    alike = Counter(titles)
    if len(alike) > MOST_NAMED:
        return f"waiting for {words.count(len(titles), 'step')}"
    return f"waiting for {words.listed([_several(title, alike[title]) for title in alike])}"


def _several(title: str, count: int) -> str:
    return title if count == 1 else f"{title} × {words.count(count)}"


def _queue_words(step: Step) -> str:
    if step.next_attempt_at and step.next_attempt_at > now():
        wait = (step.next_attempt_at - now()).total_seconds()
        return f"attempt {step.attempt} starts in {words.duration(wait)}"
    if step.held_by is not None:
        return f"waiting for tag {step.held_by}: as many steps with it run as may at the same time"
    if step.ready_at is None:
        return "waiting until another trial of its sweep has done what they share"
    queue = look.lately()
    if not queue.reachable:
        return "the queue cannot be reached; the step is saved and continues when the queue is back"
    if any(each.paused for each in queue.queues):
        return "the queue is paused; resume it on the page Queues"
    if not queue.workers:
        return "no worker is running"
    ahead = steps.ahead_of(step)
    if ahead:
        return f"waiting for a worker; {ahead} {'step is' if ahead == 1 else 'steps are'} ahead"
    return "waiting for a worker" if step.ready_at and (now() - step.ready_at).total_seconds() > 2 else "about to start"
