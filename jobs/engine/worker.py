"""The worker: RQ's, with its faults mended, and with a process of its own for each step.

Every override says which fault of RQ 2.12 it is for; tests/test_engine_worker.py and tests/test_faults_*.py perform
them. When RQ mends one, its override goes.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle
from typing import Any, cast

import psutil
from redis.exceptions import RedisError
from rq import Queue, Worker, worker_registration
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.timeouts import BaseDeathPenalty
from rq.utils import now as rq_now
from rq.worker import WorkerStatus
from rq.worker_registration import REDIS_WORKER_KEYS

from jobs.engine import handover, queue, runner
from jobs.engine.child import be_a_child
from jobs.engine.loaded_ahead import LoadedAhead
from jobs.engine.output import Overheard
from jobs.engine.queue import SafeJob
from jobs.engine.runner import Assignment, Ending, Grown, ProcessDiedError, Resolve
from jobs.pipelines.code_hash import CodeIdentity
from jobs.pipelines.preloaded import Loaded, OwnCode
from jobs.process.children import (
    Child,
    Children,
    ChildrenGoneError,
    Forked,
    ForkedAhead,
    end_of,
    forked_ahead,
)
from store import db, files
from store.messages import Message
from store.settings import settings

log = logging.getLogger(__name__)

TTL_SECONDS = 18  # RQ waits for a job until fifteen seconds before it, so an idle worker sends a heartbeat every three
WATCH_SECONDS = 3
BEAT_SECONDS = 1
KILL_MARGIN_SECONDS = 10


class NoLimit(BaseDeathPenalty):
    """No limit in the worker itself: RQ would interrupt it, by a signal, while it records."""

    def setup_death_penalty(self) -> None:
        pass

    def cancel_death_penalty(self) -> None:
        pass


class StepWorker(Worker):
    """One worker of the one queue. Its own process claims and records, and never computes: each step is done by a
    child that was forked ahead, and is watched."""

    death_penalty_class = NoLimit

    def __init__(self, name: str) -> None:
        connection = queue.new_connection()
        super().__init__(
            queue.rq_queues(connection),
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            job_class=SafeJob,
            worker_ttl=TTL_SECONDS,
            job_monitoring_interval=WATCH_SECONDS,
            maintenance_interval=10,
            log_job_description=False,
        )
        self._job: Job | None = None
        self._beat_due = 0.0
        self._frozen = 0
        self._child: Child | None = None
        self._overheard: Overheard | None = None
        self._ahead: LoadedAhead | None = None
        self._from_ahead = False
        self._next_code: OwnCode | None = None

    # RQ adds 60 s to the time after which a silent job counts as abandoned: a dead worker is noticed a minute late.
    def get_heartbeat_ttl(self, job: Job) -> int:
        return 20

    # RQ waits out a pause without a heartbeat, and a paused worker would be taken for one that hangs.
    def check_for_suspension(self, burst: bool) -> None:
        paused = False
        while not self._stop_requested and is_suspended(self.connection, self):
            if not paused:
                self.set_state(WorkerStatus.SUSPENDED)
                paused = True
            self.heartbeat()
            time.sleep(1)
        if paused:
            self.set_state(WorkerStatus.IDLE)

    # RQ registers a worker once, at its birth: a queue that was emptied (FLUSHALL) would never list it again. And it
    # writes three heartbeats for each step, where one a second is enough.
    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
        elif time.monotonic() >= self._beat_due:
            with self.connection.pipeline(transaction=False) as once:
                super().heartbeat(timeout, once)
                once.sismember(REDIS_WORKER_KEYS, self.key)
                is_registered = once.execute()[-1]
            if not is_registered:
                self._register_again()
            self._beat_due = time.monotonic() + BEAT_SECONDS
        # What is still loading code may be waited for: then there is no child, but a process to watch.
        if self._ahead and not self._horse_pid and self._ahead.is_idle:
            self._end_ahead()

    def _register_again(self) -> None:
        with self.connection.pipeline() as again:
            again.hset(self.key, mapping=self.serialize())
            worker_registration.register(self, again)
            again.execute()

    # RQ forgets the execution at the first try of a transaction (rq/rq PR 2466, not in 2.12): at the second the started
    # entry stays, and a finished job fails or runs again.
    def cleanup_execution(self, job: Job, pipeline: Any) -> None:
        execution = self.execution
        super().cleanup_execution(job, pipeline)
        self.execution = execution

    # RQ lets an error in maintenance end the worker, and keeps the lock on maintenance for 899 s.
    def run_maintenance_tasks(self) -> None:
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except Exception:
            log.exception("maintenance failed")
            self.last_cleaned_at = rq_now()  # type: ignore[assignment]
            for queue in self.queues:
                queue.release_maintenance_lock()  # type: ignore[no-untyped-call]

    # RQ ends a worker whose heartbeat fails while it is busy: a queue that is away for a moment would cost the step.
    def maintain_heartbeats(self, job: Job) -> None:
        with contextlib.suppress(RedisError):
            super().maintain_heartbeats(job)

    # RQ writes the date of a request to stop, and the working time, without a guard: while the queue is away, SIGTERM
    # would fail the step that runs.
    def set_shutdown_requested_date(self) -> None:
        with contextlib.suppress(RedisError):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def set_current_job_working_time(self, current_job_working_time: float, pipeline: Any = None) -> None:
        with contextlib.suppress(RedisError):
            super().set_current_job_working_time(current_job_working_time, pipeline)

    # RQ writes a heartbeat of a job that has ended, while the next one waits.
    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        job.ended_at = rq_now()

    # RQ logs a job that was stopped on purpose as an error, with a traceback.
    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        if self._stopped_job_id == job.id:
            self.log.info("Worker %s: job %s is cancelled", self.name, job.id)
        else:
            super().handle_exception(job, *exc_info)

    # RQ counts a job that was stopped on purpose among the failed ones; that it was cancelled is in the database.
    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
    ) -> None:
        cancelled = self._stopped_job_id == job.id
        super().handle_job_failure(job, queue, started_job_registry, exc_string)
        if cancelled:
            self.connection.hincrby(self.key, "failed_job_count", -1)
            job.delete()

    # RQ asks for the group of process 0 when there is no child, which is the worker's own, and kills that.
    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        if self.horse_pid:
            super().kill_horse(sig)

    # RQ waits for a child of its own; this one belongs to the fork server.
    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        return None, None, None

    def work(self, *args: Any, **kwargs: Any) -> bool:
        os.environ["RQ_WORKER_ID"] = self.name
        self._children = _children()  # before anything is open that children must not share
        runner.use_executor(self._do_in_a_child)
        db.while_waiting(self._sign_of_life)
        try:
            return super().work(*args, **kwargs)
        finally:
            self._end_ahead()
            self._children.end()

    def execute_job(self, job: Job, queue: Queue) -> None:
        # RQ looks for a pause before it waits for a job, not after: a worker that was waiting gives the job back.
        if is_suspended(self.connection):
            self._give_back(job, queue)
            return
        self._job = job
        try:
            self._children.await_one()  # before the step is claimed, as it can still be given back
        except ChildrenGoneError:
            log.error("the fork server is gone; its worker ends, too")
            self._give_back(job, queue)
            raise StopRequested from None  # the supervisor replaces a worker that ends
        self.prepare_execution(job)
        try:
            self.perform_job(job, queue)
        finally:
            self._release()
            self.execution = None
            self._horse_pid = 0

    def _give_back(self, job: Job, queue: Queue) -> None:
        queue.push_job_id(job.id, at_front=True)
        self.connection.lrem(queue.intermediate_queue_key, 1, job.id)

    def _do_in_a_child(self, assignment: Assignment, resolve: Resolve) -> Ending | None:
        """Hand a step to a child that already waits for one, and return how it ended."""
        claim = assignment.claim
        own_code = OwnCode(claim.pipeline, claim.place) if assignment.resolved is None else None
        if self._ahead and self._ahead.code == own_code and self._child is None:
            assignment = self._use_ahead(self._ahead, assignment, resolve)
        ending = self._hand_over(self._child or self._take(), assignment, resolve)
        if own_code and ending and ending.outcome:
            self._next_code = own_code
        return ending

    def _use_ahead(self, ahead: LoadedAhead, assignment: Assignment, resolve: Resolve) -> Assignment:
        """Take a child that has loaded the pipeline's code, while that is current, and resolve the step by it."""
        parent = ahead.parent
        try:
            if ahead.loaded is None:
                with _ends_of(parent.pid) as ends:
                    self._horse_pid = parent.pid  # which to kill when the step is stopped or takes too long
                    ahead.loaded = cast(Loaded, self._next(assignment, parent.line, ends))
            identity = ahead.loaded.identities.get(assignment.claim.step.reference)
            if identity and ahead.loaded.is_current():
                self._child, self._from_ahead = ahead.take(), True
                return replace(assignment, resolved=resolve(identity))
        except (OSError, EOFError, ChildrenGoneError):
            pass  # loading the code ended the process; the step itself will say how
        self._end_ahead()
        return assignment

    def _take(self) -> Child:
        """A child that has loaded nothing of people's own."""
        with _ending_with_the_fork_server():
            self._child = self._children.take()
        return self._child

    def _release(self) -> None:
        """The child has done its work. If it was one of people's own pipeline, a further step may follow."""
        if self._child:
            self._child.line.close()  # it may still wait for a step to follow
        if self._child and self._from_ahead and self._ahead:
            self._ahead.release(self._child)
        elif self._child:
            self._children.release(self._child)
        self._child, self._from_ahead = None, False
        if self._next_code and isinstance(self._children, ForkedAhead):
            self._load_ahead(self._children, self._next_code)
        self._next_code = None

    def _load_ahead(self, children: ForkedAhead, code: OwnCode) -> None:
        """Have the code of a pipeline loaded for its next steps, unless it is."""
        if self._ahead and self._ahead.code == code and self._ahead.is_fresh:
            return
        self._end_ahead()
        with contextlib.suppress(ChildrenGoneError):  # shows when the next step comes
            self._ahead = LoadedAhead(code, children.take())
            children.prepare()

    def _end_ahead(self) -> None:
        if self._ahead:
            self._ahead.end()
            self._ahead = None

    def _hand_over(self, child: Child, assignment: Assignment, resolve: Resolve) -> Ending | None:
        """Hand a step over, answer which fingerprint its code has, and wait for how it ended."""
        self._frozen = 0
        self._horse_pid, line = child.pid, child.line
        try:
            with _ends_of(child.pid) as ends, contextlib.nullcontext() if assignment.may_be_followed else line:
                line.send(assignment)
                self._await(assignment, line, ends)
                self._overheard = Overheard(assignment.claim, recv_handle(line))
                while isinstance(message := self._next(assignment, line, ends), CodeIdentity | Grown):
                    line.send(resolve(message) if isinstance(message, CodeIdentity) else _hand_over_grown(assignment))
                ending = cast(Ending | None, message)
                if ending and (left := self._overheard.last_words()):
                    return replace(ending, lines=[*left, *ending.lines])
                return ending
        except (OSError, EOFError):  # it died before it sent its last message
            raise self._died("killed") from None
        finally:
            if self._overheard:
                self._overheard.close()
                self._overheard = None

    def _next(self, assignment: Assignment, line: Connection, ends: list[int]) -> object:
        """Return the next message of a child."""
        self._await(assignment, line, ends)
        return line.recv()

    def _await(self, assignment: Assignment, line: Connection, ends: list[int]) -> None:
        """Wait for the next message of a child, with signs of life while it takes its time."""
        started = time.monotonic()
        while not wait([line, *ends], WATCH_SECONDS):
            assert self._job
            self._children.prepare()
            self.maintain_heartbeats(self._job)
            self.set_current_job_working_time(time.monotonic() - started)
            if time.monotonic() > started + assignment.timeout + KILL_MARGIN_SECONDS:
                raise self._died("timeout")
            if self._is_suspended():
                raise self._died("frozen")
            if self._overheard:
                self._overheard.help()
        if not line.poll():
            raise EOFError

    def _is_suspended(self) -> bool:
        """Tell whether the child is suspended at two looks in a row: it would block the worker for ever."""
        try:
            suspended = psutil.Process(self.horse_pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False
        self._frozen = self._frozen + 1 if suspended else 0
        return self._frozen > 1

    def _died(self, code: str) -> ProcessDiedError:
        """Kill the child, and return the error for a child that sent no result."""
        self.kill_horse()
        with _ending_with_the_fork_server():
            ahead = self._ahead if self._from_ahead else None
            ended = ahead.wait(self.horse_pid, self._children) if ahead else self._children.wait(self.horse_pid)
        files.sweep_scratch()
        message, lines = _death_message(code, ended.status, ended.most_kb), []
        if self._overheard:
            lines = self._overheard.last_words()
        return ProcessDiedError(message, self._stop_requested, lines)

    def _sign_of_life(self) -> None:
        """Say that this worker lives, and that it still has its step: else the reconciler gives the step up."""
        with contextlib.suppress(RedisError):
            if self._job and self.execution:
                self.maintain_heartbeats(self._job)
            else:
                self.heartbeat()


def _hand_over_grown(assignment: Assignment) -> bool:
    """Give the steps that a flow wrote to the queue; whether another worker can do them while this one waits."""
    with contextlib.suppress(queue.QueueDownError):  # the reconciler hands over when it is back
        handover.hand_over(assignment.claim.step.workflow_id)
        return queue.count_workers() > 1
    return False


@contextlib.contextmanager
def _ends_of(pid: int) -> Iterator[list[int]]:
    """What becomes readable when a process ends."""
    ends = end_of(pid)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@contextlib.contextmanager
def _ending_with_the_fork_server() -> Iterator[None]:
    try:
        yield
    except ChildrenGoneError:
        log.error("the fork server is gone; its worker and the step end, too")
        os._exit(1)  # a worker's death costs its step an attempt, and RQ would call it a failure of the step


def _children() -> Children:
    """Where the processes of steps come from."""
    return forked_ahead(be_a_child) if settings().fork_ahead else Forked(be_a_child, before=db.release)


def _death_message(code: str, status: int, used: int) -> Message:
    """Return why a child died without a result; `used` is its memory in KiB."""
    if code == "frozen":
        return Message("frozen")
    if code == "timeout":
        return Message("timeout_killed")
    if not os.WIFSIGNALED(status):
        return Message("exited", {"exit_code": os.waitstatus_to_exitcode(status)})
    name = signal.Signals(os.WTERMSIG(status)).name
    if name != "SIGKILL":
        return Message("signalled", {"signal": name})
    return Message("killed", {"gigabytes": round(used * 1024 / 1e9, 1)})
