"""Warnings: what to know before a workflow starts and before its scores are trusted, and what helps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.messages import Message, Notice, notices_of

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What helps: other params from a step on, and the words of the button that runs with them."""

    words: Message
    step: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowWarning:
    """What to know about a workflow, and what helps where one press can help."""

    notice: Notice
    remedy: Remedy | None = None


def of_steps(_params: Mapping[str, Any], results: Mapping[str, Result]) -> Sequence[WorkflowWarning]:
    """Return the warnings that the steps of any pipeline left, each once."""
    found: list[Notice] = []
    for result in results.values():
        for notice in notices_of(result.get("notices")):
            if notice.level == "warning" and notice not in found:
                found.append(notice)
    return [WorkflowWarning(notice) for notice in found]


def nothing_foreseen(_params: Mapping[str, Any], _inputs: Mapping[str, Any]) -> Sequence[WorkflowWarning]:
    """Return no warnings."""
    return []
