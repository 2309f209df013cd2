"""Limits: steps that were held because of a tag go on once there is room."""

from jobs.engine import handover
from store import limits


def let_in() -> int:
    """Hand over the held steps for which there is room; returns how many."""
    free = limits.let_in()
    for step in free:
        handover.hand_over_held(step)
    return len(free)
