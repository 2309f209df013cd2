"""How long the present attempt of a step still takes, judged by its pace so far."""

from collections.abc import Mapping, Sequence

from store import attempts
from store.attempts import Attempt
from store.steps import Step
from store.tables import Status

History = Mapping[int, Sequence[Attempt]]


def history(rows: Sequence[Step]) -> dict[int, list[Attempt]]:
    """Return the attempts of each of these steps that has started."""
    return attempts.of_steps([step.id for step in rows if step.started_at is not None])


def seconds_left(step: Step, known: History) -> float | None:
    """How long a running step still takes; None while that cannot be known."""
    attempt = next((each for each in known.get(step.id, ()) if each.number == step.attempt), None)
    if attempt is None:
        return None
    return step.seconds_left(attempt.resumed_at or attempt.began_at, attempt.resumed_progress or 0.0)


def seconds(rows: Sequence[Step]) -> dict[int, float]:
    """Return the seconds that each of these steps still needs, where they can be estimated."""
    running = [step for step in rows if step.status is Status.running]
    known = history(running)
    by_id = {step.id: seconds_left(step, known) for step in running}
    return {step_id: seconds for step_id, seconds in by_id.items() if seconds is not None}
