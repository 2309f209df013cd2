"""Turns: one person's many workflows wait behind the few of another's.

A person's first open workflows stand in the first lane of the queue, all others in the second; as one ends, the next
moves up (`reconcile.move_up`). Workers empty the first lane first, so a crowd keeps them busy and never keeps another
person waiting for more than TURNS workflows of each.
"""

from jobs.engine import queue
from store import turns

TURNS = 2


def lane_of(workflow_id: int) -> str:
    """The lane in which a workflow's steps wait."""
    priority, in_turn = turns.of(workflow_id, TURNS)
    return queue.lane(priority, in_turn)
