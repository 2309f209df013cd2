"""The queue: its connection, and queues, workers and jobs as plain records."""

import contextlib
import hashlib
import logging
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import resume as resume_workers
from rq.suspension import suspend as suspend_workers
from rq.utils import as_text, utcparse
from rq.worker_registration import REDIS_WORKER_KEYS

from jobs.verbs.permission import deed
from store import pauses
from store import steps as step_store
from store.errors import ConflictError, NotFound, Refused, UnavailableError
from store.settings import settings
from store.steps import Step
from store.tables import Status, now

log = logging.getLogger(__name__)

QUEUE = "steps"
RUN_STEP = "jobs.engine.runner.run_step"
KEEP_SECONDS = 7 * 24 * 3600
TIMEOUT_SECONDS = 3.0


class QueueDown(UnavailableError):  # noqa: N818
    """The queue cannot be reached; what is saved is safe."""

    def __init__(self) -> None:
        super().__init__("The queue cannot be reached just now. Saved work is safe and goes on when it is back.")


class SafeJob(Job):
    """A job that may call run_step and nothing else, whatever its record says."""

    def execute_failure_callback(self, *_args: Any) -> None:
        """No callbacks: one that raises would take the worker's maintenance down with it."""

    def execute_success_callback(self, *_args: Any) -> None:
        """No callbacks."""

    def send_webhooks(self, *_args: Any, **_kwargs: Any) -> None:
        """No webhooks."""

    @property
    def func(self) -> Callable[..., Any]:
        if self.func_name != RUN_STEP or self.instance is not None:
            raise PermissionError("jobs may only run steps")
        return super().func


@dataclass(frozen=True, slots=True)
class QueueCounts:
    name: str
    paused: bool
    ready: int
    started: int
    deferred: int
    scheduled: int
    finished: int
    failed: int


@dataclass(frozen=True, slots=True)
class WorkerRow:
    name: str
    state: str
    step: str | None
    workflow_id: int | None
    job_id: str | None
    started_at: datetime | None
    memory: int | None
    done: int
    failed: int
    pid: int | None


@dataclass(frozen=True, slots=True)
class JobRow:
    job_id: str
    step_id: int
    workflow_id: int
    step: str
    attempt: int
    status: Status
    queue: str
    worker: str | None
    ready_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Queues:
    """What the queue page shows; saved numbers are there even when the queue is not."""

    reachable: bool
    at: datetime
    waiting: int
    running: int
    failed_last_hour: int
    queues: list[QueueCounts] = field(default_factory=list)
    workers: list[WorkerRow] = field(default_factory=list)
    error: str | None = None


def socket_path() -> Path:
    """The embedded server's unix socket; sockets have short names only, so a deep home gets one elsewhere."""
    path = settings().folder / "run" / "valkey.sock"
    return path if len(os.fsencode(path)) < 100 else _short_folder() / path.name


@lru_cache(maxsize=1)
def connection() -> Redis:
    """This process's connection pool."""
    return new_connection()


def new_connection() -> Redis:
    """A connection pool of one's own; it connects when first used."""
    # A lost connection is tried again, a server that stands still is not waited for twice.
    options: dict[str, Any] = {
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
        "retry": Retry(ConstantBackoff(0.1), 2, (RedisConnectionError,)),
        # To say which driver asks, every new process would read the package's description.
        "driver_info": None,
    }
    if settings().redis_url:
        try:
            return Redis.from_url(settings().redis_url, **options)
        except ValueError:
            raise Refused(
                "TRAINYARD_REDIS_URL leads to no queue; it must look like redis://host:6379/0, or be left out.",
                "TRAINYARD_REDIS_URL",
            ) from None
    return Redis(unix_socket_path=str(socket_path()), **options)


def queue(using: Redis | None = None) -> Queue:
    return Queue(QUEUE, connection=using or connection(), serializer=JSONSerializer, job_class=SafeJob)


def snapshot(memory: bool = False) -> Queues:
    """Everything the queue page shows, in one look that changes nothing; memory takes some time to add up."""
    counts = step_store.load()
    saved = Queues(False, now(), counts.waiting, counts.running, counts.failed_last_hour)
    try:
        return replace(saved, reachable=True, queues=[_counts(queue())], workers=_workers(memory))
    except RedisError as error:
        log.warning("queue down: %s", type(error).__name__)
        return replace(saved, error=QueueDown().sentence)


def recent_jobs(limit: int = 50) -> list[JobRow]:
    """The last jobs, from what is saved, so that they outlive the queue."""
    return [
        JobRow(
            step.job_id,
            step.id,
            step.workflow_id,
            step.name,
            step.attempt,
            step.status,
            QUEUE,
            step.worker,
            step.ready_at,
            step.started_at,
            step.ended_at,
            step.seconds,
        )
        for step in step_store.recent(limit)
    ]


def history(minutes: int = 60) -> list[step_store.Minute]:
    """Depth and throughput, minute by minute."""
    return step_store.history(minutes)


@deed("pause", "queue")
def pause(name: str = QUEUE) -> None:
    """Start no further step; running ones end in peace. Remembered across restarts."""
    _known(name)
    pauses.add(name)
    apply_pauses()


@deed("resume", "queue")
def resume(name: str = QUEUE) -> None:
    _known(name)
    pauses.remove(name)
    apply_pauses()


def apply_pauses() -> None:
    """Make the workers do what the database says about pauses."""
    try:
        if QUEUE in pauses.names():
            suspend_workers(connection())
        else:
            resume_workers(connection())
    except RedisError:
        raise QueueDown from None


def stop_job(step: Step) -> None:
    """End the process of a step that is no longer wanted; a queue that is down makes no difference to the truth."""
    try:
        try:
            send_stop_job_command(connection(), step.job_id, serializer=JSONSerializer)
        except InvalidJobOperation:
            drop_job(step.job_id)
        except NoSuchJobError:
            pass
    except RedisError:
        log.warning("could not stop %s; its process finds out by itself", step.job_id)


def last_heartbeats(job_ids: list[str]) -> dict[str, str]:
    """When the workers that watch these jobs last said so, as they wrote it; for seeing whether they still do."""
    return _written(f"{Job.redis_job_namespace_prefix}{{}}", job_ids)


def worker_heartbeats(names: list[str]) -> dict[str, str]:
    """When these workers were last heard of, as they wrote it."""
    return _written(f"{Worker.redis_worker_namespace_prefix}{{}}", names)


def _written(key: str, names: list[str]) -> dict[str, str]:
    pipe = connection().pipeline()
    for name in names:
        pipe.hget(key.format(name), "last_heartbeat")
    return {name: as_text(told) for name, told in zip(names, pipe.execute(), strict=True) if told}


def deferred_job_ids() -> list[str]:
    """Jobs that wait for other jobs."""
    return queue().deferred_job_registry.get_job_ids(cleanup=False)


def drop_job(job_id: str) -> None:
    """Remove a job from the queue, if it is there."""
    try:
        job = SafeJob.fetch(job_id, connection=connection(), serializer=JSONSerializer)
        # RQ would keep it among those that wait for the jobs above. Handed over again, by itself, it waits for nothing,
        # and RQ would trip over that: neither would the job above end, nor lost workers be cleaned up after any more.
        for above in job._dependency_ids:
            connection().srem(Job.dependents_key_for(above), job_id)
        job.delete()
    except NoSuchJobError:
        pass
    except (ValueError, TypeError, KeyError):  # written by another version, or damaged
        connection().delete(Job.key_for(job_id))


def forget_worker(name: str) -> None:
    """Take a worker that is gone off the list, rather than wait for its entry to run out."""
    worker = Worker.find_by_key(
        Worker.redis_worker_namespace_prefix + name,
        connection=connection(),
        serializer=JSONSerializer,
        job_class=SafeJob,
    )
    if worker:
        worker.register_death()


@deed("stop", "step")
def stop(step_id: int) -> None:
    """Stop one running step: its workflow is cancelled from there on."""
    step = step_store.get(step_id)
    if step.status.over:
        raise ConflictError(f"Step {step.name} of workflow {step.workflow_id} is already {step.status}.")
    from jobs.verbs.workflows import cancel

    cancel(step.workflow_id)


@deed("retry", "step")
def requeue(step_id: int) -> None:
    """Try a failed step again."""
    step = step_store.get(step_id)
    from jobs.verbs.workflows import retry

    retry(step.workflow_id)


def _known(name: str) -> None:
    if name != QUEUE:
        raise NotFound(f"There is no queue {name[:40]!r}; there is {QUEUE!r}.")


def _counts(which: Queue) -> QueueCounts:
    # Plain counts, without RQ's clean-up: looking must not change anything.
    pipe = which.connection.pipeline()
    pipe.llen(which.key)
    registries = [
        which.started_job_registry,
        which.deferred_job_registry,
        which.scheduled_job_registry,
        which.finished_job_registry,
        which.failed_job_registry,
    ]
    for registry in registries:
        pipe.zcard(registry.key)
    ready, started, deferred, scheduled, finished, failed = pipe.execute()
    return QueueCounts(which.name, which.name in pauses.names(), ready, started, deferred, scheduled, finished, failed)


def _workers(memory: bool) -> list[WorkerRow]:
    # RQ's own listing strikes workers off while it reads; this one only looks.
    keys = sorted(connection().smembers(REDIS_WORKER_KEYS))
    pipe = connection().pipeline()
    for key in keys:
        pipe.hgetall(key)
    found = [{as_text(name): as_text(value) for name, value in record.items()} for record in pipe.execute()]
    names = [as_text(key).removeprefix(Worker.redis_worker_namespace_prefix) for key in keys]
    alive = [(name, told) for name, told in zip(names, found, strict=True) if told and "death" not in told]
    rows = []
    for name, told in alive:
        with contextlib.suppress(ValueError):  # something else of this name, in a Redis that others use too
            rows.append(_worker(name, told, memory))
    return rows


def worker_names() -> set[str]:
    """Every worker that the queue knows, whether it is still there or not."""
    return {
        as_text(key).removeprefix(Worker.redis_worker_namespace_prefix)
        for key in connection().smembers(REDIS_WORKER_KEYS)
    }


def _worker(name: str, told: dict[str, str], memory: bool) -> WorkerRow:
    job_id = told.get("current_job") or None
    workflow_id, step = parse_job_id(job_id) if job_id else (None, None)
    pid = int(told["pid"]) if told.get("pid") else None
    return WorkerRow(
        name,
        told.get("state", "unknown"),
        step,
        workflow_id,
        job_id,
        _utc(utcparse(told["birth"])) if told.get("birth") else None,
        _memory(pid) if memory and told.get("hostname") == socket.gethostname() else None,
        int(told.get("successful_job_count", 0)),
        int(told.get("failed_job_count", 0)),
        pid,
    )


def parse_job_id(job_id: str) -> tuple[int | None, str | None]:
    """The workflow and step in an id such as wf42-train-a1."""
    parts = job_id.split("-")
    if len(parts) == 3 and parts[0].startswith("wf") and parts[0][2:].isdecimal():
        return int(parts[0][2:]), parts[1]
    return None, None


def _memory(pid: int | None) -> int | None:
    """What a worker of this machine and its step use, in bytes; what processes share is divided among them."""
    try:
        process = psutil.Process(pid)
        return sum(_share(each) for each in [process, *process.children(recursive=True)])
    except psutil.Error:
        return None


def _share(process: psutil.Process) -> int:
    info = process.memory_full_info()
    return int(getattr(info, "pss", info.uss))


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def _short_folder() -> Path:
    """A private folder with a short name, the same for every process of this home."""
    digest = hashlib.sha256(os.fsencode(settings().folder)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"trainyard-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise Refused(f"{folder} belongs to somebody else; set TRAINYARD_HOME to a shorter path.")
    return folder
