"""The queue: its connection, the jobs in it, and the one gateway to RQ and Redis.

Every function that a caller outside `jobs.engine` can reach raises QueueDownError and nothing else of the queue's.
"""

import hashlib
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError, WatchError
from redis.retry import Retry
from rq import Queue, Worker
from rq import exceptions as rq_exceptions
from rq.command import send_command
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.suspension import resume as resume_workers
from rq.suspension import suspend as suspend_workers
from rq.utils import as_text
from rq.version import VERSION
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from store import pauses
from store.errors import RequestError, UnavailableError
from store.messages import Message
from store.settings import settings
from store.steps import Step
from store.tables import Priority

log = logging.getLogger(__name__)
_away = threading.Event()

QUEUE = "steps"
# To people it is one queue. Its lanes are queues of RQ's, which workers empty in this order.
LATER = f"{QUEUE}-later"
BY_PRIORITY = {
    Priority.person: QUEUE,
    Priority.sweep: f"{QUEUE}-sweeps",
    Priority.schedule: f"{QUEUE}-schedules",
    Priority.retraining: f"{QUEUE}-retraining",
}
LANES = (QUEUE, LATER, *list(BY_PRIORITY.values())[1:])
RQ_VERSION = VERSION
RUN_STEP = "jobs.engine.runner.run_step"
KEEP_SECONDS = 7 * 24 * 3600
TIMEOUT_SECONDS = 3.0
TRIES = 3
JOB_ID = re.compile(r"s(\d+)-a(\d+)(?:t\d+)?")
JOB_ID_UNTIL_0_1 = re.compile(r"wf\d+-.+-a\d+")

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class QueueDownError(UnavailableError):
    """The queue cannot be reached; what is saved is safe."""

    def __init__(self) -> None:
        super().__init__(Message("queue_down"))


CHANGED: tuple[type[Exception], ...] = (
    WatchError,
    *(
        each
        for each in vars(rq_exceptions).values()
        if isinstance(each, type) and issubclass(each, Exception) and each is not rq_exceptions.StopRequested
    ),
)
DAMAGED = (ValueError, TypeError, KeyError, AttributeError)


def gateway(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let callers meet QueueDownError and nothing else of RQ's or Redis'.

    RQ reads a job several times within one call, and raises when the job goes away in between. The call is then made
    again, and the job is missing. A record that cannot be read is logged and counts as a queue that is down: rows are
    the truth, and the reconciler hands over what is missing.
    """

    @wraps(function)
    def reach(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        for last in (*[False] * (TRIES - 1), True):
            try:
                answer = function(*args, **kwargs)
                _away.clear()
                return answer
            except RequestError:
                raise
            except CHANGED:
                if last:
                    log.exception("%s: the queue changes all the time", function.__name__)
            except (RedisError, OSError) as error:
                if not _away.is_set():  # once, not at each look of each open page
                    _away.set()
                    log.warning("The queue does not answer (%s); work goes on once it does.", type(error).__name__)
                break
            except DAMAGED:
                log.exception("%s: a record in the queue is damaged", function.__name__)
                break
        raise QueueDownError from None

    return reach


class SafeJob(Job):
    """A job that can call run_step and nothing else, whatever its record says."""

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
        function: Callable[..., Any] = super().func
        return function


def socket_path() -> Path:
    """The embedded server's unix socket; sockets have short names only, so a deep home gets one elsewhere."""
    path = settings().folder / "run" / "valkey.sock"
    return path if len(os.fsencode(path)) < 100 else _short_folder() / path.name


@lru_cache(maxsize=1)
def connection() -> Redis:
    """Return this process's connection pool. What is called on it directly is not behind the gateway."""
    return new_connection()


def new_connection() -> Redis:
    """Make a connection pool; it connects when it is first used."""
    # A lost connection is tried again; a server that does not answer is not waited for twice.
    options: dict[str, Any] = {
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
        "retry": Retry(ConstantBackoff(0.1), 2, (RedisConnectionError,)),
        # To report its version, redis-py would read the package's description in every new process.
        "driver_info": None,
    }
    if settings().redis_url:
        try:
            return Redis.from_url(settings().redis_url, **options)
        except ValueError:
            raise RequestError(
                Message("redis_url_malformed"),
                "TRAINYARD_REDIS_URL",
            ) from None
    return Redis(unix_socket_path=str(socket_path()), **options)


def rq_queue(lane: str = QUEUE, using: Redis | None = None) -> Queue:
    """RQ's view of one lane."""
    return Queue(lane, connection=using or connection(), serializer=JSONSerializer, job_class=SafeJob)


def rq_queues(using: Redis | None = None) -> list[Queue]:
    """RQ's view of the whole queue, in the order in which its lanes are emptied."""
    return [rq_queue(lane, using) for lane in LANES]


def lane(priority: int, in_turn: bool = True) -> str:
    """The lane for work of a priority; a person's work that is not in turn waits behind everybody's that is."""
    level = max((level for level in BY_PRIORITY if level <= priority), default=Priority.person)
    return LATER if level is Priority.person and not in_turn else BY_PRIORITY[level]


def job(job_id: str) -> Job:
    """Return the job with this id, without reading it."""
    return SafeJob(job_id, connection=connection(), serializer=JSONSerializer)


def parse_job_id(job_id: str) -> tuple[int, int] | None:
    """The step and the attempt in an id such as s42-a1; None for any other id."""
    parts = JOB_ID.fullmatch(job_id)
    return (int(parts[1]), int(parts[2])) if parts else None


@gateway
def count_workers() -> int:
    """How many workers there are."""
    return int(connection().scard(REDIS_WORKER_KEYS))


@gateway
def ping() -> None:
    """Raise QueueDownError unless the server answers."""
    connection().ping()


def answers() -> bool:
    """Whether the server answers; called often while it starts, so a failure is not logged."""
    try:
        return bool(connection().ping())
    except (RedisError, OSError):
        return False


@gateway
def server_settings() -> dict[str, str]:
    """How the server is configured; empty when it does not say."""
    connection().ping()
    try:
        return {str(name): str(value) for name, value in connection().config_get("*").items()}
    except ResponseError:
        return {}


@dataclass(frozen=True, slots=True)
class JobState:
    """What the queue knows of a job that is in no list."""

    status: str | None
    heartbeat: str | None

    @property
    def with_worker(self) -> bool:
        """Whether a worker has it, and may be about to begin."""
        return self.status == JobStatus.STARTED


@gateway
def job_states(job_ids: Sequence[str]) -> dict[str, JobState]:
    """Where these jobs are; those that wait in a lane's list are left out, as nothing is wrong with them."""
    pipe = connection().pipeline()
    for each in rq_queues():
        pipe.lrange(each.key, 0, -1)
    listed = {as_text(job_id) for ids in pipe.execute() for job_id in ids}
    missing = [job_id for job_id in job_ids if job_id not in listed]
    for job_id in missing:
        pipe.hmget(Job.key_for(job_id), "status", "last_heartbeat")
    records = [[as_text(value) if value else None for value in values] for values in pipe.execute()]
    return {job_id: JobState(status, heartbeat) for job_id, (status, heartbeat) in zip(missing, records, strict=True)}


@gateway
def queued_job_ids() -> list[str]:
    """Jobs that wait for a worker, the next one first."""
    return [job_id for each in rq_queues() for job_id in each.get_job_ids()]


@gateway
def deferred_job_ids() -> list[str]:
    """Jobs that wait for other jobs."""
    return [job_id for each in rq_queues() for job_id in each.deferred_job_registry.get_job_ids(cleanup=False)]


@gateway
def in_lane(job_ids: Sequence[str], lane: str) -> list[str]:
    """Those of the jobs that wait in this lane, or are about to."""
    pipe = connection().pipeline(transaction=False)
    for job_id in job_ids:
        pipe.hget(Job.key_for(job_id), "origin")
    return [job_id for job_id, origin in zip(job_ids, pipe.execute(), strict=True) if origin == lane.encode()]


@gateway
def drop_jobs(job_ids: Iterable[str]) -> None:
    """Remove jobs and every trace of them from the queue; those that are not there are passed over.

    RQ's own removal reads the job five times and raises when it goes away in between. It also leaves the job among
    those that wait for the jobs above: handed over again it waits for nothing, RQ would fail on that, and neither would
    the job above end nor would lost workers be cleaned up after.
    """
    ids = list(job_ids)
    pipe = connection().pipeline()
    for job_id in ids:
        pipe.hget(Job.key_for(job_id), "origin")
        pipe.smembers(job(job_id).dependencies_key)
        pipe.zrange(ExecutionRegistry.key_template.format(job_id), 0, -1)
    read = pipe.execute()
    for job_id, origin, above, executions in zip(ids, read[::3], read[1::3], read[2::3], strict=True):
        for lane in [as_text(origin)] if origin else LANES:
            _drop_from(pipe, rq_queue(lane), job_id, [as_text(each) for each in executions])
        for each in above:
            pipe.srem(Job.dependents_key_for(as_text(each)), job_id)
        pipe.delete(Job.key_for(job_id), job(job_id).dependencies_key, Job.dependents_key_for(job_id))
        pipe.delete(ExecutionRegistry.key_template.format(job_id))
    pipe.execute()


def _drop_from(pipe: Pipeline, queue: Queue, job_id: str, executions: Sequence[str]) -> None:
    pipe.lrem(queue.key, 0, job_id)
    pipe.lrem(queue.intermediate_queue_key, 0, job_id)
    for registry in (
        queue.deferred_job_registry,
        queue.scheduled_job_registry,
        queue.finished_job_registry,
        queue.failed_job_registry,
        queue.canceled_job_registry,
    ):
        pipe.zrem(registry.key, job_id)
    for each in executions:
        execution = Execution(each, job_id, queue.connection)
        pipe.zrem(queue.started_job_registry.key, execution.composite_key)
        pipe.delete(execution.key)


def drop_job(job_id: str) -> None:
    """Remove one job, if it is there."""
    drop_jobs([job_id])


@gateway
def drop_jobs_of_old_form() -> int:
    """Remove the jobs that a release before 0.2 queued, with ids such as wf42-train-a1; returns how many there were.

    Their steps are pending in the database, so the reconciler hands them over again under the ids of today.
    """
    queue = rq_queue()
    pipe = connection().pipeline()
    pipe.lrange(queue.key, 0, -1)
    pipe.lrange(queue.intermediate_queue_key, 0, -1)
    for registry in (queue.deferred_job_registry, queue.failed_job_registry, queue.finished_job_registry):
        pipe.zrange(registry.key, 0, -1)
    pipe.zrange(queue.started_job_registry.key, 0, -1)
    ids = {as_text(job_id).partition(":")[0] for part in pipe.execute() for job_id in part}
    old = sorted(job_id for job_id in ids if JOB_ID_UNTIL_0_1.fullmatch(job_id))
    drop_jobs(old)
    return len(old)


def stop_job(step: Step) -> None:
    """End the process of a step that is no longer wanted; while the queue is down, the process notices by its claim."""
    try:
        stop_jobs([step.job_id], step.worker if step.chunk else None)
    except QueueDownError:
        log.warning("could not stop %s; its process finds out by itself", step.job_id)


@gateway
def stop_jobs(job_ids: Sequence[str], doer: str | None = None) -> None:
    """End the processes of jobs that run, and drop those that no worker has. A further step of a chunk has no job: its
    `doer` has that of the first one."""
    for job_id in job_ids:
        if doer and not connection().exists(Job.key_for(job_id)):
            current = connection().hget(f"{Worker.redis_worker_namespace_prefix}{doer}", "current_job")
            if current:
                send_command(connection(), doer, "stop-job", job_id=as_text(current))
            continue
        worker = connection().hget(Job.key_for(job_id), "worker_name")
        if worker:
            send_command(connection(), as_text(worker), "stop-job", job_id=job_id)
        else:
            drop_job(job_id)


def is_paused() -> bool:
    """Whether workers start nothing new; not while the queue cannot say."""
    try:
        return bool(is_suspended(connection()))
    except RedisError:
        return False


@gateway
def apply_pauses() -> None:
    """Make the workers do what the database says about pauses."""
    if QUEUE in pauses.names():
        suspend_workers(connection())
    else:
        resume_workers(connection())


def statuses(job_ids: Sequence[str]) -> dict[str, str]:
    """The status of each of these jobs, as RQ has it; those that are not there are left out."""
    return _of_jobs(job_ids, "status")


def last_heartbeats(job_ids: Sequence[str]) -> dict[str, str]:
    """Return the last heartbeat of the workers that watch these jobs, as written; a change shows they are alive."""
    return _of_jobs(job_ids, "last_heartbeat")


def worker_heartbeats(names: Sequence[str]) -> dict[str, str]:
    """When these workers last gave a sign of life, as they wrote it."""
    return _written(f"{Worker.redis_worker_namespace_prefix}{{}}", names, "last_heartbeat")


def worker_versions(names: Sequence[str]) -> set[str]:
    """The versions of RQ that workers, here and on other machines, say they have."""
    return set(_written(f"{Worker.redis_worker_namespace_prefix}{{}}", names, "version").values())


@gateway
def worker_names() -> set[str]:
    """Every worker that is registered, whether it still runs or not."""
    return {
        as_text(key).removeprefix(Worker.redis_worker_namespace_prefix)
        for key in connection().smembers(REDIS_WORKER_KEYS)
    }


@gateway
def forget_worker(name: str) -> None:
    """Take a dead worker off the list, rather than wait for its entry to expire."""
    key = Worker.redis_worker_namespace_prefix + name
    pipe = connection().pipeline()
    pipe.srem(REDIS_WORKER_KEYS, key)
    for lane in LANES:
        pipe.srem(WORKERS_BY_QUEUE_KEY % lane, key)
    pipe.delete(key)
    pipe.execute()


def _of_jobs(job_ids: Sequence[str], field: str) -> dict[str, str]:
    return _written(f"{Job.redis_job_namespace_prefix}{{}}", job_ids, field)


@gateway
def _written(key: str, names: Sequence[str], field: str) -> dict[str, str]:
    pipe = connection().pipeline()
    for name in names:
        pipe.hget(key.format(name), field)
    return {name: as_text(value) for name, value in zip(names, pipe.execute(), strict=True) if value}


def _short_folder() -> Path:
    """A private folder with a short name, the same for every process of this home."""
    digest = hashlib.sha256(os.fsencode(settings().folder)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"trainyard-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RequestError(Message("folder_of_other_user", {"folder": str(folder)}))
    return folder
