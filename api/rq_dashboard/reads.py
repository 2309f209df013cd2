"""What the RQ dashboard shows, read from the queue without unpickling and without changing anything.

These functions stand in for those of the same names in `rq_dashboard_fast.utils` (0.9.2). Those read with pickle, so
that looking at a job can run code; run RQ's clean-up, so that looking at a list can fail or restart a job; open a new
connection pool each time; answer 500 for a job that is not there or has returned a value; and load every job to show
ten of them.
"""

import zlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.worker_registration import get_keys
from rq_dashboard_fast.utils.jobs import JobData, JobDataDetailed, PaginatedJobResponse, QueueJobRegistryStats
from rq_dashboard_fast.utils.queues import QueueRegistryStats
from rq_dashboard_fast.utils.workers import WorkerData

from jobs.engine.queues import QueueDown
from store.errors import NotFound

Connect = Callable[[], Redis]
Answer = TypeVar("Answer")

REGISTRIES = ("started", "failed", "deferred", "finished", "scheduled", "canceled")
PLACES = {
    "all": ("queued", *REGISTRIES),
    "stopped": ("failed",),  # RQ keeps stopped jobs among the failed ones; the package looks among the started ones
    **{state: (state,) for state in ("queued", *REGISTRIES)},
}
STATES = ("queued", *REGISTRIES, "stopped")
MOST_PER_PAGE = 500
# What RQ raises for a record that is broken, or was written by somebody else.
UNREADABLE = (
    NoSuchJobError,
    LookupError,
    TypeError,
    ValueError,
    AssertionError,
    AttributeError,
    RecursionError,
    zlib.error,
)


class Readable(JSONSerializer):
    """JSON; what is not JSON is said to be so, never unpickled."""

    @staticmethod
    def loads(s: bytes, *_args: Any, **_kwargs: Any) -> Any:
        try:
            return JSONSerializer.loads(s)
        except (ValueError, RecursionError):
            return {"unreadable": f"{len(s)} bytes that are not JSON"}


def reading(read: Callable[..., Answer]) -> Callable[..., Answer]:
    """Connects when asked, and says in our words that the queue is down."""

    @wraps(read)
    def call(connect: Connect, *args: Any, **kwargs: Any) -> Answer:
        try:
            return read(connect(), *args, **kwargs)
        except (RedisError, OSError):
            raise QueueDown from None

    return call


@reading
def get_job_registry_amount(connection: Redis, **_allowed: Any) -> list[QueueRegistryStats]:
    """How many jobs each queue has in each state."""
    return [
        QueueRegistryStats(
            queue_name=queue.name,
            queued=queue.count,
            **{state: _registry(queue, state).get_job_count(cleanup=False) for state in REGISTRIES},
        )
        for queue in _queues(connection)
    ]


@reading
def get_jobs(
    connection: Redis,
    queue_name: str = "all",
    state: str = "all",
    page: int = 1,
    per_page: int | None = None,
    sort_dir: str = "desc",
    **_other: Any,
) -> PaginatedJobResponse:
    """One page of jobs, the newest first; every job if no page size is given."""
    ids = _ids(connection, queue_name, state)
    if sort_dir == "asc":
        ids.reverse()
    size = min(max(per_page, 1), MOST_PER_PAGE) if per_page is not None else max(len(ids), 1)
    pages = max(1, -(-len(ids) // size))
    page = min(max(page, 1), pages)
    shown = [job for job_id in ids[(page - 1) * size : page * size] if (job := _fetch(connection, job_id))]
    return PaginatedJobResponse(data=_by_queue(shown), total=len(ids), page=page, per_page=size, total_pages=pages)


@reading
def get_job(connection: Redis, job_id: str) -> JobDataDetailed:
    """One job with its result or its traceback."""
    job = _fetch(connection, job_id)
    if not job:
        raise NotFound(f"The queue has no readable job {job_id[:80]!r}. Jobs leave it some days after they end.")
    result = _latest_result(job)
    return JobDataDetailed(
        **_brief(job).model_dump(),
        status=_state(job),
        enqueued_at=job.enqueued_at,
        result=result.return_value if result else None,
        exc_info=result.exc_string if result else None,
        meta=_about(job),
        origin=job.origin or None,
    )


@reading
def get_workers(connection: Redis) -> list[WorkerData]:
    """The workers that are there, by name."""
    rows = []
    for key in sorted(get_keys(connection=connection)):
        # Not Worker.all(): it takes workers that are gone off RQ's list, and looking must not change anything.
        fields = connection.hmget(key, "queues", "current_job", "successful_job_count", "failed_job_count")
        queues, job_id, done, failed = map(_text, fields)
        if queues is None:
            continue
        job = _fetch(connection, job_id) if job_id else None
        rows.append(
            WorkerData(
                name=key.removeprefix("rq:worker:"),
                current_job=_brief(job).name if job else "Idle",
                current_job_id=job.id if job else None,
                successful_job_count=_whole(done),
                failed_job_count=_whole(failed),
                queues=queues.split(","),
            )
        )
    return rows


def _queues(connection: Redis) -> list[Queue]:
    return sorted(Queue.all(connection=connection, serializer=Readable), key=lambda queue: queue.name)


def _registry(queue: Queue, state: str) -> Any:
    return getattr(queue, f"{state}_job_registry")


def _ids(connection: Redis, queue_name: str, state: str) -> list[str]:
    """The jobs in one state, newest first; ids whose job is gone are left out."""
    found: dict[str, None] = {}
    for queue in _queues(connection):
        if queue_name in ("all", queue.name):
            for place in PLACES.get(state, ()):
                found |= dict.fromkeys(
                    queue.get_job_ids() if place == "queued" else _registry(queue, place).get_job_ids(cleanup=False)
                )
    pipe = connection.pipeline(transaction=False)
    for job_id in found:
        pipe.hmget(Job.key_for(job_id), "created_at", "status")
    rows = zip(found, pipe.execute(), strict=True)
    wanted = [
        (created, job_id)
        for job_id, (created, status) in rows
        if created and (state != "stopped" or status == b"stopped")
    ]
    return [job_id for _, job_id in sorted(wanted, reverse=True)]


def _fetch(connection: Redis, job_id: str) -> Job | None:
    """The job, or nothing if it is gone or its record is broken."""
    try:
        return Job.fetch(job_id, connection=connection, serializer=Readable)
    except UNREADABLE:
        return None


def _latest_result(job: Job) -> Result | None:
    try:
        return job.latest_result()
    except UNREADABLE:
        return None


def _text(value: Any) -> str | None:
    return value.decode(errors="replace") if value else None


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _brief(job: Job) -> JobData:
    return JobData(id=job.id, name=job.description or job.id, created_at=job.created_at, ended_at=job.ended_at)


def _state(job: Job) -> str:
    return str(job.get_status(refresh=False).value)


def _about(job: Job) -> dict[str, Any]:
    """What the package's job page does not say: what the job waits for, and who runs it."""
    meta = job.meta if isinstance(job.meta, dict) else {"meta": job.meta}
    return meta | {
        name: value for name, value in {"waits for": job._dependency_ids, "worker": job.worker_name}.items() if value
    }


def _by_queue(shown: list[Job]) -> list[QueueJobRegistryStats]:
    """The jobs as the package lays them out: by queue, then by state."""
    queues: dict[str, dict[str, list[JobData]]] = {}
    for job in shown:
        states = queues.setdefault(job.origin or "unknown", {state: [] for state in STATES})
        states.setdefault(_state(job), []).append(_brief(job))
    return [
        QueueJobRegistryStats(queue_name=name, **{state: states[state] for state in STATES})
        for name, states in queues.items()
    ]
