"""Run logs: the lines of all steps of a workflow together, searched by text, level and step, a page at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.language import text_of
from jobs.pipelines.params import short
from store import logs, steps, workflows
from store.errors import InvalidError
from store.logs import Line
from store.messages import Message
from store.text import is_sayable

# From the least to the most serious; a filter names the least serious one that is shown.
LEVELS = ("debug", "info", "warning", "error")
PAGE = 200
CHUNK = 2_000
MOST_SEARCHED = 200_000


@dataclass(frozen=True, slots=True)
class Which:
    """Which lines: with this text, of this level or a more serious one, and of one step."""

    text: str = ""
    level: str = ""
    step: str | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        return LEVELS[LEVELS.index(self.level) :] if self.level and self.level != LEVELS[0] else ()


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines, oldest first, and whether there are older ones."""

    lines: list[Line]
    older: bool


def which(text: str = "", level: str = "", step: str | None = None) -> Which:
    """Lines to look for, as callers write them."""
    if level and level not in LEVELS:
        raise InvalidError(Message("no_such_level", {"given": short(level), "known": list(LEVELS)}), "level")
    return Which(text.strip(), level, step or None)


def newest(workflow_id: int, wanted: Which, before: int | None = None, limit: int = PAGE) -> LogPage:
    """The last lines before one of them, or of all."""
    workflows.status_of(workflow_id)
    found: list[Line] = []
    for chunk in _chunks_back(workflow_id, wanted, before, limit):
        found = [line for line in chunk if _matches(line, wanted)] + found
        if len(found) > limit:
            break
    return LogPage(found[-limit:], len(found) > limit)


def following(workflow_id: int, wanted: Which, after: int = 0, limit: int = PAGE) -> list[Line]:
    """The first lines after one of them."""
    workflows.status_of(workflow_id)
    found: list[Line] = []
    for chunk in _chunks(workflow_id, wanted, after, limit):
        found += [line for line in chunk if _matches(line, wanted)]
        if len(found) >= limit:
            break
    return found[:limit]


def written(workflow_id: int, wanted: Which) -> Iterator[str]:
    """Every line as text, for a file."""
    names = keys_of(workflow_id)
    for chunk in _chunks(workflow_id, wanted, 0, CHUNK):
        for line in chunk:
            if _matches(line, wanted):
                yield f"{as_text(line, names)}\n"


def as_text(line: Line, names: dict[int, str]) -> str:
    """A line as a file has it: when, where, how serious, what."""
    at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{at}  {names.get(line.step_id, '')}  {line.level.upper()}  {text_of(line.text, line.message)}"


def keys_of(workflow_id: int) -> dict[int, str]:
    """The key of each step of a workflow."""
    workflows.status_of(workflow_id)
    return {row.id: row.key for row in steps.brief([workflow_id])[workflow_id]}


def _chunks(workflow_id: int, wanted: Which, after: int, size: int) -> Iterator[list[Line]]:
    while chunk := _select(workflow_id, wanted, after=after, limit=max(size, PAGE)):
        yield chunk
        after = chunk[-1].id


def _chunks_back(workflow_id: int, wanted: Which, before: int | None, limit: int) -> Iterator[list[Line]]:
    searched, size = 0, limit + 1
    while searched < MOST_SEARCHED:
        chunk = _select(workflow_id, wanted, before=before, limit=size, newest=True)
        if not chunk:
            return
        yield chunk
        searched, size, before = searched + len(chunk), CHUNK, chunk[0].id


def _select(
    workflow_id: int, wanted: Which, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
) -> list[Line]:
    # A text that cannot be stored is in no line.
    text = wanted.text if is_sayable(wanted.text) else ""
    return logs.select_lines(
        workflow_id,
        after=after,
        before=before,
        levels=wanted.levels,
        key=wanted.step,
        text=text,
        limit=limit,
        newest=newest,
    )


def _matches(line: Line, wanted: Which) -> bool:
    """Whether a line has the text; the database has looked into free text, and knows no sentences."""
    if not wanted.text or line.message is None:
        return not wanted.text or is_sayable(wanted.text)
    return wanted.text.casefold() in text_of(line.text, line.message).casefold()
