"""What to know of a workflow before its results are trusted: the same list for pages, commands and requests."""

from collections.abc import Sequence

from jobs.pipelines import registry
from jobs.pipelines.warnings import WorkflowWarning, of_steps
from store.errors import NotFoundError
from store.steps import Step
from store.workflows import Workflow


def of_workflow(workflow: Workflow, own: Sequence[Step]) -> list[WorkflowWarning]:
    """The warnings that a workflow and its steps give reason for, the weightiest first."""
    results = {step.key: step.result for step in own if step.result}
    try:
        warn = registry.get(workflow.pipeline).warn
    except NotFoundError:
        warn = of_steps
    return list(warn(workflow.params, results))
