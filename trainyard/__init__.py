"""Trainyard for people who write pipelines: `from trainyard import pipeline, step`.

In the wheel, this folder also holds app.py and the folders beside it; in a checkout, they lie one folder up. Names are
loaded when they are asked for, so that the command starts quickly.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.artifacts import CSVString, HTMLString, JSONString, MarkdownString, materializer
    from jobs.authoring.asking import ask, once
    from jobs.authoring.failures import TaskFailed
    from jobs.authoring.futures import allow_failure, unmapped, wait
    from jobs.authoring.inside import get_run_logger, get_step_context, log_metadata, log_metric
    from jobs.authoring.options import Cache, Retry, exponential_backoff
    from jobs.authoring.returns import ArtifactConfig
    from jobs.authoring.transactions import transaction
    from jobs.pipelines import (
        Confusion,
        Curve,
        Importance,
        Input,
        Json,
        Line,
        Measure,
        Param,
        Picture,
        PipelineError,
        Recorder,
        RequestError,
        StepContext,
        StepError,
        Table,
        Text,
    )
    from trainyard.decorators import Pipeline, flow, node, pipeline, step, task
    from trainyard.runs import Run, RunFailedError, load

# `from trainyard.types import HTMLString`, `from trainyard.pipeline import Pipeline, node`. They have no files: the
# wheel puts this folder on the path of modules, where types.py would stand for Python's own module; and a module loaded
# from a file would take the place of the decorator `pipeline`.
_MODULES = (
    *("artifacts", "cache_policies", "concurrency", "concurrency.sync", "config", "context", "deployments", "futures"),
    *("input", "logger", "logging", "pipeline", "runtime", "states", "task_runners", "tasks", "transactions", "types"),
    "variables",
)
for _name in _MODULES:
    _module = ModuleType(f"trainyard.{_name}")
    vars(_module)["__getattr__"] = lambda name: __getattr__(name)
    sys.modules[_module.__name__] = _module

_FOLDER = Path(__file__).parent
ROOT = _FOLDER if (_FOLDER / "app.py").exists() else _FOLDER.parent
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

_HOMES = {
    "jobs.artifacts": ("CSVString", "HTMLString", "JSONString", "MarkdownString", "materializer"),
    "jobs.authoring.asking": ("ask", "once"),
    "jobs.authoring.failures": ("TaskFailed",),
    "jobs.authoring.futures": ("allow_failure", "unmapped", "wait"),
    "jobs.authoring.inside": ("get_run_logger", "get_step_context", "log_metadata", "log_metric"),
    "jobs.authoring.notes": (
        *("create_image_artifact", "create_link_artifact", "create_markdown_artifact", "create_progress_artifact"),
        *("create_table_artifact", "update_progress_artifact"),
    ),
    "jobs.authoring.options": ("Cache", "Retry", "exponential_backoff"),
    "jobs.authoring.returns": ("ArtifactConfig",),
    "jobs.authoring.transactions": ("transaction",),
    "jobs.pipelines": (
        *("Confusion", "Curve", "Importance", "Input", "Json", "Line", "Measure", "Param", "Picture", "PipelineError"),
        *("Recorder", "RequestError", "StepContext", "StepError", "Table", "Text"),
    ),
    "trainyard.decorators": ("Pipeline", "flow", "node", "pipeline", "step", "task"),
    "trainyard.runs": ("Run", "RunFailedError", "load"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_ALIASES = {"StepRetryConfig": "Retry"}
# Policies of reuse as Prefect names them.
_POLICIES = {"INPUTS": "inputs", "TASK_SOURCE": "code", "NO_CACHE": "none", "NONE": "none"}
# What other tools have, and what to write here.
_SCHEDULES = "start it from your own scheduler: trainyard pipeline run FILE:NAME"
_WORKERS = "leave it out: every task has a process of its own, on any of the workers"
_TAG_LIMITS = "tag the tasks, and say how many may run at once: trainyard limit set TAG N"
_ASK = "write ask(...) in a flow, which waits for days without a process"
_CONTEXT = "use get_step_context() in a task, and pass on what it needs as parameters"
_WITHIN = "leave it out: a task is reused within its own run, a step across runs"
_STATES = "return a value or raise an exception; return_state=True gives the state of a task"
_INSTEAD = {
    "CachePolicy": "write cache_policy=Cache.inputs + Cache.code",
    "Completed": _STATES,
    "DEFAULT": _WITHIN,
    "DockerSettings": "leave it out: steps run where the workers do",
    "ExternalArtifact": "pass the value as a parameter, or load(...) what an earlier run left",
    "FLOW_PARAMETERS": _WITHIN,
    "Failed": _STATES,
    "Model": "return the model from a step: every version of it is kept under its name",
    "ProcessPoolTaskRunner": _WORKERS,
    "RUN_ID": _WITHIN,
    "RunInput": "write ask(YourModel, ...) with a dataclass or a pydantic model",
    "Schedule": "start the pipeline from your own scheduler: trainyard pipeline run FILE:NAME",
    "Secret": "set it as a variable of the environment where Trainyard is started",
    "State": _STATES,
    "ThreadPoolTaskRunner": _WORKERS,
    "Variable": "make it a parameter of the pipeline",
    "as_completed": "write wait(futures), or go through them in their order, which a replay can repeat",
    "concurrency": _TAG_LIMITS,
    "deploy": _SCHEDULES,
    "flow_run": _CONTEXT,
    "get_logger": "use get_run_logger()",
    "get_pipeline_context": _CONTEXT,
    "get_run_context": _CONTEXT,
    "load_artifact": 'write load("run 42", "step.output")',
    "log_artifact_metadata": "use log_metadata(...) in the step",
    "pause_flow_run": _ASK,
    "rate_limit": _TAG_LIMITS,
    "run_deployment": "call the flow, or send POST /api/pipelines/NAME/run",
    "runtime": _CONTEXT,
    "save_artifact": "return the value from a step",
    "serve": _SCHEDULES,
    "suspend_flow_run": _ASK,
    "tags": "write tags= on the task or the flow",
    "task_input_hash": "write cache_policy=Cache.inputs",
    "task_run": _CONTEXT,
}

__all__ = [
    "ArtifactConfig",
    "CSVString",
    "Cache",
    "Confusion",
    "Curve",
    "HTMLString",
    "Importance",
    "Input",
    "JSONString",
    "Json",
    "Line",
    "MarkdownString",
    "Measure",
    "Param",
    "Picture",
    "Pipeline",
    "PipelineError",
    "Recorder",
    "RequestError",
    "Retry",
    "Run",
    "RunFailedError",
    "StepContext",
    "StepError",
    "Table",
    "TaskFailed",
    "Text",
    "allow_failure",
    "ask",
    "exponential_backoff",
    "flow",
    "get_run_logger",
    "get_step_context",
    "load",
    "log_metadata",
    "log_metric",
    "materializer",
    "node",
    "once",
    "pipeline",
    "step",
    "task",
    "transaction",
    "unmapped",
    "wait",
]


def __getattr__(name: str) -> Any:
    if name in _INSTEAD:
        raise ImportError(f"trainyard has no {name}: {_INSTEAD[name]}.")
    if name in _POLICIES:
        return getattr(__getattr__("Cache"), _POLICIES[name])
    name = _ALIASES.get(name, name)
    if name not in _HOME_OF:
        raise AttributeError(f"module 'trainyard' has no attribute {name!r}")
    _refuse_other_packages()
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def _refuse_other_packages() -> None:
    """Refuse a package of the project that stands where one of Trainyard's is looked for."""
    for name in ("jobs", "store"):
        spec = find_spec(name)
        folder = ROOT / name
        if spec is None or folder not in map(Path, spec.submodule_search_locations or ()):
            raise ImportError(
                f"There is a package or module called {name} in this project, and Trainyard has one of that name. "
                f"Rename {getattr(spec, 'origin', None) or name}."
            )
