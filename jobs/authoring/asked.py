"""Asked: what the calls of a flow need and may be given, and whether a replay asks for the same as before."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from jobs.authoring.failures import TaskFailed
from jobs.authoring.futures import AllowFailure, Future
from jobs.pipelines.errors import StepError
from jobs.pipelines.handed import Pattern
from store.messages import Message, Values
from store.steps import NewStep
from store.steps.turns import Recorded
from store.tables import StepRole

LONGEST_ARGUMENTS = 200
MOST_CULPRITS = 20


def needs(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """The keys of the steps that a call is given, or comes after."""
    found: list[str] = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, Future):
            found.append(value.invocation_id)
        elif isinstance(value, AllowFailure):
            found += needs((value.value,), {})
        elif isinstance(value, list | tuple | set):
            found += needs(list(value), {})
        elif isinstance(value, Mapping):
            found += needs(list(value.values()), {})
    return found


def may_fail(values: Sequence[Any]) -> tuple[str, ...]:
    """The keys of those that may have failed."""
    found: list[str] = []
    for value in values:
        if isinstance(value, AllowFailure):
            found += needs((value.value,), {})
        elif isinstance(value, list | tuple):
            found += may_fail(value)
    return tuple(found)


def or_failure(pattern: Pattern) -> Pattern:
    """The same, where what failed is given as its exception."""
    if "output" in pattern:
        return {**pattern, "or_failure": True}
    if "items" in pattern:
        return {"items": [or_failure(each) for each in pattern["items"]]}
    if "parts" in pattern:
        return {"parts": [or_failure(each) for each in pattern["parts"]]}
    return pattern


def is_same(recorded: Recorded, row: NewStep) -> bool:
    """Whether a replay asks for what is recorded. What is kept in files is taken to be the same: to write it again at
    each turn would cost as much as the first time."""
    return (
        recorded.source == row.get("source")
        and recorded.role == row.get("role")
        and (row.get("role") == StepRole.once or recorded.params == row["params"])
        and shape(recorded.handed or {}) == shape(row.get("handed") or {})
    )


def shape(pattern: Any) -> Any:
    """A pattern without what is kept in files."""
    if isinstance(pattern, Mapping):
        return {name: "kept" if name == "kept" else shape(each) for name, each in pattern.items()}
    if isinstance(pattern, list | tuple):
        return [shape(each) for each in pattern]
    return pattern


def policy(said: dict[str, Any] | None, chunk: str | None, like: int | None) -> dict[str, Any] | None:
    """What a row says of its retries and hooks, of its chunk, and in which workflow the step is that it is like."""
    more = {"chunk": chunk, "like": like}
    return {**(said or {}), **{name: value for name, value in more.items() if value is not None}} or None


def same_among(recorded: Iterable[Recorded], row: NewStep, taken: Collection[str]) -> str | None:
    """The key of the first step of this name that is recorded with the same arguments, and not asked for yet."""
    known = (each for each in recorded if each.name == row["name"] and each.key not in taken)
    return next((each.key for each in known if is_same(each, row)), None)


def culprits_of(error: BaseException | None) -> list[str]:
    """The steps of whose failure an error tells, also where the flow has raised another one because of it."""
    found: list[str] = []
    while error is not None and len(found) < MOST_CULPRITS:
        if isinstance(error, TaskFailed):
            found.append(error.step)
        if isinstance(error, BaseExceptionGroup):  # of a task group
            found += [key for each in error.exceptions for key in culprits_of(each)]
        error = error.__cause__ or error.__context__
    return found


def plain_row(
    group: str, name: str, key: str, params: dict[str, Any], role: StepRole, result: dict[str, Any] | None = None
) -> NewStep:
    """The row of a step that has no function: a question, or a value that is worked out once."""
    return {
        "name": name,
        "key": key,
        "needs": (),
        "params": params,
        "max_attempts": 1,
        "timeout": 1,
        "fresh": True,
        "group": group or None,
        "role": role,
        "result": result,
    }


def another_way(number: int, row: NewStep, recorded: Recorded) -> StepError:
    """What to say of a replay that asks for something else than is recorded."""
    told: Values = {
        "number": number,
        "asked": shown(row["key"], row["params"]),
        "recorded": shown(recorded.key, recorded.params),
    }
    return StepError(Message("another_way", told))


def shown(key: str, params: Mapping[str, Any]) -> str:
    """A call as its author wrote it, about."""
    given = ", ".join(f"{name}={value!r}" for name, value in params.items())
    text = f"{key}({given})"
    return text if len(text) <= LONGEST_ARGUMENTS else f"{text[: LONGEST_ARGUMENTS - 1]}…"
