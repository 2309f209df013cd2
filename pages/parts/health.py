"""The quiet lines of the side bar: health, and the questions that wait for an answer."""

import streamlit as st

from jobs.engine.queue_view import Queues
from pages.parts import address
from pages.parts.queue import look
from pages.parts.workflow_list import questions_asked
from store import actors
from store.actors import Role

WORKING_SECONDS, IDLE_SECONDS = 5, 10


def line() -> None:
    """Workers busy of total and steps waiting; red only when it matters."""
    now = look.take()
    busy = now.waiting or now.running
    with st.sidebar:
        # A tick costs a server of many open pages more than what it draws: less often than the page beside it.
        st.fragment(_line, run_every=WORKING_SECONDS if busy else IDLE_SECONDS)([now])


def for_programs() -> None:
    """The way to what programs can ask here."""
    if actors.current().may(Role.viewer):
        st.sidebar.page_link(
            f"{address.server()}/api/docs", label=":gray[For programs: the API]", icon=":material/api:"
        )


def _line(first: list[Queues]) -> None:
    now = first.pop() if first else look.lately()
    busy = sum(worker.state == "busy" for worker in now.workers)
    if not now.reachable:
        st.caption(":red[:material/cloud_off: The queue cannot be reached]")
    elif not now.workers and now.waiting:
        st.caption(":red[:material/warning: No worker is running]")
    elif not now.workers:
        st.caption(":material/hourglass: Starting workers")
    else:
        waiting = f", {now.waiting} waiting" if now.waiting else ""
        paused = ", paused" if any(queue.paused for queue in now.queues) else ""
        st.caption(f":material/memory: {busy} of {len(now.workers)} workers busy{waiting}{paused}")
    questions_asked.line()
