"""How the attempts of a step came about, read from what its log says of them, and how long the present one takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from store import logs
from store.steps import Step
from store.tables import Status

FOLLOWS = re.compile(r"^(?P<reason>.*) Attempt (?P<attempt>\d+) follows\.$", re.DOTALL)
CONTINUES = re.compile(r"^Attempt (?P<attempt>\d+) continues from epoch (?P<epoch>\d+)\.$")


@dataclass(frozen=True, slots=True)
class Turn:
    """How an attempt after the first one came about."""

    attempt: int
    reason: str
    epoch: int | None
    at: datetime
    ended_at: datetime | None = None


def turns(rows: Sequence[Step]) -> dict[int, Turn]:
    """The newest turn of each step that had one."""
    again = [step.id for step in rows if step.attempt > 1]
    found: dict[int, Turn] = {}
    for line in logs.turns(again) if again else []:
        if match := FOLLOWS.match(line.text):
            found[line.step_id] = Turn(int(match["attempt"]), match["reason"], None, line.at, line.at)
        elif match := CONTINUES.match(line.text):
            attempt, before = int(match["attempt"]), found.get(line.step_id)
            if before and before.attempt == attempt:
                found[line.step_id] = replace(before, epoch=int(match["epoch"]), at=line.at)
            else:
                found[line.step_id] = Turn(attempt, "", int(match["epoch"]), line.at)
    return found


def seconds_left(step: Step, known: Mapping[int, Turn]) -> float | None:
    """How long a running step still takes at its pace so far; None while that cannot be known."""
    turn = known.get(step.id)
    if turn is None or turn.attempt != step.attempt:
        return step.seconds_left(step.started_at)  # a person's Retry begins the count anew
    epoch = turn.epoch or 0
    return step.seconds_left(turn.at, epoch / max(step.params.get("epochs") or 0, epoch, 1))


def left(rows: Sequence[Step]) -> dict[int, float]:
    """How long each of these steps still takes, where that can be known."""
    running = [step for step in rows if step.status is Status.running]
    known = turns(running)
    found = {step.id: seconds_left(step, known) for step in running}
    return {step_id: seconds for step_id, seconds in found.items() if seconds is not None}
