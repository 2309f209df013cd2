"""The one quiet line of health in the side bar."""

from collections.abc import Callable

import streamlit as st

from jobs.engine import queue_view
from jobs.engine.queue_view import Queues

EVERY_SECONDS = 10
FRESH_SECONDS = 2


def line() -> None:
    """Workers busy of total and steps waiting; red only when it matters."""
    with st.sidebar:
        st.fragment(_line, run_every=EVERY_SECONDS)([queue_view.snapshot])


@st.cache_data(ttl=FRESH_SECONDS, show_spinner=False)
def _lately() -> Queues:
    """The queue as another visitor saw it within two seconds."""
    return queue_view.snapshot()


def _line(first: list[Callable[[], Queues]]) -> None:
    now = (first.pop() if first else _lately)()
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
