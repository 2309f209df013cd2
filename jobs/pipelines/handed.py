"""Handed: what a plain function is given that other steps make, as a pattern of references that the step's row holds.

Each argument is a pattern: an output of a step, a stored output of an earlier run, a dataset that the workflow was
given, a value that a flow gave, a plain value, or a list, tuple or dict of patterns.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict


class Pattern(TypedDict, total=False):
    """One of these."""

    output: list[str]  # the key of a step, and the name of what it leaves
    stored: dict[str, Any]  # the id of an output of an earlier run, its format and its hash
    dataset: str  # the input of the pipeline that it was given for
    kept: dict[str, Any]  # a value that a flow gave, as an output is described
    or_failure: bool  # of an output: what failed is given as an exception
    value: Any
    items: list["Pattern"]  # of a list
    parts: list["Pattern"]  # of a tuple
    pairs: list[tuple[Any, "Pattern"]]  # of a dict


Patterns = Mapping[str, Pattern]


def references(patterns: Patterns) -> list[tuple[str, str]]:
    """Every output of a step of the same workflow that is handed over: the key of the step, and the output's name."""
    found = [each["output"] for pattern in patterns.values() for each in leaves(pattern) if "output" in each]
    return list(dict.fromkeys((key, name) for key, name in found))


def filled(pattern: Pattern, look_up: Callable[[Pattern], Any]) -> Any:
    """The value that a pattern stands for, each reference looked up."""
    if "items" in pattern:
        return [filled(each, look_up) for each in pattern["items"]]
    if "parts" in pattern:
        return tuple(filled(each, look_up) for each in pattern["parts"])
    if "pairs" in pattern:
        return {key: filled(each, look_up) for key, each in pattern["pairs"]}
    return pattern["value"] if "value" in pattern else look_up(pattern)


def leaves(pattern: Pattern) -> Iterator[Pattern]:
    """The outputs and values that a pattern is made of."""
    inner = [*pattern.get("items", []), *pattern.get("parts", []), *(each for _, each in pattern.get("pairs", []))]
    for each in inner:
        yield from leaves(each)
    if not inner:
        yield pattern
