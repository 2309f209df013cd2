"""Lanes: in which part of the queue a workflow's steps wait, by its priority and whose turn it is."""

from jobs.engine import queue
from store import turns

TURNS = 2  # workflows of each person in the first lane


def lane_of(workflow_id: int) -> str:
    """The lane in which a workflow's steps wait."""
    priority, in_turn = turns.of(workflow_id, TURNS)
    return queue.lane(priority, in_turn)
