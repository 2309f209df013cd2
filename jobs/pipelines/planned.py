"""Planned: what a start would write down, as plain facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from store.errors import RequestError
from store.tables import StepRole


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as it will be written: its place in the graph, its params, and which code it is."""

    name: str
    key: str
    needs: tuple[str, ...]
    params: dict[str, Any]
    max_attempts: int
    timeout: int
    repeats_on_restart: bool
    reads_dataset: bool
    identity: str
    # Of steps that are plain functions; see `store.steps.Step`.
    source: str | None = None
    label: str | None = None
    group: str | None = None
    handed: dict[str, Any] | None = None
    tags: list[str] | None = None
    policy: dict[str, Any] | None = None
    fresh: bool = False  # runs even if nothing changed
    role: StepRole | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a start would write; with problems, there is nothing to write."""

    problems: tuple[RequestError, ...]
    params: dict[str, Any]
    steps: tuple[PlannedStep, ...] = ()
    facets: Mapping[str, str] | None = None
    title: str = ""
    notices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
