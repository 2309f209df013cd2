"""Documents: the types of what commands print with --json and the API answers; OpenAPI is drawn from them.

Times are UTC, as 2026-11-27T03:04:05.678Z. Keys are only ever added, since programs of others read them.
"""

from typing import Any, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from jobs.verbs.step_documents import StepBriefOut as StepBriefOut
from jobs.verbs.step_documents import StepOut as StepOut
from jobs.verbs.threshold_documents import ThresholdOut
from jobs.verbs.warning_documents import WarningOut

CLOSED = ConfigDict(extra="forbid")


@with_config(CLOSED)
class PipelineInputOut(TypedDict):
    """A dataset that a pipeline takes."""

    name: str
    label: str
    help: str
    optional: bool


@with_config(CLOSED)
class PipelineStepOut(TypedDict):
    """A step of a pipeline, and the keys of the steps it needs."""

    key: str
    name: str
    label: str
    needs: list[str]


@with_config(CLOSED)
class MeasureOut(TypedDict):
    """What a score or a curve means."""

    name: str
    label: str
    help: str
    better: str
    main: bool


@with_config(CLOSED)
class PipelineOut(TypedDict):
    """A pipeline that can be started; `params` is a JSON schema."""

    name: str
    label: str
    description: str
    inputs: list[PipelineInputOut]
    params: dict[str, Any]
    steps: list[PipelineStepOut]
    measures: list[MeasureOut]


@with_config(CLOSED)
class InputOut(TypedDict):
    """A dataset that a workflow reads."""

    dataset_id: int
    name: str
    version: int


# Facets are fields of a workflow as well, such as target and algorithm.
@with_config(ConfigDict(extra="allow"))
class WorkflowFields(TypedDict):
    """What a workflow is, without its steps."""

    id: int
    name: str
    note: str
    status: str
    dataset_id: int | None
    dataset_name: str | None
    dataset_version: int | None
    inputs: dict[str, InputOut]
    facets: dict[str, str]
    priority: int
    params: dict[str, Any]
    pipeline: str
    origin: str
    parent_id: int | None
    config_from: int | None
    created_at: str
    created_by: str | None
    started_at: str | None
    ended_at: str | None
    seconds: float | None
    scores: dict[str, float | None]
    tags: list[str]
    sweep_id: int | None
    trial: int | None
    threshold: ThresholdOut | None


@with_config(ConfigDict(extra="allow"))
class WorkflowBriefOut(WorkflowFields):
    """A workflow in a list."""

    steps: list[StepBriefOut]


@with_config(ConfigDict(extra="allow"))
class WorkflowOut(WorkflowFields):
    """A workflow with everything that its steps left, and what to know before its scores are trusted."""

    steps: list[StepOut]
    warnings: list[WarningOut]


@with_config(ConfigDict(extra="allow"))
class StartedOut(WorkflowOut):
    """A workflow that was just started, with what is worth knowing about it."""

    notices: list[str]


# Facets are fields of a trial as well, as they are of a workflow.
@with_config(ConfigDict(extra="allow"))
class TrialOut(TypedDict):
    """A trial of a sweep; `workflow_id` is null until it is started. `values` are the params that differ, `seconds`
    what its own steps took, `equal` says that it is within one standard error of the best."""

    trial: int
    workflow_id: int | None
    name: str | None
    values: dict[str, Any]
    params: dict[str, Any]
    status: str
    score: float | None
    spread: float | None
    test_score: float | None
    equal: bool
    seconds: float | None
    model_size: int | None
    row_microseconds: float | None
    error: str | None
    error_code: str | None


@with_config(CLOSED)
class BudgetOut(TypedDict):
    """When a sweep ends by itself."""

    trials: int | None
    minutes: float | None


@with_config(CLOSED)
class SweepOut(TypedDict):
    """A sweep with its trials, the best first, ranked by `measure`."""

    id: int
    name: str
    status: str
    pipeline: str
    method: str
    params: dict[str, Any]
    inputs: dict[str, int]
    budget: BudgetOut
    trials: int
    started: int
    measure: MeasureOut | None
    best: int | None
    stopped: str | None
    stopped_code: str | None
    created_at: str
    created_by: str | None
    ended_at: str | None
    seconds: float
    leaderboard: list[TrialOut]


@with_config(CLOSED)
class AlgorithmOut(TypedDict):
    """An algorithm that can be trained; `params` is a JSON schema."""

    key: str
    label: str
    task: str
    description: str
    aliases: list[str]
    params: dict[str, Any]


@with_config(CLOSED)
class NoticeOut(TypedDict):
    """What the reader should know: a code with its values, and its sentence."""

    code: str
    values: dict[str, Any]
    level: str
    column: str | None
    text: str


@with_config(CLOSED)
class WordEffectOut(TypedDict):
    """By how much one word of a text moves a prediction."""

    word: str
    effect: float


@with_config(CLOSED)
class EffectOut(TypedDict):
    """By how much one column moves a prediction, against its usual value; of a text, its words that do most."""

    column: str
    value: str | None
    usual: str | None
    effect: float
    words: list[WordEffectOut]


@with_config(CLOSED)
class ReasonsOut(TypedDict):
    """Why a row is predicted so. Exact effects add up from `base`, a usual row; others are of one column alone. They
    are on a `number`, a `probability`, or a `score` from which the class follows."""

    exact: bool
    of: str
    base: float
    effects: list[EffectOut]


@with_config(CLOSED)
class PredictionsOut(TypedDict):
    """One prediction for each row, and the probability of each class; none where the model gives none. Reasons are
    given where they are asked for."""

    predictions: list[Any]
    probabilities: list[dict[str, float]]
    reasons: list[ReasonsOut]
    notices: list[NoticeOut]


@with_config(CLOSED)
class LineOut(TypedDict):
    """A line of a log."""

    id: int
    step: str
    attempt: int
    at: str
    level: str
    text: str


@with_config(CLOSED)
class DatasetBriefOut(TypedDict):
    """A dataset in a list."""

    id: int
    name: str
    version: int
    sha256: str
    size: int
    rows: int | None
    exact: bool
    proposal: dict[str, Any] | None
    used_by: int
    created_at: str
    created_by: str | None


@with_config(CLOSED)
class DatasetOut(DatasetBriefOut):
    """A dataset with its profile. Where no name says which column is to be predicted, `proposal` is null, and
    `candidates` are those that may be it, each with its reason."""

    candidates: list[dict[str, Any]]
    dialect: dict[str, Any]
    columns: list[dict[str, Any]]
    preview: list[list[Any]]
    notices: list[Any]


@with_config(CLOSED)
class PersonOut(TypedDict):
    """A person who can sign in."""

    id: int
    name: str
    role: str
    has_password: bool
    created_at: str
    signed_in_at: str | None


@with_config(CLOSED)
class NewPersonOut(PersonOut, total=False):
    """A person who was just added; the password, where one was made, is shown only now."""

    password: str


@with_config(CLOSED)
class TokenOut(TypedDict):
    """A token, without its text."""

    id: int
    label: str
    created_at: str
    expires_at: str
    used_at: str | None


@with_config(CLOSED)
class NewTokenOut(TokenOut):
    """A token that was just made, with its text, which is shown only now."""

    token: str


@with_config(CLOSED)
class EndedOut(TypedDict):
    """How many sessions and tokens ended."""

    ended: int
    tokens: int


@with_config(CLOSED)
class MeOut(TypedDict):
    """Who asks; without a name where sign-in is off."""

    name: str | None
    role: str | None
    sign_in: bool


@with_config(CLOSED)
class DeedOut(TypedDict):
    """A row of the audit trail: what a person did, or tried to do."""

    id: int
    at: str
    who: str
    via: str
    what: str
    about: str
    address: str
    code: str
    values: dict[str, Any]
    count: int


@with_config(CLOSED)
class QueueOut(TypedDict):
    """A queue, as the broker counts it."""

    name: str
    paused: bool
    ready: int
    started: int
    deferred: int
    scheduled: int
    finished: int
    failed: int


@with_config(CLOSED)
class WorkerOut(TypedDict):
    """A worker, and what it does."""

    name: str
    state: str
    step: str | None
    workflow_id: int | None
    job_id: str | None
    started_at: str | None
    memory: int | None
    done: int
    failed: int
    pid: int | None


@with_config(CLOSED)
class QueuesOut(TypedDict):
    """Queues and workers; saved numbers are right even when the queue cannot be reached."""

    reachable: bool
    at: str
    waiting: int
    running: int
    failed_last_hour: int
    queues: list[QueueOut]
    workers: list[WorkerOut]
    error: str | None


@with_config(CLOSED)
class HealthOut(TypedDict):
    """Whether the app is well: degraded when work is accepted and no worker can do it now. The rest is for those who
    are signed in."""

    status: str
    queue: NotRequired[str]
    workers: NotRequired[int]
    waiting: NotRequired[int]
    running: NotRequired[int]


@with_config(CLOSED)
class ErrorOut(TypedDict, total=False):
    """What is wrong with a request: one sentence, the same as a code with values, and the field where there is one."""

    detail: str
    field: str
    code: str
    values: dict[str, Any]
