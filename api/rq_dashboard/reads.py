"""What RQ holds in Redis, as records. Reading changes nothing and unpickles nothing."""

import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import str_to_date
from rq.worker_registration import REDIS_WORKER_KEYS

from store.errors import NotFoundError
from store.messages import Message

REGISTRIES = ("started", "failed", "deferred", "finished", "scheduled", "canceled")
STATES = ("queued", *REGISTRIES)
MAX_PER_PAGE = 500
CREDENTIALS = re.compile(r"(?<=://)[^\s/@]*(?=@)")
# What RQ raises for a damaged record, or for one that another program wrote.
BROKEN = (NoSuchJobError, ResponseError, zlib.error, AssertionError, AttributeError)
UNREADABLE = (*BROKEN, LookupError, RecursionError, TypeError, ValueError)


class SafeSerializer(JSONSerializer):
    """JSON only: RQ's default would unpickle, and so run, what is in a record."""

    @staticmethod
    def loads(s: bytes, *_args: Any, **_kwargs: Any) -> Any:
        try:
            return JSONSerializer.loads(s)  # type: ignore[no-untyped-call]
        except (ValueError, RecursionError):
            return {"unreadable": f"{len(s)} bytes that are not JSON"}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """How many jobs a queue has in each state."""

    queue_name: str
    queued: int
    started: int
    failed: int
    deferred: int
    finished: int
    scheduled: int
    canceled: int

    @property
    def counts(self) -> dict[str, int]:
        return {state: getattr(self, state) for state in STATES}


@dataclass(frozen=True, slots=True)
class JobRow:
    id: str
    name: str
    queue_name: str
    status: str
    created_at: datetime
    enqueued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker_name: str | None


@dataclass(frozen=True, slots=True)
class JobPage:
    data: list[JobRow]
    total: int
    page: int
    per_page: int
    total_pages: int


@dataclass(frozen=True, slots=True)
class JobDetails:
    """What a job waits for, its status and result; the last three are text as shown."""

    waits_for: list[str]
    exception: str | None
    result: str | None
    metadata: str | None


@dataclass(frozen=True, slots=True)
class WorkerRow:
    name: str
    state: str
    queues: str
    current_job: str | None
    current_job_id: str | None
    successful_job_count: int
    failed_job_count: int
    birth_date: datetime | None
    last_heartbeat: datetime | None


def queues(connection: Redis) -> list[QueueRow]:
    """The queues by name. Plain counts: RQ's own would run its clean-up, which fails and restarts jobs."""
    return [QueueRow(queue.name, *(_count(queue, state) for state in STATES)) for queue in _queues(connection)]


def jobs(
    connection: Redis, queue_name: str, state: str, sort_by: str, descending: bool, page: int, per_page: int | None
) -> JobPage:
    """One page of jobs of one queue or all, in one state or all; every job if `per_page` is None."""
    ids = _sorted_ids(connection, queue_name, state, sort_by, descending)
    size = max(len(ids), 1) if per_page is None else min(max(per_page, 1), MAX_PER_PAGE)
    pages = max(1, -(-len(ids) // size))
    page = min(max(page, 1), pages)
    rows = [_row(job) for job_id in ids[(page - 1) * size : page * size] if (job := _fetch(connection, job_id))]
    return JobPage(rows, len(ids), page, size, pages)


def job(connection: Redis, job_id: str) -> tuple[JobRow, JobDetails]:
    """One job with its result or its traceback."""
    job = _fetch(connection, job_id)
    if not job:
        raise NotFoundError(Message("no_such_job", {"job": job_id[:80]}))
    exception, result = _outcome(job)
    return _row(job), JobDetails(sorted(job.dependency_ids), exception, result, _as_text(job.meta or None))


def workers(connection: Redis) -> list[WorkerRow]:
    """The workers by name. Not `Worker.all()`, which removes dead workers from RQ's list."""
    prefix = Worker.redis_worker_namespace_prefix
    records = [(key, _record(connection, key)) for key in _names(connection, REDIS_WORKER_KEYS)]
    return [_worker(connection, key.removeprefix(prefix), record) for key, record in records if "queues" in record]


def _worker(connection: Redis, name: str, record: dict[str, str]) -> WorkerRow:
    job = _fetch(connection, record["current_job"]) if record.get("current_job") else None
    return WorkerRow(
        _masked(name),
        record.get("state", "unknown"),
        record["queues"].replace(",", ", "),
        _row(job).name if job else None,
        job.id if job else None,
        _number(record.get("successful_job_count", "")),
        _number(record.get("failed_job_count", "")),
        _time(record.get("birth", "")),
        _time(record.get("last_heartbeat", "")),
    )


def _record(connection: Redis, key: str) -> dict[str, str]:
    try:
        return {_text(name): _text(value) for name, value in connection.hgetall(key).items()}
    except ResponseError:  # another kind of key under this name
        return {}


def _names(connection: Redis, key: str) -> list[str]:
    """A set of RQ's in order. RQ's own listings raise on a name that is not UTF-8."""
    return sorted(_text(name) for name in connection.smembers(key))


def _queues(connection: Redis) -> list[Queue]:
    prefix = Queue.redis_queue_namespace_prefix
    keys = [key for key in _names(connection, Queue.redis_queues_keys) if key.startswith(prefix)]
    return [Queue.from_queue_key(key, connection=connection, serializer=SafeSerializer) for key in keys]


def _registry(queue: Queue, state: str) -> Any:
    return getattr(queue, f"{state}_job_registry")


def _count(queue: Queue, state: str) -> int:
    try:
        return int(queue.count if state == "queued" else _registry(queue, state).get_job_count(cleanup=False))
    except UNREADABLE:  # another kind of key under its name
        return 0


def _ids(queue: Queue, state: str) -> list[str]:
    try:
        return list(queue.get_job_ids() if state == "queued" else _registry(queue, state).get_job_ids(cleanup=False))
    except UNREADABLE:
        return []


def _sorted_ids(connection: Redis, queue_name: str, state: str, sort_by: str, descending: bool) -> list[str]:
    """The jobs in one state; ids without a record are left out. RQ keeps stopped jobs among the failed ones."""
    places = STATES if state == "all" else ("failed",) if state == "stopped" else (state,) if state in STATES else ()
    queues = [queue for queue in _queues(connection) if queue_name in ("all", queue.name)]
    ids = list(dict.fromkeys(job_id for queue in queues for place in places for job_id in _ids(queue, place)))
    pipe = connection.pipeline(transaction=False)
    for job_id in ids:
        pipe.hmget(Job.key_for(job_id), "created_at", "status", "description")
    rows = []
    for job_id, fields in zip(ids, pipe.execute(raise_on_error=False), strict=True):
        created, status, description = fields if isinstance(fields, list) else (None, None, None)
        if created and (state != "stopped" or status == b"stopped"):
            rows.append((description or b"" if sort_by == "name" else created, created, job_id))
    return [job_id for _, _, job_id in sorted(rows, reverse=descending)]


def _fetch(connection: Redis, job_id: str) -> Job | None:
    """Return the job, or None if its record is missing or damaged."""
    try:
        return Job.fetch(job_id, connection=connection, serializer=SafeSerializer)
    except UNREADABLE:
        return None


def _row(job: Job) -> JobRow:
    return JobRow(
        job.id,
        _masked(job.description or job.id),
        job.origin or "unknown",
        str(job.get_status(refresh=False).value),
        job.created_at,
        job.enqueued_at,
        job.started_at,
        job.ended_at,
        _as_text(job.worker_name),
    )


def _outcome(job: Job) -> tuple[str | None, str | None]:
    """The traceback that a job ended with, and what it returned."""
    try:
        result = job.latest_result()
    except UNREADABLE:
        return None, None
    return (_as_text(result.exc_string), _as_text(result.return_value)) if result else (None, None)


def _as_text(value: Any) -> str | None:
    """A value as it is shown: text as it is, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value and _masked(value)
    return _masked(json.dumps(value, indent=2, ensure_ascii=False))


def _masked(text: str) -> str:
    """Text fit to be sent, without the user and password of an address in it."""
    return CREDENTIALS.sub("***", text.encode(errors="replace").decode())


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _time(text: str) -> datetime | None:
    try:
        return str_to_date(text)
    except ValueError:
        return None
