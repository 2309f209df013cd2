"""Turns: one person's many workflows wait behind the few of another's.

A person's first open workflows stand in the first lane of the queue, all others in the second; as one ends, the next
moves up. Workers empty the first lane first, so a crowd keeps them busy and never keeps another
person waiting for more than TURNS workflows of each.
"""

from jobs.engine import handover, lanes, queue
from store import steps, turns
from store.tables import Status


def move_up() -> int:
    """Bring workflows whose turn has come into the first lane; returns how many there were."""
    moved = 0
    for workflow_id in turns.first_of_many(lanes.TURNS):
        waiting = [step.job_id for step in steps.of_workflow(workflow_id) if step.status is Status.pending]
        if late := queue.in_lane(waiting, queue.LATER):
            queue.drop_jobs(late)
            handover.hand_over(workflow_id)
            moved += 1
    return moved
