"""Pipelines: what is written.

The words of this room are all that an author of a pipeline needs:

    from jobs.pipelines import Param, pipeline, step

`definition` says what steps and pipelines are, `params`, `measures` and `results` what they bring along, `context` what
a running step sees, `keywords` and `checks` what can be wrong, `registry` which pipelines there are. `code_hash`,
`fingerprint` and `preparation` work out what a start writes down; `describer` asks a child about pipelines whose code
only children load (`describing`, whose answers are `described`) until a file that was read changes (`watching`).
Not here: when and where steps run (`engine`), and what any particular pipeline does (`tabular`).
"""

from jobs.pipelines.context import Recorder, StepContext
from jobs.pipelines.definition import Input, Pipeline, StepDefinition, step
from jobs.pipelines.errors import PipelineError, StepError
from jobs.pipelines.measures import Measure
from jobs.pipelines.params import Param
from jobs.pipelines.registry import pipeline
from jobs.pipelines.results import Confusion, Curve, Importance, Json, Line, Picture, Table, Text
from store.errors import RequestError
from store.messages import Message

__all__ = [
    "Confusion",
    "Curve",
    "Importance",
    "Input",
    "Json",
    "Line",
    "Measure",
    "Message",
    "Param",
    "Picture",
    "Pipeline",
    "PipelineError",
    "Recorder",
    "RequestError",
    "StepContext",
    "StepDefinition",
    "StepError",
    "Table",
    "Text",
    "pipeline",
    "step",
]
