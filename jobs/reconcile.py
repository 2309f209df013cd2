"""Makes rows and queue agree. It looks at how things are, not at what happened, so that it may be late or run twice."""

import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

from redis.exceptions import RedisError

from jobs import chain, pipelines, queues
from store import leases, steps, workflows
from store.settings import settings
from store.steps import Step

log = logging.getLogger(__name__)

LEASE_SECONDS = 30
SILENCE = timedelta(seconds=30)
PATIENCE = timedelta(seconds=2)


def reconcile() -> Counter[str]:
    """One round, if it is our turn; returns what had to be done, which in health is nothing."""
    done: Counter[str] = Counter()
    if not leases.take("reconciler", _owner(), LEASE_SECONDS):
        return done
    _each(steps.silent(SILENCE), _lose, done)
    try:
        queues.connection().ping()
        queues.apply_pauses()
        _each(steps.ready(PATIENCE), _hand_over, done)
        done += Counter({"dropped": _drop_jobs_nobody_waits_for()})
    except (RedisError, queues.QueueDown):
        done["queue_down"] += 1
    for what, count in done.items():
        log.info("reconciled: %s %s", count, what)
    return done


def _owner() -> str:
    """A home has one supervisor at a time, so the next one goes on with the lease of the one before."""
    return f"{socket.gethostname()}:{settings().folder}"[-80:]


def _each(found: Iterable[Step], repair: Callable[[Step], str | None], done: Counter[str]) -> None:
    """One bad row must not keep the others from being repaired."""
    for step in found:
        try:
            if what := repair(step):
                done[what] += 1
        except RedisError:
            raise
        except Exception:
            log.exception("could not reconcile step %s", step.id)
            done["errors"] += 1


def _lose(step: Step) -> str | None:
    lost = steps.lose(step, "worker_lost", "The worker was lost while it ran this step.")
    if lost:
        queues.stop_job(step)
    return "lost" if lost else None


def _hand_over(step: Step) -> str | None:
    definition = pipelines.get(workflows.get(step.workflow_id).pipeline).step(step.name)
    if not chain.hand_over_again(step, definition.timeout):
        return None
    _drop_stale_dependents(step)
    chain.hand_over(step.workflow_id)
    return "handed_over"


def _drop_jobs_nobody_waits_for() -> int:
    """RQ lets a job wait for ever when the one it needs failed; what its step says decides."""
    waiting = queues.deferred_job_ids()
    open_ids = {step.job_id for step in steps.pending_in({queues.parse_job_id(job_id)[0] for job_id in waiting})}
    stale = [job_id for job_id in waiting if job_id not in open_ids]
    for job_id in stale:
        queues.drop_job(job_id)
    return len(stale)


def _drop_stale_dependents(step: Step) -> None:
    """Jobs below still wait for the attempt before; they are queued again behind this one."""
    for other in steps.of_workflow(step.workflow_id):
        if other.position > step.position and not other.status.over:
            queues.drop_job(other.job_id)
