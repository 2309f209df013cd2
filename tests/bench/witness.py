"""A pipelines module for workers that watches every step from outside the engine: each body says in a journal when it
begins and ends. Checkpoints are kept more often than usual, so that a kill finds some."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from helpers import cast  # noqa: F401

from jobs.pipelines import Recorder, StepDefinition, context, registry
from jobs.tabular import builtin  # noqa: F401

context.CHECKPOINT_SECONDS = 0.5


def tell(what: str, recorder: Recorder) -> None:
    """One line in one write, so that lines of several processes never mix and a kill cannot take one back."""
    step = recorder._claim.step
    line = json.dumps({"what": what, "at": time.time(), "step": step.id, "attempt": step.attempt, "pid": os.getpid()})
    journal = os.open(Path(os.environ["TRAINYARD_HOME"]) / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(journal, f"{line}\n".encode())
    os.close(journal)


def witnessed(definition: StepDefinition) -> StepDefinition:
    @wraps(definition.function)
    def body(recorder: Recorder) -> dict[str, Any]:
        tell("begin", recorder)
        result = definition.function(recorder)
        tell("end", recorder)
        return result

    return replace(definition, function=body)


def watch(all_: dict[str, registry.Pipeline], change: Callable[[StepDefinition], StepDefinition]) -> None:
    for name, written in all_.items():
        all_[name] = replace(written, steps=tuple(map(change, written.steps)))


watch(registry._here, witnessed)
