"""The colours of charts, and which of them a workflow has where several are compared."""

from collections.abc import Sequence
from math import dist, inf

ACCENT = "#3d85d0"
SOFT = "#8b97a6"
# Of words beside axes: as well to be read on light pages as on dark ones.
QUIET = "#717d8b"
GREEN, RED, ORANGE = "#2f9463", "#d0554b", "#cf8334"
PALETTE = (ACCENT, ORANGE, GREEN, "#9a6fd0", RED, "#2b9aa8", "#b8912c", "#c463a2", "#6b7f99", "#7fae3c")

# Of any shade, one of these has the contrast of 4.5 that the web's guidelines ask for.
DARK, LIGHT = "#000000", "#ffffff"

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


def between(first: str, last: str, share: float) -> str:
    """The colour so far on the way from one to another."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_parts(first), _parts(last), strict=True))


def readable_on(colour: str) -> str:
    """Dark or light letters, whichever is read more easily on a colour."""
    return max((DARK, LIGHT), key=lambda letters: contrast(letters, colour))


def contrast(one: str, other: str) -> float:
    """How well a colour is read on another, from 1 to 21, as the web's guidelines (WCAG) measure it."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in map(_share, _parts(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _share(part: int) -> float:
    return part / 255


def _parts(colour: str) -> list[int]:
    """Red, green and blue."""
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def distance(colour: str, others: Sequence[str]) -> float:
    """How far a colour is from the nearest of the others, as red, green and blue."""
    return min((dist(_parts(colour), _parts(other)) for other in others), default=inf)
