"""Queues: what waits, what runs, who works, and what became of the last jobs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from jobs.engine import queue_view
from jobs.engine.queue_view import JobRow, QueueCounts, Queues, WorkerRow
from jobs.language import sentence
from jobs.verbs import queues
from pages.parts import chart, charts, commands, live, press, tables, visitor, words
from pages.parts.press import PageState
from pages.parts.queue import listings, look, tag_limits
from store import steps
from store.program import COMMAND
from store.tables import Status

KEY = "queues"
MINUTES = 60
JOBS = 50
JOBS_HEIGHT = 420


def page() -> None:
    state = press.page_state(f"{KEY}-state")
    state.follow()
    with st.container(horizontal=True):  # as high as that of pages with a button beside it
        st.header("Queues", anchor=False)
    state.report()
    live.panel(KEY, lambda: _panel(state), changing=True, foot=False)
    if state.question == "stop":
        _ask_to_stop(state)
    elif state.question == "pause":
        state.dialog("Pause the queue?", "pause", partial(_pause, state, str(state.about)))


def _panel(state: PageState) -> bool:
    """Everything on the page; a queue can always change."""
    state.refresh()
    now = look.take(memory=True)
    known = now if now.reachable else look.last_reached()
    live.footer(KEY)
    if not now.reachable:
        _unreachable(now, known)
    _numbers(now)
    for each in known.queues if known else []:
        _queue(state, each, now.reachable)
    _charts()
    _workers(state, known.workers if known else [], now)
    tag_limits.draw(state)
    _jobs(state)
    return True


def _unreachable(now: Queues, known: Queues | None) -> None:
    st.error(words.plain(sentence(now.error) if now.error else ""), icon=":material/cloud_off:")
    if known:
        st.caption(
            "These counts and the last steps come from the database and are current. The queue and the workers are "
            f"shown as of {visitor.clock(known.at)}, {words.ago(known.at)}."
        )
    else:
        st.caption("These counts and the last steps come from the database and are current.")


def _numbers(now: Queues) -> None:
    waiting, running, failed = st.columns(3)
    waiting.metric(
        "Steps waiting",
        words.count(now.waiting),
        border=True,
        help="Steps that could start and wait for a free worker.",
    )
    running.metric("Steps running", words.count(now.running), border=True)
    failed.metric("Failed in the last hour", words.count(now.failed_last_hour), border=True)


def _queue(state: PageState, queue: QueueCounts, reachable: bool) -> None:
    with st.container(border=True, key=f"{KEY}-queue-{queue.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Queue **{words.plain(queue.name)}**", width="content")
            if not reachable:
                st.badge("Not reachable", icon=":material/cloud_off:", color="gray")
            elif queue.paused:
                st.badge("Paused: no new steps start", icon=":material/pause_circle:", color="orange")
                if pause := queues.pause_of(queue.name):
                    by = f" by {words.plain(pause.paused_by)}" if pause.paused_by and visitor.has_signed_in() else ""
                    ago, at = words.ago(pause.paused_at), visitor.exactly(pause.paused_at)
                    st.caption(f"Paused{by} {ago}", width="content", help=f"Paused {at}")
            else:
                st.badge("Open", icon=":material/play_circle:", color="green")
            st.space("stretch")
            if queue.paused:
                _button(
                    "Resume",
                    "play_arrow",
                    partial(state.press, queues.resume, queue.name),
                    **visitor.changes("New steps start again.", reachable),
                )
            else:
                _button(
                    "Pause",
                    "pause",
                    # Where several people sign in, it is their work, too.
                    partial(state.ask, "pause", queue.name)
                    if visitor.has_signed_in()
                    else partial(state.press, queues.pause, queue.name),
                    **visitor.changes("No new steps start; running steps finish.", reachable),
                )
            if visitor.may_change():
                verb = "resume" if queue.paused else "pause"
                commands.popover([listings.queue_command(queue.name, verb)], key=f"{KEY}-queue-command")
        listings.counts(queue, reachable)


def _charts() -> None:
    minutes = steps.history(MINUTES)
    depth, throughput = st.columns(2)
    with depth, st.container(border=True):
        st.markdown("**Waiting and running** :gray[the most in each minute of the last hour]")
        chart.draw(
            charts.queue_depth(minutes, visitor.zone()),
            key=f"{KEY}-depth",
            alt="Steps waiting and running, minute by minute",
        )
    with throughput, st.container(border=True):
        st.markdown("**Ended each minute** :gray[in the last hour]")
        chart.draw(
            charts.queue_throughput(minutes, visitor.zone()),
            key=f"{KEY}-throughput",
            alt="Steps ended, minute by minute",
        )


def _workers(state: PageState, workers: Sequence[WorkerRow], now: Queues) -> None:
    with st.container(border=True, key=f"{KEY}-workers"):
        busy = sum(worker.state == "busy" for worker in workers)
        summary = f" :gray[{busy} of {len(workers)} busy]" if workers and now.reachable else ""
        st.markdown(f"**Workers**{summary}")
        if workers:
            st.dataframe(
                listings.workers_table(workers, now.reachable),
                column_config=listings.workers_columns(workers, state.open),
                hide_index=True,
                height="content",
                key=f"{KEY}-worker-table",
                alt="Workers",
            )
        elif now.reachable:
            st.warning(
                "No worker is running, so queued steps cannot start. "
                "The app starts its own workers within seconds. This command adds more:",
                icon=":material/warning:",
            )
            st.code(f"{COMMAND} worker", language="bash")
        else:
            st.caption("Workers are shown again once the queue is reachable.")


def _jobs(state: PageState) -> None:
    jobs = queue_view.recent_jobs(JOBS)
    with st.container(border=True, key=f"{KEY}-jobs"):
        bar = st.container(horizontal=True, vertical_alignment="center")
        with bar:
            st.markdown(f"**Last {words.count(len(jobs), 'step')}**" if jobs else "**Last steps**", width="stretch")
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
            column_config=listings.jobs_columns(jobs, state.open),
            alt="The last steps",
        )
        with bar:
            _job_actions(state, by_id[chosen[0]] if chosen else None)


def _job_actions(state: PageState, job: JobRow | None) -> None:
    if job is None:
        acts = ", tick it to stop or retry it" if visitor.may_change() else ""
        st.caption(f"Click a step to open it{acts}", width="content", help=tables.BY_KEYBOARD)
        return
    _button("Open", "arrow_forward", partial(state.open, job.workflow_id))
    if job.status in (Status.failed, Status.cancelled):
        _button(
            "Retry",
            "replay",
            partial(state.press, queues.retry_workflow_of, job.step_id),
            **visitor.changes("Runs this step and those below again."),
        )
        _command(commands.retry(job.workflow_id))
    elif not job.status.over:
        _button(
            "Stop",
            "stop_circle",
            partial(state.ask, "stop", job.step_id),
            **visitor.changes("Asks before it stops the step."),
        )
        _command(commands.cancel(job.workflow_id))


def _command(command: commands.Command) -> None:
    if visitor.may_change():
        commands.popover([command], key=f"{KEY}-job-command")


def _button(label: str, icon: str, act: Callable[[], Any], **how: Any) -> None:
    if st.button(label, icon=f":material/{icon}:", key=f"{KEY}-{label.lower()}", **how):
        act()
        st.rerun()


def _ask_to_stop(state: PageState) -> None:
    job = next((job for job in queue_view.recent_jobs(JOBS) if job.step_id == state.about), None)
    if job:
        title = f"Stop {words.plain(words.titled(job.step))} of #{job.workflow_id}?"
        state.dialog(title, "stop_circle", partial(_stop, state, job))


def _pause(state: PageState, name: str) -> None:
    st.markdown("No new step of anyone's workflow starts until someone resumes the queue. Running steps finish.")
    if state.confirm("Pause", "pause", "Keep open", f"{KEY}-pause"):
        state.press(queues.pause, name)
        if not state.refused:
            state.close()
            st.rerun()
    state.problem()


def _stop(state: PageState, job: JobRow) -> None:
    st.markdown(
        f"The step stops at once and workflow {job.workflow_id} is cancelled from there on. "
        "Completed steps are kept; Retry continues from them."
    )
    if state.confirm("Stop step", "stop_circle", "Keep running", KEY):
        state.press(queues.stop_workflow_of, job.step_id)
        if not state.refused:
            state.close(f"Workflow #{job.workflow_id} is cancelled.")
            st.rerun()
    state.problem()


page()
