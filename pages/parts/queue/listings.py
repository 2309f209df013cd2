"""Queues, workers and jobs as tables."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.lib.column_types import ButtonColumnResult

from jobs.engine.queue_view import JobRow, QueueCounts, WorkerRow
from pages.parts import address, commands, tables, words
from pages.parts.commands import Command
from pages.parts.workflow_list import listing
from store.program import COMMAND
from store.tables import now

GREY = "color: #8b97a6"
# By the names of RQ, which the RQ dashboard shows.
COUNTS = {
    "ready": ("waiting", "Steps that wait for a free worker; RQ calls them queued."),
    "started": ("running", "Steps that a worker runs; RQ calls them started."),
    "deferred": ("blocked", "Steps that wait for the step above them; RQ calls them deferred."),
    "scheduled": ("to retry", "Steps that run again after a pause; RQ calls them scheduled."),
    "finished": ("completed", "Steps of the last seven days; RQ calls them finished."),
    "failed": ("failed", "Steps of the last seven days."),
}


def queue_command(name: str, verb: str) -> Command:
    """How to pause or resume a queue from elsewhere."""
    request = f"{commands.curl()} -X POST {address.server()}/api/queues/{quote(name)}/{verb}"
    return Command(verb.capitalize(), f"{COMMAND} {verb}", request)


def counts(queue: QueueCounts, fresh: bool) -> None:
    """How many jobs a queue has in which state; grey when that was some time ago."""
    with st.container(horizontal=True, gap="medium"):
        for name, (label, help_) in COUNTS.items():
            number = words.count(getattr(queue, name))
            st.markdown(f"**{number}** {label}" if fresh else f":gray[{number} {label}]", width="content", help=help_)


def workers_table(workers: Sequence[WorkerRow], fresh: bool) -> Styler:
    """One row a worker; grey when that was some time ago."""
    frame = pd.DataFrame(
        {
            "name": [worker.name for worker in workers],
            "state": [_state(worker, fresh) for worker in workers],
            "doing": [_step_of(worker.workflow_id, worker.step) for worker in workers],
            "up": [_since(worker.started_at) for worker in workers],
            "memory": [words.size(worker.memory) for worker in workers],
            "done": [words.count(worker.done) for worker in workers],
            "failed": [words.count(worker.failed) for worker in workers],
        },
        dtype="object",
    )
    return _aged(frame, fresh)


def workers_columns(workers: Sequence[WorkerRow], open_: Callable[[int], None]) -> tables.ColumnConfigs:
    """How those columns are drawn; `open_` is given the number of the workflow whose step was pressed."""
    column = st.column_config
    return {
        "name": column.TextColumn("Worker"),
        "state": column.TextColumn("State"),
        "doing": _opening("Current step", "queues-worker-opened", workers, open_),
        "up": column.TextColumn("Up for"),
        "memory": column.TextColumn(
            "Memory", help="Including its steps. Memory that processes share counts in each of them."
        ),
        "done": column.TextColumn("Steps completed"),
        "failed": column.TextColumn("Steps failed"),
    }


def jobs_table(jobs: Sequence[JobRow]) -> pd.DataFrame:
    """One row a job, the newest first."""
    return pd.DataFrame(
        {
            "step": [_step_of(job.workflow_id, job.step) for job in jobs],
            "status": [[words.status(job.status)] for job in jobs],
            "attempt": [str(job.attempt) for job in jobs],
            "started": [words.ago(job.started_at) for job in jobs],
            "took": [words.duration(job.seconds) for job in jobs],
            "waited": [_waited(job) for job in jobs],
            "worker": [job.worker or "" for job in jobs],
            "job": [job.job_id for job in jobs],
        }
    )


def jobs_columns(jobs: Sequence[JobRow], open_: Callable[[int], None]) -> tables.ColumnConfigs:
    """How those columns are drawn; `open_` is given the number of the workflow whose step was pressed."""
    column = st.column_config
    return {
        "step": _opening("Step", "queues-job-opened", jobs, open_, width=160, pinned=True),
        "status": listing.status_column(),
        "attempt": column.TextColumn("Attempt", width=65),
        "started": column.TextColumn("Started", width=110),
        "took": column.TextColumn("Took", width=80),
        "waited": column.TextColumn("Waited", width=80, help="The time from ready to started."),
        "worker": column.TextColumn("Worker"),
        "job": column.TextColumn("Job", help="Its id in the queue."),
    }


def _state(worker: WorkerRow, fresh: bool) -> str:
    if not fresh:
        return "not known"
    return "idle" if worker.job_id is None and worker.state in ("idle", "busy") else worker.state


def _step_of(workflow_id: int | None, step: str | None) -> str:
    """Train of #7; nothing for a worker that is idle."""
    return "" if workflow_id is None else f"{words.titled(step or '')} of #{workflow_id}"


def _opening(
    label: str, key: str, rows: Sequence[WorkerRow] | Sequence[JobRow], open_: Callable[[int], None], **shown: Any
) -> ButtonColumnResult:
    """The column of their steps, each of which opens its workflow."""
    ids = [row.workflow_id for row in rows]

    def pressed(place: int) -> None:
        if (workflow_id := ids[place]) is not None:
            open_(workflow_id)

    return tables.opening(label, key, pressed, **shown)


def _waited(job: JobRow) -> str:
    if job.ready_at is None or job.started_at is None or job.started_at < job.ready_at:
        return ""
    return words.duration((job.started_at - job.ready_at).total_seconds())


def _since(time: datetime | None) -> str:
    return words.duration((now() - time).total_seconds()) if time else "–"


def _aged(frame: pd.DataFrame, fresh: bool) -> Styler:
    return frame.style.map(lambda _: "" if fresh else GREY)
