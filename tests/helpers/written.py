"""Workflows that were written, and ended, without a queue."""

from helpers import cast
from store import steps, workflows
from store.messages import Message
from store.steps import Outcome


def played(name="play", accuracy=None, fails="", curve=()):
    """A workflow that was written, and ended without a queue."""
    workflow_id = cast.play()
    workflows.describe(workflow_id, name=name)
    for step in steps.of_workflow(workflow_id):
        claim = steps.claim(step.id, 1, "worker")
        if claim is None:
            break
        if fails and step.name == "count":
            steps.fail(claim, Message("refused", {"text": fails}), "", again=False)
            continue
        shown = curve if step.name == "count" else ()
        points = [(epoch, "val_accuracy", value) for epoch, value in enumerate(shown, 1)]
        scores = {"accuracy": accuracy} if accuracy is not None and step.name == "judge" else {}
        steps.complete(claim, f"print-{step.id}", Outcome({"scores": scores}), points)
    return workflow_id
