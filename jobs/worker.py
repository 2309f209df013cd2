"""The worker: RQ's, with its traps closed, and with the next child always forked ahead of time."""

import contextlib
import ctypes
import logging
import os
import signal
from typing import Any

import redis
from rq import Queue, Worker, worker_registration
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.utils import now as rq_now
from rq.worker_registration import REDIS_WORKER_KEYS

from jobs import queues
from jobs.queues import SafeJob
from store import db, files, steps
from store.errors import NotFound

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
TTL_SECONDS = 30
KILL_MARGIN_SECONDS = 10


class StepWorker(Worker):
    """One worker of the one queue. Its own process never computes anything: it forks, watches and reports."""

    def __init__(self, name: str) -> None:
        connection = queues.new_connection()
        super().__init__(
            [queues.queue(connection)], name=name, connection=connection, serializer=JSONSerializer,
            job_class=SafeJob, default_worker_ttl=TTL_SECONDS, job_monitoring_interval=5, maintenance_interval=10,
            log_job_description=False,
        )
        self._spare: tuple[int, int] | None = None

    # What RQ 2.12 does by default would notice a dead worker only after a minute.
    def get_heartbeat_ttl(self, job: Job) -> int:
        return 20

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

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        """Its child was killed: say so in the database at once, so that the next attempt can start."""
        sentence = "The process of this step was killed"
        if ret_val and os.WIFSIGNALED(ret_val):
            name = signal.Signals(os.WTERMSIG(ret_val)).name
            sentence += f" ({name}; often because memory ran out)" if name == "SIGKILL" else f" ({name})"
        try:
            step = steps.get(int(job.args[0]))
            if step.attempt == int(job.args[1]):
                steps.lose(step, "killed", sentence + ".")
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
        # If the child died while waiting, the write fails; the watch below then reports it as killed.
        with contextlib.suppress(BrokenPipeError):
            os.write(pipe, f"{job.id} {self.execution.id}".encode())
        os.close(pipe)
        self._fork_ahead()

    def _fork_ahead(self) -> None:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(write_end)
            self._wait_for_job(read_end)
        os.close(read_end)
        self._spare = (pid, write_end)

    def _wait_for_job(self, pipe: int) -> None:
        """In the child: get ready, wait for one job, do it, and never return."""
        try:
            os.setpgrp()
            die_with_parent()
            volunteer_for_oom()
            self.setup_work_horse_signals()
            self._is_horse = True
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
        limit = job.timeout
        if job.timeout and job.timeout > 0:
            sooner = job.timeout - 60 + KILL_MARGIN_SECONDS
            job.timeout = sooner if sooner != -1 else -2  # to RQ, -1 means no limit at all
        try:
            super().monitor_work_horse(job, queue)
        finally:
            job.timeout = limit


def warm_up(connection: redis.Redis) -> None:
    """Open what the job will need, while nobody waits for it."""
    with contextlib.suppress(redis.exceptions.RedisError):
        connection.ping()
    with db.reading():
        pass


def die_with_parent(sign: int = signal.SIGKILL) -> None:
    """Let the kernel end this process when its parent is gone, however it went."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)


def volunteer_for_oom() -> None:
    """When memory runs out, the kernel should take the step rather than the database or the pages."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("800")


