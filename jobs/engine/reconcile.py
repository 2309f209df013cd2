"""Makes rows and queue agree. It looks at how things are, not at what happened, so that it may be late or run twice."""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable

from jobs.engine import handover, limits, queue
from jobs.engine.staleness import Unchanged
from store import steps
from store.messages import Message
from store.steps import Step, turns
from store.tables import Status, StepRole

log = logging.getLogger(__name__)

SILENCE_SECONDS = 10
SILENCE_WITHOUT_QUEUE_SECONDS = 30
PATIENCE_SECONDS = 2
WITH_WORKER_SECONDS = 10

Heartbeats = Callable[[list[str]], dict[str, str]]


class Reconciler:
    """Goes round every few seconds; what it has watched for how long is all that it remembers."""

    def __init__(self) -> None:
        self._heartbeats = Unchanged()
        self._waiting = Unchanged()
        self._old_form_dropped = False

    def round(self) -> Counter[str]:
        """One round; returns what had to be done, which in health is nothing."""
        done: Counter[str] = Counter()
        try:
            queue.ping()
            done["dropped"] += self._drop_jobs_of_old_form()
            self._lose_silent(queue.last_heartbeats, SILENCE_SECONDS, done)
            queue.apply_pauses()
            _each(turns.overdue(), _give_up, done)
            done["let_in"] += limits.let_in()
            self._hand_over_stranded(done)
            done["dropped"] += _drop_jobs_nobody_waits_for()
        except queue.QueueDownError:
            done["queue_down"] += 1
            self._lose_silent(lambda _: {}, SILENCE_WITHOUT_QUEUE_SECONDS, done)
        done = +done
        for what, count in done.items():
            log.info("reconciled: %s %s", count, what)
        return done

    def watch(self) -> None:
        """Notice what is silent and change nothing, while another process goes round.

        Its machine can vanish together with the workers on it: who takes over must not begin to count then."""
        try:
            self._silent(queue.last_heartbeats)
        except queue.QueueDownError:
            self._silent(lambda _: {})

    def _drop_jobs_of_old_form(self) -> int:
        """Once is enough: what a home of an older release queued; nothing writes such jobs any more."""
        dropped = 0 if self._old_form_dropped else queue.drop_jobs_of_old_form()
        self._old_form_dropped = True
        return dropped

    def _lose_silent(self, heartbeats: Heartbeats, patience: float, done: Counter[str]) -> None:
        """Give up steps that have been silent for too long."""
        _each([step for step, seconds in self._silent(heartbeats) if seconds >= patience], _lose, done)

    def _silent(self, heartbeats: Heartbeats) -> list[tuple[Step, float]]:
        """Return for how long each running step has had no heartbeat, neither of its process nor of its worker."""
        running = {(step.id, step.attempt): step for step in steps.running()}
        watched = heartbeats([step.job_id for step in running.values()])
        # Of a chunk only the first step has a job; the worker that does the others says that it lives.
        names = {step.worker for step in running.values() if step.chunk and step.worker}
        alive = self._workers(sorted(names)) if names else {}
        looks = {
            key: (step.heartbeat_at, watched.get(step.job_id) or alive.get(step.worker or ""))
            for key, step in running.items()
        }
        return [(running[key], seconds) for key, seconds in self._heartbeats.seconds(looks).items()]

    def _workers(self, names: list[str]) -> dict[str, str]:
        with contextlib.suppress(queue.QueueDownError):
            return queue.worker_heartbeats(names)
        return {}

    def _hand_over_stranded(self, done: Counter[str]) -> None:
        """Hand over again what could start and is not in the queue, nor about to start."""
        waiting = {step.job_id: step for step in steps.waiting()}
        looks = queue.job_states(list(waiting))
        still = self._waiting.seconds(looks)
        stranded = [
            waiting[job_id]
            for job_id, seconds in still.items()
            if seconds >= (WITH_WORKER_SECONDS if looks[job_id].with_worker else PATIENCE_SECONDS)
        ]
        _each(stranded, _hand_over, done)


def _each(rows: Iterable[Step], repair: Callable[[Step], str | None], done: Counter[str]) -> None:
    """One bad row must not keep the others from being repaired."""
    for step in rows:
        try:
            if what := repair(step):
                done[what] += 1
        except queue.QueueDownError:
            raise
        except Exception:
            log.exception("could not reconcile step %s", step.id)
            done["errors"] += 1


def _give_up(step: Step) -> str:
    turns.give_up(step)
    handover.hand_over_late(steps.late_of(step.workflow_id))
    return "given_up"


def _lose(step: Step) -> str | None:
    lost = steps.lose(step, Message("worker_lost"), if_silent=True)
    if lost:
        queue.stop_job(step)
        if step.source:
            handover.hand_over_late(steps.late_of(step.workflow_id))
    return "lost" if lost else None


def _hand_over(step: Step) -> str | None:
    if not handover.hand_over_again(step):
        return None
    _drop_stale_dependents(step)
    handover.hand_over(step.workflow_id)
    return "handed_over"


def _drop_jobs_nobody_waits_for() -> int:
    """RQ lets a job wait for ever when the one it needs failed; what its step says decides."""
    waiting = queue.deferred_job_ids()
    ids = {parsed[0] for job_id in waiting if (parsed := queue.parse_job_id(job_id))}
    open_ids = {step.job_id for step in steps.pending_of(ids)} if ids else set()
    stale = [job_id for job_id in waiting if job_id not in open_ids]
    if stale:
        queue.drop_jobs(stale)
    return len(stale)


def _drop_stale_dependents(step: Step) -> None:
    """Jobs below still wait for the attempt before; they are queued again behind this one. Below a flow's driver is
    nothing."""
    if step.role != StepRole.driver:
        rows = steps.brief([step.workflow_id])[step.workflow_id]
        waits = [row for row in rows if row.status is Status.pending and row.ready_at is None]
        queue.drop_jobs(row.job_id for row in waits if row.position > step.position)
