"""The timeline of a workflow as bars: when each attempt of each step waited and ran. Without Streamlit and Plotly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.language import sentence
from pages.parts import words
from pages.parts.workflow import folds
from store.attempts import Attempt
from store.steps import Step
from store.tables import Status

WAITED, RAN, RUNNING, FAILED, CANCELLED, REUSED = "waited", "completed", "running", "failed", "cancelled", "reused"
KINDS = (WAITED, RAN, RUNNING, FAILED, CANCELLED, REUSED)
# With more steps than these, those of one fold share a row.
MOST_ROWS = 40
# Pauses shorter than this share of the whole are not seen in a row that many steps share.
FINEST = 1 / 300
MOST_FAILURES = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in a row."""

    row: str
    kind: str
    begin: datetime
    end: datetime
    about: str


def of_steps(
    shown: Sequence[Step], attempts: Mapping[int, Sequence[Attempt]], titles: Mapping[str, str], at: datetime
) -> list[Bar]:
    """A row for each step, with a bar for each attempt and one for the time that it waited before."""
    bars: list[Bar] = []
    names = row_names(shown, titles)
    for step in shown:
        row, since = names[step.key], step.ready_at
        for attempt in attempts.get(step.id, ()):
            if since is not None and since < attempt.began_at:
                waited = (attempt.began_at - since).total_seconds()
                bars.append(Bar(row, WAITED, since, attempt.began_at, f"waited {words.duration(waited)}"))
            bars.append(_ran(row, step, attempt, at))
            since = attempt.ended_at
        if step.status is Status.pending and since is not None:
            waits = (at - since).total_seconds()
            bars.append(Bar(row, WAITED, since, at, f"has waited {words.duration(waits)}"))
    return bars


def row_names(shown: Sequence[Step], titles: Mapping[str, str]) -> dict[str, str]:
    """What each row is called: the title of its step, with the key where several have one title."""
    known = [titles[step.key] for step in shown]
    return {
        step.key: titles[step.key] if known.count(titles[step.key]) == 1 else f"{titles[step.key]} ({step.key})"
        for step in shown
    }


def _ran(row: str, step: Step, attempt: Attempt, at: datetime) -> Bar:
    end = attempt.ended_at or at
    took = words.duration((end - attempt.began_at).total_seconds())
    numbered = f"attempt {attempt.number}, " if attempt.number > 1 or step.attempt > 1 else ""
    if attempt.code is None:
        return Bar(row, RUNNING, attempt.began_at, end, f"{numbered}running for {took}")
    if attempt.code == "completed":
        is_reused = step.reused_from is not None
        kind, about = (REUSED, "reused") if is_reused else (RAN, took)
        return Bar(row, kind, attempt.began_at, end, f"{numbered}{about}")
    if attempt.code == "cancelled":
        return Bar(row, CANCELLED, attempt.began_at, end, f"{numbered}cancelled after {took}")
    why = sentence(attempt.ending) if attempt.ending else "failed"
    return Bar(row, FAILED, attempt.began_at, end, f"{numbered}failed after {took}: {why}")


def of_folds(listed: Sequence[folds.Fold], attempts: Mapping[int, Sequence[Attempt]], at: datetime) -> list[Bar]:
    """A row for each fold: when any of its steps ran, and where attempts failed."""
    began = [each.began_at for made in attempts.values() for each in made]
    span = (at - min(began)).total_seconds() if began else 0.0
    bars: list[Bar] = []
    for fold in listed:
        made = [each for step in fold.steps for each in attempts.get(step.id, ())]
        for begin, end, count in _joined(((each.began_at, each.ended_at or at) for each in made), span * FINEST):
            about = f"{words.count(count, 'attempt')} in {words.duration((end - begin).total_seconds())}"
            still = any(each.ended_at is None for each in made) and end == at
            bars.append(Bar(fold.title, RUNNING if still else RAN, begin, end, about))
        failed = [each for each in made if each.code not in (None, "completed", "cancelled")]
        for each in failed[:MOST_FAILURES]:
            why = sentence(each.ending) if each.ending else "failed"
            bars.append(Bar(fold.title, FAILED, each.began_at, each.ended_at or at, why))
    return bars


def _joined(stretches: Iterable[tuple[datetime, datetime]], pause: float) -> list[tuple[datetime, datetime, int]]:
    """Stretches of time that overlap or nearly touch, as one, with how many they are."""
    joined: list[tuple[datetime, datetime, int]] = []
    for begin, end in sorted(stretches):
        if joined and (begin - joined[-1][1]).total_seconds() <= pause:
            first, last, count = joined[-1]
            joined[-1] = first, max(last, end), count + 1
        else:
            joined.append((begin, end, 1))
    return joined
