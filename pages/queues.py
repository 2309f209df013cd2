"""Queues: what waits, what runs, who works, and what became of the last jobs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from jobs.engine import queues
from jobs.engine.queues import JobRow, QueueCounts, Queues, WorkerRow
from pages.parts import charts, commands, links, live, tables, visitor, words
from pages.parts.queue import listings
from pages.parts.workflow_list import listing
from store.errors import Refused
from store.tables import Status

KEY = "queues"
MINUTES = 60
JOBS = 50
JOBS_HEIGHT = 420


def page() -> None:
    st.header("Queues", anchor=False)
    _said()
    live.panel(KEY, _panel, changing=True, foot=False)
    _dialogs()


def _panel() -> bool:
    """Everything on the page; a queue can always change."""
    now = queues.snapshot(memory=True)
    known = now if now.reachable else last_known()["queues"]
    if now.reachable:
        last_known()["queues"] = now
    live.footer(KEY)
    if not now.reachable:
        _unreachable(now, known)
    _numbers(now)
    for each in known.queues if known else []:
        _queue(each, now.reachable)
    _charts()
    _workers(known.workers if known else [], now)
    _jobs()
    return True


@st.cache_resource
def last_known() -> dict[str, Queues | None]:
    """What was seen when the queue could last be reached, for everybody who looks."""
    return {"queues": None}


def _unreachable(now: Queues, known: Queues | None) -> None:
    st.error(words.plain(now.error or ""), icon=":material/cloud_off:")
    if known:
        st.caption(
            f"Waiting, running, failed and the last jobs are from what is saved, and right. The queue and the "
            f"workers are shown as they were at {known.at:%H:%M:%S} UTC, {words.ago(known.at)}."
        )
    else:
        st.caption("Waiting, running, failed and the last jobs are from what is saved, and right.")


def _numbers(now: Queues) -> None:
    waiting, running, failed = st.columns(3)
    waiting.metric(
        "Steps waiting", f"{now.waiting:,}", border=True, help="Steps that could start and wait for a free worker."
    )
    running.metric("Steps running", f"{now.running:,}", border=True)
    failed.metric("Failed in the last hour", f"{now.failed_last_hour:,}", border=True)


def _queue(queue: QueueCounts, reachable: bool) -> None:
    with st.container(border=True, key=f"{KEY}-queue-{queue.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Queue **{words.plain(queue.name)}**", width="content")
            if not reachable:
                st.badge("Not reachable", icon=":material/cloud_off:", color="gray")
            elif queue.paused:
                st.badge("Paused: no further step starts", icon=":material/pause_circle:", color="orange")
            else:
                st.badge("Open", icon=":material/play_circle:", color="green")
            st.space("stretch")
            if queue.paused:
                _button(
                    "Resume",
                    "play_arrow",
                    partial(queues.resume, queue.name),
                    **visitor.changes("Steps start again.", reachable),
                )
            else:
                _button(
                    "Pause",
                    "pause",
                    partial(queues.pause, queue.name),
                    **visitor.changes("No further step starts; running ones end in peace.", reachable),
                )
            if visitor.may_change():
                verb = "resume" if queue.paused else "pause"
                commands.popover([listings.queue_command(queue.name, verb)], key=f"{KEY}-queue-command")
        st.dataframe(
            listings.counts_table([queue], reachable),
            column_config=listings.counts_columns(),
            hide_index=True,
            key=f"{KEY}-counts",
            alt="What is in the queue",
        )


def _charts() -> None:
    minutes = queues.history(MINUTES)
    depth, throughput = st.columns(2)
    with depth, st.container(border=True):
        st.markdown("**Waiting and running** :gray[in the last hour]")
        st.plotly_chart(
            charts.queue_depth(minutes, visitor.zone()),
            key=f"{KEY}-depth",
            config=charts.CONFIG,
            alt="Steps waiting and running, minute by minute",
        )
    with throughput, st.container(border=True):
        st.markdown("**Ended each minute** :gray[in the last hour]")
        st.plotly_chart(
            charts.queue_throughput(minutes, visitor.zone()),
            key=f"{KEY}-throughput",
            config=charts.CONFIG,
            alt="Steps ended, minute by minute",
        )


def _workers(workers: Sequence[WorkerRow], now: Queues) -> None:
    with st.container(border=True, key=f"{KEY}-workers"):
        busy = sum(worker.state == "busy" for worker in workers)
        said = f" :gray[{busy} of {len(workers)} busy]" if workers and now.reachable else ""
        st.markdown(f"**Workers**{said}")
        if workers:
            st.dataframe(
                listings.workers_table(workers, now.reachable),
                column_config=listings.workers_columns(),
                hide_index=True,
                height="content",
                key=f"{KEY}-worker-table",
                alt="Workers",
            )
        elif now.reachable:
            st.warning(
                "No worker is running, so nothing that waits can start. "
                "Workers of this app start by themselves within seconds; more can be started anywhere.",
                icon=":material/warning:",
            )
            st.code("python -m jobs worker", language="bash")
        else:
            st.caption("Which workers there are is known when the queue is back.")


def _jobs() -> None:
    jobs = queues.recent_jobs(JOBS)
    with st.container(border=True, key=f"{KEY}-jobs"):
        bar = st.container(horizontal=True, vertical_alignment="center")
        with bar:
            st.markdown(f"**Last {len(jobs)} jobs**" if jobs else "**Last jobs**", width="stretch")
        if not jobs:
            st.caption("No step has run yet. Once a workflow is started, its steps are listed here.")
            if visitor.may_change():
                st.page_link("new.py", label="New workflow", icon=":material/add_circle:", width="content")
            return
        by_id = {job.step_id: job for job in jobs}
        chosen = tables.choose(
            listings.jobs_table(jobs),
            list(by_id),
            f"{KEY}-jobs-table",
            mode="single-row",
            height=min(JOBS_HEIGHT, 37 + 35 * len(jobs)),
            column_config=listings.jobs_columns(),
            alt="The last jobs",
        )
        with bar:
            _job_actions(by_id[chosen[0]] if chosen else None)


def _job_actions(job: JobRow | None) -> None:
    if job is None:
        st.caption(f"Tick a job to open{', stop or retry' if visitor.may_change() else ''} it", width="content")
        return
    _button("Open", "arrow_forward", partial(links.go_to_workflow, job.workflow_id))
    if job.status is Status.failed:
        _button(
            "Retry",
            "replay",
            partial(queues.requeue, job.step_id),
            **visitor.changes("Tries this step and those below again."),
        )
        _command(commands.retry(job.workflow_id))
    elif not job.status.over:
        _button("Stop", "stop_circle", partial(_ask, job.step_id), **visitor.changes("Asks first."))
        _command(commands.cancel(job.workflow_id))


def _command(command: commands.Command) -> None:
    if visitor.may_change():
        commands.popover([command], key=f"{KEY}-job-command")


def _button(said: str, icon: str, act: Callable[[], None], **how: Any) -> None:
    if st.button(said, icon=f":material/{icon}:", key=f"{KEY}-{said.lower()}", **how):
        try:
            act()
        except Refused as refused:
            st.session_state[f"{KEY}-refused"] = refused.sentence
        st.rerun()


def _ask(step_id: int) -> None:
    st.session_state[f"{KEY}-asked"] = step_id


def _dialogs() -> None:
    """The question that a button raised, if any; it stays open, whatever is drawn anew, until it is answered."""
    step_id = st.session_state.get(f"{KEY}-asked")
    job = next((job for job in queues.recent_jobs(JOBS) if job.step_id == step_id), None) if step_id else None
    if job:
        said = f"Stop {words.plain(listing.step_title(job.step))} of #{job.workflow_id}?"
        st.dialog(said, icon=":material/stop_circle:", on_dismiss=_answered)(_stop)(job)


def _stop(job: JobRow) -> None:
    st.markdown(
        f"The step stops at once, and workflow {job.workflow_id} is cancelled from there on. "
        "Steps that are completed are kept, and Retry goes on from there."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        keep = st.button("Let it run", key=f"{KEY}-keep")
        sure = st.button("Stop it", key=f"{KEY}-sure", type="primary", icon=":material/stop_circle:")
    if keep:
        _answered()
        st.rerun()
    if sure:
        try:
            queues.stop(job.step_id)
        except Refused as refused:
            st.error(words.plain(refused.sentence), icon=":material/error:")
            return
        _answered(f"Workflow #{job.workflow_id} is cancelled.")
        st.rerun()


def _answered(said: str = "") -> None:
    st.session_state.pop(f"{KEY}-asked", None)
    if said:
        st.session_state[f"{KEY}-said"] = said


def _said() -> None:
    """What a verb answered in the run before this one."""
    if said := st.session_state.pop(f"{KEY}-said", None):
        st.toast(words.plain(said), icon=":material/check_circle:")
    if refused := st.session_state.pop(f"{KEY}-refused", None):
        st.error(words.plain(refused), icon=":material/error:")


page()
