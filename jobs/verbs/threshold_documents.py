"""Thresholds as JSON: the types of what commands print and the API answers, and how they are made."""

from typing import Any

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from jobs.pipelines.thresholds import Costs, Counted, Place, Thresholds
from store.thresholds import Threshold

CLOSED = ConfigDict(extra="forbid")


@with_config(CLOSED)
class ThresholdOut(TypedDict):
    """From which value on `label` is predicted, who set that and when, and the costs with which it was set."""

    label: str
    value: float
    false_alarm_cost: float | None
    found_gain: float | None
    set_at: str
    set_by: str | None


@with_config(CLOSED)
class PlaceOut(TypedDict):
    """What becomes of the rows that are reported on where the class is predicted from `value` on; `gain` where costs
    are given."""

    value: float
    found: int
    missed: int
    false_alarms: int
    passed: int
    cost: float | None
    gain: float | None


@with_config(CLOSED)
class PartOut(TypedDict):
    """Which rows were counted: validation, test, or all in folds; how many have the class, and how many the other."""

    part: str
    rows: int
    others: int


@with_config(CLOSED)
class ThresholdsOut(TypedDict):
    """Where a threshold can stand. A value is a `chance`, or a `score` of a model without chances; `threshold` is null
    while the model decides by itself, at `usual`. `now` is what becomes of rows there, `best` where costs gain most on
    the rows that choose."""

    label: str
    other: str
    of: str
    usual: float
    chosen_on: PartOut
    reported_on: PartOut
    threshold: ThresholdOut | None
    now: PlaceOut
    best: PlaceOut | None
    places: list[PlaceOut]


def threshold(of: Threshold | None, set_at: Any) -> ThresholdOut | None:
    """Return a threshold that a person has set; `set_at` writes a time."""
    if of is None:
        return None
    return {
        "label": of.label,
        "value": of.value,
        "false_alarm_cost": of.alarm_cost,
        "found_gain": of.found_gain,
        "set_at": set_at(of.set_at),
        "set_by": of.set_by,
    }


def thresholds(known: Thresholds, chosen: ThresholdOut | None, costs: Costs | None) -> ThresholdsOut:
    """Return where a threshold can stand, and where it stands."""
    value = known.usual if chosen is None else chosen["value"]
    return {
        "label": known.label,
        "other": known.other,
        "of": known.of,
        "usual": known.usual,
        "chosen_on": _part(known.chosen_on),
        "reported_on": _part(known.reported_on),
        "threshold": chosen,
        "now": _place(known.at(value), costs),
        "best": _place(known.at(known.best(costs)), costs) if costs else None,
        "places": [_place(place, costs) for place in known.places()],
    }


def _part(counted: Counted) -> PartOut:
    return {"part": counted.part, "rows": counted.wanted, "others": counted.others}


def _place(place: Place, costs: Costs | None) -> PlaceOut:
    return {
        "value": place.value,
        "found": place.found,
        "missed": place.missed,
        "false_alarms": place.alarms,
        "passed": place.passed,
        "cost": place.cost(costs) if costs else None,
        "gain": place.gain(costs) if costs else None,
    }
