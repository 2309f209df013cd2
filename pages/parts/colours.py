"""The colours of charts, and which of them a workflow has where several are compared."""

from collections.abc import Sequence
from math import dist, inf

ACCENT = "#3d85d0"
SOFT = "#8b97a6"
# Of words beside axes: as well to be read on light pages as on dark ones.
QUIET = "#717d8b"
GREEN, RED, ORANGE = "#2f9463", "#d0554b", "#cf8334"
PALETTE = (ACCENT, ORANGE, GREEN, "#9a6fd0", RED, "#2b9aa8", "#b8912c", "#c463a2", "#6b7f99", "#7fae3c")

MOST_COMPARED = 12
ALIKE = 60.0
COMPARED = (*PALETTE, "#a8674f", "#4f7f9e")


def of(workflow_ids: Sequence[int]) -> dict[int, str]:
    """A colour for each of up to twelve workflows: its own always, unless another of them has one that looks alike."""
    free = list(range(len(COMPARED)))
    chosen: dict[int, str] = {}
    for workflow_id in sorted(workflow_ids):
        place = wanted = workflow_id % len(COMPARED)
        taken = list(chosen.values())
        if free and (wanted not in free or distance(COMPARED[wanted], taken) < ALIKE):
            place = max(free, key=lambda each: distance(COMPARED[each], taken))
        if place in free:
            free.remove(place)
        chosen[workflow_id] = COMPARED[place]
    return chosen


def distance(colour: str, others: Sequence[str]) -> float:
    """How far a colour is from the nearest of the others, as red, green and blue."""
    here = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    there = ([int(other[place : place + 2], 16) for place in (1, 3, 5)] for other in others)
    return min((dist(here, each) for each in there), default=inf)
