"""The worker: RQ's, with its traps closed, and with the next child always forked ahead of time."""

import contextlib
import logging
import os
import signal
import time
from typing import Any

import psutil
import redis
from redis.exceptions import RedisError
from rq import Queue, Worker, worker_registration
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from rq.utils import now as rq_now
from rq.worker import WorkerStatus
from rq.worker_registration import REDIS_WORKER_KEYS

from jobs import queues, recorder
from jobs.kernel import die_with_parent, volunteer_for_oom
from jobs.queues import SafeJob
from jobs.recorder import TimedOut
from store import db, files, steps
from store.errors import NotFound

log = logging.getLogger(__name__)

TTL_SECONDS = 18  # RQ waits for a job until fifteen seconds before it, so an idle worker is heard of every three
WATCH_SECONDS = 3
KILL_MARGIN_SECONDS = 10


class TimeLimit(UnixSignalDeathPenalty):
    """Ends a step that takes too long, with what a step that catches every error does not catch."""

    def handle_death_penalty(self, signum: int, frame: Any) -> None:
        if self._exception is JobTimeoutException:
            raise TimedOut
        super().handle_death_penalty(signum, frame)


class StepWorker(Worker):
    """One worker of the one queue. Its own process never computes anything: it forks, watches and reports."""

    death_penalty_class = TimeLimit

    def __init__(self, name: str) -> None:
        connection = queues.new_connection()
        super().__init__(
            [queues.queue(connection)], name=name, connection=connection, serializer=JSONSerializer,
            job_class=SafeJob, worker_ttl=TTL_SECONDS, job_monitoring_interval=WATCH_SECONDS,
            maintenance_interval=10, log_job_description=False,
        )
        self._spare: tuple[int, int] | None = None
        self._frozen = 0

    # What RQ 2.12 does by default would notice a dead worker only after a minute.
    def get_heartbeat_ttl(self, job: Job) -> int:
        return 20

    # RQ's own waits without a sign of life, and a paused worker would be taken for one that hangs.
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

    # A queue that was emptied has forgotten its workers; RQ itself would never tell it again.
    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        super().heartbeat(timeout, pipeline)
        if pipeline is None and not self.is_horse and not self.connection.sismember(REDIS_WORKER_KEYS, self.key):
            with self.connection.pipeline() as again:
                again.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, again)
                again.execute()

    # rq/rq PR 2466: a retried transaction must still remove the started entry, or a finished job runs again.
    def cleanup_execution(self, job: Job, pipeline: Any) -> None:
        execution = self.execution
        super().cleanup_execution(job, pipeline)
        if self.is_horse:
            self.execution = execution

    # A failure in maintenance must neither end the worker nor keep the lock for a quarter of an hour.
    def run_maintenance_tasks(self) -> None:
        try:
            super().run_maintenance_tasks()
        except Exception:
            log.exception("maintenance failed")
            self.last_cleaned_at = rq_now()  # type: ignore[assignment]
            for queue in self.queues:
                queue.release_maintenance_lock()

    # A child that goes on must not be lost with its worker because the queue is away for a moment.
    def maintain_heartbeats(self, job: Job) -> None:
        with contextlib.suppress(RedisError):
            super().maintain_heartbeats(job)
        self._end_frozen_child()

    def set_current_job_working_time(self, current_job_working_time: float, pipeline: Any = None) -> None:
        with contextlib.suppress(RedisError):
            super().set_current_job_working_time(current_job_working_time, pipeline)

    def _end_frozen_child(self) -> None:
        """A child that was stopped would keep the worker for ever; it may stand still for one look."""
        try:
            stands_still = psutil.Process(self.horse_pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return
        self._frozen = self._frozen + 1 if stands_still else 0
        if self._frozen > 1:
            self.kill_horse()

    # RQ counts a job that was stopped on purpose among the failed; that it was cancelled is in the database.
    def handle_job_failure(self, job: Job, queue: Queue, started_job_registry: Any = None, exc_string: str = "",
                           ) -> None:
        cancelled = self._stopped_job_id == job.id
        super().handle_job_failure(job, queue, started_job_registry, exc_string)
        if cancelled:
            self.connection.hincrby(self.key, "failed_job_count", -1)
            job.delete()

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        """Its child was killed: say so in the database at once, so that the next attempt can start."""
        try:
            code, sentence = _death(ret_val, rusage, self._frozen > 1)
            step = steps.get(int(job.args[0]))
            if step.attempt == int(job.args[1]):
                steps.lose(step, code, sentence, blameless=self._stop_requested)
        except NotFound:
            log.info("job %s belonged to a step that was deleted", job.id)
        except Exception:
            log.exception("could not record that %s was killed", job.id)
        finally:
            files.sweep_scratch()
            db.close()  # what this process has open, its next child would inherit

    def work(self, *args: Any, **kwargs: Any) -> bool:
        self._fork_ahead()
        try:
            return super().work(*args, **kwargs)
        finally:
            self._drop_spare()

    def execute_job(self, job: Job, queue: Queue) -> None:
        # A worker that was already waiting when the queue was paused gives the job back.
        if is_suspended(self.connection):
            queue.push_job_id(job.id, at_front=True)
            self.connection.lrem(queue.intermediate_queue_key, 1, job.id)
            return
        super().execute_job(job, queue)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Hand the job to the child that already waits for it, and make the next one ready meanwhile."""
        if self._spare is None:
            self._fork_ahead()
        assert self._spare is not None and self.execution is not None
        pid, pipe = self._spare
        self._spare = None
        self._horse_pid = pid
        self._frozen = 0
        # If the child died while waiting, the write fails; the watch below then reports it as killed.
        with contextlib.suppress(BrokenPipeError):
            os.write(pipe, f"{job.id} {self.execution.id}".encode())
        os.close(pipe)
        self._fork_ahead()

    def _fork_ahead(self) -> None:
        read_end, write_end = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(write_end)
            self._wait_for_job(read_end, parent)
        os.close(read_end)
        self._spare = (pid, write_end)

    def _wait_for_job(self, pipe: int, parent: int) -> None:
        """In the child: get ready, wait for one job, do it, and never return."""
        try:
            os.setpgrp()
            die_with_parent()
            if os.getppid() != parent:
                os._exit(1)  # it was gone before the kernel knew of the wish
            volunteer_for_oom()
            self.setup_work_horse_signals()
            self._is_horse = True
            recorder.IN_A_PROCESS_OF_ITS_OWN = True
            os.environ["RQ_WORKER_ID"] = self.name
            self.connection = queues.new_connection()
            for queue in self.queues:
                queue.connection = self.connection
            warm_up(self.connection)
            words = os.read(pipe, 4096).decode().split()
            os.close(pipe)
            if len(words) == 2:
                job_id, execution_id = words
                job = SafeJob.fetch(job_id, connection=self.connection, serializer=JSONSerializer)
                self.execution = Execution.fetch(execution_id, job_id, connection=self.connection)
                self.main_work_horse(job, self.queues[0])
        except BaseException:
            log.exception("child failed before its job began")
            os._exit(1)
        os._exit(0)

    def _drop_spare(self) -> None:
        if self._spare and not self.is_horse:
            pid, pipe = self._spare
            self._spare = None
            os.close(pipe)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        # RQ gives native code that ignores its time limit another minute; ten seconds are enough.
        limit, group = job.timeout, self.horse_pid
        if job.timeout and job.timeout > 0:
            sooner = job.timeout - 60 + KILL_MARGIN_SECONDS
            job.timeout = sooner if sooner != -1 else -2  # to RQ, -1 means no limit at all
        try:
            super().monitor_work_horse(job, queue)
        finally:
            job.timeout = limit
            # Its own children, if it had any, are in its group and must not outlive it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if group:
                    os.killpg(group, signal.SIGKILL)


def _death(status: int | None, used: Any, frozen: bool) -> tuple[str, str]:
    """Why a child that did not end by itself is gone: a code and a sentence."""
    if frozen:
        return "frozen", "The process of this step stood still and was ended."
    if status is None:
        return "timeout", "The step took longer than it may and did not listen, so its process was ended."
    if not os.WIFSIGNALED(status):
        return "killed", f"The process of this step ended by itself (exit code {os.waitstatus_to_exitcode(status)})."
    name = signal.Signals(os.WTERMSIG(status)).name
    if name != "SIGKILL":
        return "killed", f"The process of this step was killed ({name})."
    used_most = f" after it had used up to {used.ru_maxrss / (1 << 20):.1f} GB" if used else ""
    return "killed", f"The process of this step was killed{used_most} (SIGKILL; often because memory ran out)."


def warm_up(connection: redis.Redis) -> None:
    """Open what the job will need, while nobody waits for it."""
    with contextlib.suppress(redis.exceptions.RedisError):
        connection.ping()
    with db.reading():
        pass
