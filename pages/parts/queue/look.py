"""The queue as pages show it: what draws it at the same moment draws the same look at it."""

from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from jobs.engine import queue_view
from jobs.engine.queue_view import Queues
from store.tables import now

FRESH = timedelta(seconds=1)


@dataclass
class Looks:
    """The last look at the queue, and the last that reached it."""

    last: Queues | None = None
    reached: Queues | None = None


@st.cache_resource
def looks() -> Looks:
    """What was seen last, for all visitors of this process."""
    return Looks()


def take(memory: bool = False) -> Queues:
    """Look at the queue now, and keep that for what else draws it within a second."""
    seen, known = queue_view.snapshot(memory), looks()
    known.last = seen
    if seen.reachable:
        known.reached = seen
    return seen


def lately() -> Queues:
    """The queue as it was seen last, if that is less than a second ago; else as it is now."""
    last = looks().last
    return last if last and timedelta() <= now() - last.at < FRESH else take()


def last_reached() -> Queues | None:
    """The queue as it was when it could last be reached."""
    return looks().reached
