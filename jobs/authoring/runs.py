"""Runs: how a call of a pipeline in a script becomes a workflow. Who can start workflows says so; nobody else can."""

from collections.abc import Callable, Mapping
from typing import Any

from jobs.authoring.written import WrittenPipeline
from jobs.pipelines.errors import PipelineError
from store.messages import Message

# Given a pipeline, its params, and what is to be its datasets.
Launcher = Callable[[WrittenPipeline, Mapping[str, Any], Mapping[str, Any]], Any]

_launchers: list[Launcher] = []


def use_launcher(launcher: Launcher | None) -> None:
    """Start workflows in this way from now on; None refuses to."""
    _launchers[:] = [launcher] if launcher else []


def launch(pipeline: WrittenPipeline, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    """Start a workflow of a pipeline that a script calls."""
    if not _launchers:
        raise PipelineError(Message("pipeline_called_on_import", {"pipeline": pipeline.name}))
    return _launchers[-1](pipeline, params, inputs)
