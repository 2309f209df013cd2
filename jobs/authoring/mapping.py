"""Mapping: the calls that a map stands for, one for each item."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

from jobs.authoring.arguments import bound
from jobs.authoring.futures import AllowFailure, Future, Unmapped
from jobs.pipelines.errors import PipelineError
from store.messages import Message

Call = tuple[str, dict[str, Any]]
LONGEST_LABEL = 40


def calls(
    function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], map_key: Any
) -> list[Call]:
    """The arguments of each call of a map with its label: its number, or what `map_key` says of its items. Lists are
    gone through side by side; what is no list, or `unmapped`, is given to each."""
    given = bound(function, name, args, kwargs)
    lists = {each: _items(value) for each, value in given.items()}
    lengths = {each: len(items) for each, items in lists.items() if items is not None}
    if not lengths:
        raise PipelineError(Message("map_of_nothing", {"step": name}))
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{each} {count}" for each, count in lengths.items())
        raise PipelineError(Message("map_unequal", {"step": name, "lengths": told}))
    made = []
    for number in range(next(iter(lengths.values()))):
        chosen = {each: _whole(given[each]) if items is None else items[number] for each, items in lists.items()}
        first = [chosen[each] for each in lengths]
        made.append((_label(map_key, first, number), chosen))
    return made


def product(
    function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of a map that goes through each item of one list with each of the others."""
    given = bound(function, name, args, kwargs)
    lists = {each: items for each, value in given.items() if (items := _items(value)) is not None}
    columns = list(zip(*itertools.product(*lists.values()), strict=True)) or [()] * len(lists)
    return {**given, **{each: list(column) for each, column in zip(lists, columns, strict=True)}}


def _label(map_key: Any, items: Sequence[Any], number: int) -> str:
    if map_key is None:
        return str(number)
    label = map_key(*items) if _takes(map_key, len(items)) else map_key(items[0])
    return str(label)[:LONGEST_LABEL]


def _takes(function: Any, count: int) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and code.co_argcount == count


def _whole(value: Any) -> Any:
    return value.value if isinstance(value, Unmapped) else value


def _items(value: Any) -> list[Any] | None:
    """The items of what is mapped over; None for what each call is given whole."""
    if isinstance(value, AllowFailure):
        if isinstance(value.value, Future) and value.value.state.failed:
            return None  # each call is given what it raised
        items = _items(value.value)
        return None if items is None else [AllowFailure(each) for each in items]
    if isinstance(value, Future):
        return _items(value.result())
    if isinstance(value, Set):
        return sorted(value, key=repr)  # in the same order in each process
    if isinstance(value, list | tuple | range | Iterator):
        return list(value)
    if type(value).__name__ in ("ndarray", "Series", "Index") and hasattr(value, "tolist"):
        return list(value.tolist())
    return None
