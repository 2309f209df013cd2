"""The queue as plain records: counts, workers and the last jobs. Looking changes nothing."""

import contextlib
import socket
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psutil
from rq import Worker
from rq.utils import as_text, utcparse
from rq.worker_registration import REDIS_WORKER_KEYS

from jobs.engine.queue import QUEUE, QueueDownError, connection, gateway, parse_job_id, rq_queues
from store import pauses
from store import steps as step_store
from store.messages import Message
from store.tables import Status, now


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
    error: Message | None = None


def snapshot(memory: bool = False) -> Queues:
    """Everything the queue page shows; adding up memory takes some time."""
    counts = step_store.load()
    saved = Queues(False, now(), counts.waiting, counts.running, counts.failed_last_hour)
    try:
        return replace(saved, reachable=True, queues=[_counts()], workers=_workers(memory))
    except QueueDownError as down:
        return replace(saved, error=down.message)


def recent_jobs(limit: int = 50) -> list[JobRow]:
    """The last jobs, from the database, so that they outlive the queue."""
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


@gateway
def _counts() -> QueueCounts:
    """The queue as people see it: all its lanes together."""
    # Plain counts, without RQ's clean-up: looking must not change anything.
    pipe = connection().pipeline()
    for lane in rq_queues():
        pipe.llen(lane.key)
        for registry in (
            lane.started_job_registry,
            lane.deferred_job_registry,
            lane.scheduled_job_registry,
            lane.finished_job_registry,
            lane.failed_job_registry,
        ):
            pipe.zcard(registry.key)
    counts = pipe.execute()
    ready, started, deferred, scheduled, finished, failed = (sum(counts[place::6]) for place in range(6))
    return QueueCounts(QUEUE, QUEUE in pauses.names(), ready, started, deferred, scheduled, finished, failed)


def _workers(memory: bool) -> list[WorkerRow]:
    alive = {name: record for name, record in _records().items() if record and "death" not in record}
    ids = {
        job_id: parsed[0] for each in alive.values() if (parsed := parse_job_id(job_id := each.get("current_job", "")))
    }
    places = step_store.places(ids.values())
    rows = []
    for name, record in alive.items():
        place = places.get(ids.get(record.get("current_job", ""), 0))
        with contextlib.suppress(ValueError):  # something else of this name, in a Redis that others use too
            rows.append(_worker(name, record, place, memory))
    return rows


@gateway
def _records() -> dict[str, dict[str, str]]:
    """What every registered worker wrote of itself. RQ's own listing removes workers while it reads."""
    keys = sorted(connection().smembers(REDIS_WORKER_KEYS))
    pipe = connection().pipeline()
    for key in keys:
        pipe.hgetall(key)
    return {
        as_text(key).removeprefix(Worker.redis_worker_namespace_prefix): {
            as_text(name): as_text(value) for name, value in record.items()
        }
        for key, record in zip(keys, pipe.execute(), strict=True)
    }


def _worker(name: str, record: dict[str, str], place: tuple[int, str] | None, memory: bool) -> WorkerRow:
    pid = int(record["pid"]) if record.get("pid") else None
    return WorkerRow(
        name,
        record.get("state", "unknown"),
        place[1] if place else None,
        place[0] if place else None,
        record.get("current_job") or None,
        _utc(utcparse(record["birth"])) if record.get("birth") else None,
        _memory(pid) if memory and record.get("hostname") == socket.gethostname() else None,
        int(record.get("successful_job_count", 0)),
        int(record.get("failed_job_count", 0)),
        pid,
    )


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
