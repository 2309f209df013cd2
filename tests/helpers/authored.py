"""Pipelines that are functions, started and done in the process of a test."""

from jobs.engine.runner import StepFailedError, run_step
from jobs.pipelines import registry
from jobs.verbs import workflows as verbs
from store import actors, outputs, steps, workflows
from store.messages import Message
from store.tables import Status

# Pipelines that tests registered, which are forgotten after each file of them.
registered: set[str] = set()


def forget():
    """Let this process know only the pipelines that its modules define, so that no test sees those of another file."""
    while registered:
        registry._here.pop(registered.pop(), None)


def start(pipeline, options=None, inputs=None, **params):
    """Write a workflow of a pipeline; returns its number. The pipeline need not be registered under its name."""
    registry._here[pipeline.name] = pipeline.registered
    registered.add(pipeline.name)
    with actors.acting(actors.operator()):
        return verbs.start(pipeline.name, params, inputs, options=options or {}).id


def work_off(number, most=50):
    """Do the steps of a workflow here, one after the other, until none is ready."""
    for _ in range(most):
        ready = [row for row in steps.of_workflow(number) if row.status is Status.pending and row.ready_at]
        if not ready:
            return workflows.get(number)
        for row in ready:
            try:
                run_step(row.id, row.attempt, row.turn)
            except StepFailedError:
                continue
    raise AssertionError("it does not end")


def run(pipeline, options=None, **params):
    """Start a workflow and do it; returns it."""
    return work_off(start(pipeline, options, **params))


def rows(workflow):
    """The steps of a workflow by key."""
    return {row.key: row for row in steps.of_workflow(workflow.id)}


def left(workflow):
    """The values that a workflow's steps left, by the step's key and the output's name."""
    return {(each.step, each.name): each.value and each.value[0] for each in outputs.of_workflow(workflow.id)}


def a_message():
    """Why something failed, for a test that does not care."""
    return Message("error", {"reason": "It broke."})
