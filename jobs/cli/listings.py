"""Lists and records in a terminal: workflows, the queue, people, the checks of doctor."""

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from jobs.cli.asked import waits
from jobs.cli.step_words import error_words, progress_words
from jobs.cli.terminal import COLOURS, clean, say, seconds, table, words
from jobs.language import numbers, sentence
from jobs.pipelines import registry
from jobs.verbs import queries, questions, warnings
from jobs.verbs.columns import facet_label, facets_shown, of_several_pipelines
from store import people as sign_in
from store import steps, workflows
from store.program import COMMAND
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

if TYPE_CHECKING:
    from datetime import datetime

    from jobs.engine.queue_view import Queues
    from jobs.pipelines.definition import Pipeline
    from store.audit import Deed
    from store.datasets import Dataset
    from store.outputs import OutputBrief
    from store.people import Person, Token


def checks(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """Print the checks of doctor, each with its advice."""
    for name, state, finding, advice in rows:
        say(Text.assemble(f"{name:<12}", (f"{state:<9}", COLOURS[state]), finding))
        if advice:
            say(f"{'':<21}{advice}")


def workflow_list(rows: Sequence[Workflow]) -> None:
    if not rows:
        return
    named, several, facets = sign_in.exist(), of_several_pipelines(rows), facets_shown(rows)
    kinds = ["Pipeline", "Details"] if several else [facet_label(name) for name in facets]
    table(
        ("ID", "Name", "Status", *kinds, "Dataset", "Score", "Time", "Created (UTC)", *(["By"] if named else [])),
        [
            (
                each.id,
                each.name,
                each.status,
                *([each.pipeline, _details(each)] if several else [each.facets.get(name, "") for name in facets]),
                ", ".join(given.title for given in each.inputs.values()),
                _main_score(each),
                seconds(each.seconds),
                f"{each.created_at:%Y-%m-%d %H:%M}",
                *([each.created_by] if named else []),
            )
            for each in rows
        ],
    )


def workflow(workflow_id: int) -> None:
    """One workflow with its steps."""
    record, own = workflows.get(workflow_id), steps.of_workflow(workflow_id)
    sources = steps.workflows_of([step.reused_from for step in own if step.reused_from])
    say(Text.assemble(f"Workflow {record.id}: {clean(record.name)}  ", (record.status, COLOURS.get(record.status, ""))))
    say(_source_words(record))
    if record.created_by and sign_in.exist():
        say(f"Started by {record.created_by}, {record.created_at:%Y-%m-%d %H:%M} UTC")
    if record.tags:
        say(f"Tags: {', '.join(record.tags)}")
    say(", ".join(f"{name} {words(value)}" for name, value in record.params.items() if value is not None))
    say("")
    table(
        ("Step", "Status", "Attempt", "Time", ""),
        [(step.key, step.status, step.attempt, seconds(step.seconds), _remark(step, sources)) for step in own],
    )
    for asked in questions.open_among(own):
        say(Text(clean(waits(asked)), COLOURS["waiting"]))
    if record.scores:
        say("")
        table(("Score", "Value"), record.scores.items())
    _warnings(record, own)


def _warnings(record: Workflow, own: Sequence[Step]) -> None:
    """What to know before the scores are trusted, the weightiest first, each with the command that helps."""
    if not record.status.over or not (found := warnings.of_workflow(record, own)):
        return
    say("")
    for warning in found:
        say(Text(clean(sentence(warning.notice.message)), "yellow" if warning.notice.level == "warning" else ""))
        if remedy := warning.remedy:
            changed = ["--from", remedy.step, *queries.written(remedy.params)]
            command = [*COMMAND.split(), "rerun", str(record.id), *changed]
            say(f"  {clean(sentence(remedy.words))}: {clean(shlex.join(command))}")


def pipelines(known: "Sequence[Pipeline]") -> None:
    """What can be started, and what each of them takes."""
    table(
        ("Pipeline", "Inputs", "Params", "Steps", ""),
        [
            (
                each.name,
                ", ".join(f"{given.name}{' (optional)' * given.optional}" for given in each.inputs) or "none",
                ", ".join(each.params({})),
                ", ".join(step.key for step in each.steps),
                each.description or each.shown,
            )
            for each in known
        ],
    )


def datasets(rows: "Sequence[Dataset]") -> None:
    if not rows:
        say(f"No datasets. Add one: {COMMAND} submit FILE")
        return
    from jobs.verbs.datasets import words_of

    table(
        ("ID", "Name", "Rows", "Columns", "Read as", "Added (UTC)"),
        [
            (each.id, each.title, each.rows, len(each.columns), words_of(each.dialect), _moment(each.created_at))
            for each in rows
        ],
    )


def artifacts(rows: "Sequence[OutputBrief]") -> None:
    if not rows:
        say("No artifacts: steps written as functions leave what they return.")
        return
    table(
        ("ID", "Name", "Version", "Type", "Size", "Workflow", "Step", "Made (UTC)"),
        [
            (
                each.id,
                each.name,
                each.version,
                each.type,
                numbers.size(each.size),
                f"{each.workflow_id} {each.pipeline}",
                each.step,
                _moment(each.created_at),
            )
            for each in rows
        ],
    )


def status(seen: "Queues", counts: dict[str, int], services: bool) -> None:
    """The queue, the workers, and how many workflows there are."""
    say("Services run on this machine." if services else "No services run on this machine.")
    say(sentence(seen.error) if seen.error else "The queue answers.")
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


def people(persons: "Sequence[Person]") -> None:
    if not persons:
        say(f"Sign-in is off. Turn it on by adding an admin: {COMMAND} user add NAME --role admin")
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
            for each in persons
        ],
    )


def tokens(rows: "Sequence[Token]") -> None:
    if not rows:
        say("No tokens.")
        return
    table(
        ("ID", "For", "Until (UTC)", "Used (UTC)"),
        [(each.id, each.label, _moment(each.expires_at), _moment(each.used_at) or "never") for each in rows],
    )


def deeds(rows: "Sequence[Deed]") -> None:
    """Print rows of the audit trail."""
    table(
        ("When (UTC)", "Who", "Via", "What", "From"),
        [(_moment(each.at), each.who, each.via, _deed(each), each.address) for each in rows],
    )


def _deed(deed: "Deed") -> str:
    text = f"{deed.what} {deed.about}".strip()
    return text if deed.count == 1 else f"{text} ({deed.count} times)"


def _moment(at: "datetime | None") -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def over(workflow: Workflow) -> str:
    """How a workflow ended, in one line."""
    if workflow.status is Status.completed:
        scores = ", ".join(f"{name} {words(value)}" for name, value in workflow.scores.items())
        return f"Workflow {workflow.id} completed in {seconds(workflow.seconds)}" + (f": {scores}." if scores else ".")
    for step in steps.of_workflow(workflow.id):
        if step.status is Status.failed:
            return f"Workflow {workflow.id} failed at {step.key}: {error_words(step)}"
    return f"Workflow {workflow.id} was {workflow.status}."


def _remark(step: Step, sources: dict[int, int]) -> str:
    if step.reused_from:
        origin = sources.get(step.reused_from)
        return f"reused from workflow {origin}" if origin else "reused"
    if step.status is Status.running:
        return progress_words(step)
    return error_words(step)


def _details(workflow: Workflow) -> str:
    """The facets of a workflow in one cell."""
    return ", ".join(value for _name, value in sorted(workflow.facets.items()))


def _source_words(workflow: Workflow) -> str:
    given = [f"{name}: dataset {each.dataset_id} ({each.title})" for name, each in workflow.inputs.items()]
    facets = [f"{name} {value}" for name, value in sorted(workflow.facets.items())]
    return ", ".join([f"Pipeline {workflow.pipeline}", *given, *facets])


def _main_score(workflow: Workflow) -> str:
    names = [name for name in registry.main_measures() if name in workflow.scores] or list(workflow.scores)
    return f"{names[0]} {workflow.scores[names[0]]:.3f}" if names else ""
