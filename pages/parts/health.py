"""The one quiet line of health in the side bar."""

import streamlit as st

from jobs import queues

EVERY_SECONDS = 5


def line() -> None:
    """Workers busy of total and steps waiting; red only when it matters."""
    with st.sidebar:
        st.fragment(_line, run_every=EVERY_SECONDS)()


def _line() -> None:
    now = queues.snapshot()
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
