"""Records of a step: its row, the claim on one attempt of it, and what it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from store import files
from store.codes import Place
from store.datasets import Dataset
from store.messages import Message
from store.outputs import Handed, NewOutput
from store.tables import Status, StepRole, now

# The pace of an attempt is known after so long; before, opening files and starting up would count as its pace.
PACE_SECONDS = 3.0

# The codes by which programs see how the engine ended an attempt; all other codes are a step's own.
PROGRAM_CODES = {
    "backed_up": "stopped",
    "code_gone": "code_gone",
    "disk_full": "disk_full",
    "error": "error",
    "exited": "killed",
    "file_changed": "error",
    "file_missing": "error",
    "frozen": "frozen",
    "killed": "killed",
    "lost": "lost",
    "out_of_memory": "out_of_memory",
    "retryable": "error",
    "signalled": "killed",
    "stopped": "stopped",
    "timeout": "timeout",
    "timeout_at": "timeout",
    "timeout_killed": "timeout",
    "worker_lost": "worker_lost",
}

Point = tuple[int, str, float]
LogLine = tuple[datetime, str, str | Message]


@dataclass(frozen=True, slots=True)
class Step:
    id: int
    workflow_id: int
    name: str
    key: str
    position: int
    status: Status
    attempt: int
    max_attempts: int
    fresh: bool
    ready_at: datetime | None
    next_attempt_at: datetime | None
    started_at: datetime | None
    heartbeat_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    params: dict[str, Any]
    fingerprint: str | None
    reused_from: int | None
    progress: float | None
    progress_message: Message | None
    timeout: int
    result: dict[str, Any] | None
    error: Message | None
    traceback: str | None
    stop_early: bool = False
    source: str | None = None  # where the plain function is, as "module:name"; None where the pipeline says so
    label: str | None = None
    group: str | None = None
    handed: dict[str, Any] | None = None
    tags: list[str] | None = None
    policy: dict[str, Any] | None = None
    retried: int = 0
    role: StepRole | None = None
    turn: int = 0
    late: bool = False
    handled: bool = False
    deadline: datetime | None = None
    held_by: str | None = None  # the tag whose limit it waits for
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """By what its pipeline finds its definition."""
        return self.source or self.key

    @property
    def chunk(self) -> str | None:
        """Which steps of a map are done by one process, one after the other."""
        return (self.policy or {}).get("chunk")

    @property
    def like(self) -> tuple[int, str] | None:
        """Whose result is taken over rather than that of another equal step: its like in the workflow of before."""
        before = (self.policy or {}).get("like")
        return (int(before), self.key) if before is not None else None

    @property
    def job_id(self) -> str:
        """Under which id this attempt is handed to the queue."""
        return f"s{self.id}-a{self.attempt}" + (f"t{self.turn}" if self.turn else "")

    @property
    def error_code(self) -> str | None:
        """Why it failed, for programs: the code of the engine, or "refused" when the step itself refused."""
        return PROGRAM_CODES.get(self.error.code, "refused") if self.error else None

    @property
    def seconds(self) -> float | None:
        """How long it has worked so far, or worked in all."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now()) - self.started_at).total_seconds())

    def seconds_left(self, started: datetime | None, behind: float = 0.0) -> float | None:
        """Estimate the remaining time from the pace of this attempt, which began with a share `behind` it done;
        None while there is no estimate."""
        if self.status is not Status.running or not self.progress or started is None or self.heartbeat_at is None:
            return None
        worked = (self.heartbeat_at - started).total_seconds()
        if self.progress <= behind or worked < PACE_SECONDS:
            return None
        pace = worked / (self.progress - behind)
        return max(0.0, pace * (1 - self.progress) - (now() - self.heartbeat_at).total_seconds())


class NewStep(TypedDict):
    """A step to be written; `needs` are keys of steps before it, of which those in `ended` may have failed.

    One with a `result` is completed as it is written; `kept` are files that are kept for it."""

    name: str
    key: str
    needs: Sequence[str]
    params: dict[str, Any]
    max_attempts: int
    timeout: int
    fresh: bool
    source: NotRequired[str | None]
    label: NotRequired[str | None]
    group: NotRequired[str | None]
    handed: NotRequired[dict[str, Any] | None]
    tags: NotRequired[list[str] | None]
    policy: NotRequired[dict[str, Any] | None]
    role: NotRequired[StepRole | None]
    ended: NotRequired[Sequence[str]]
    result: NotRequired[dict[str, Any] | None]
    deadline: NotRequired[datetime | None]
    kept: NotRequired[Sequence[files.FileRef]]


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a step above left behind."""

    result: dict[str, Any]
    fingerprint: str
    artifacts: dict[str, files.FileRef]
    outputs: Mapping[str, Handed] = field(default_factory=dict)
    failed: Message | None = None  # why it left nothing


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one attempt of one step; every later write carries its token."""

    step: Step
    token: str
    pipeline: str
    datasets: dict[str, Dataset]
    upstream: dict[str, Upstream]
    place: Place | None = None  # of the pipeline's code, where a script or a command brought it


class Fenced(BaseException):
    """The claim is no longer ours: the step was cancelled, or given to another attempt.

    Not an Exception, so that a step which catches every error does not catch this."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a completed step leaves; `scores` in its result are stored as the step's scores. A partial one was stopped
    early, and is never reused as if it were whole. `measured` are numbers of the run, in which equal runs differ."""

    result: dict[str, Any]
    artifacts: dict[str, files.FileRef] = field(default_factory=dict)
    reused_from: int | None = None
    partial: bool = False
    measured: dict[str, float] = field(default_factory=dict)
    outputs: Sequence[NewOutput] = ()
