"""Retries: whether an attempt that failed is made again, and when, as the author of the step says."""

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobs.authoring import sources
from store.steps import Step as Row


def pause(row: Row, error: BaseException, usual: Callable[..., bool] | None) -> float | None:
    """In how many seconds a failed attempt is made again, as its row says; None: not at all. `usual` says whether,
    unless the row does."""
    policy: dict[str, Any] = row.policy or {}
    delays = policy.get("delays", [])
    if row.retried >= len(delays):
        return None
    condition = sources.find(policy["on"]) if "on" in policy else usual
    if condition is not None and not _allows(condition, row, error):
        return None
    return float(delays[row.retried]) * (1 + random.random() * float(policy.get("jitter") or 0))


@dataclass(frozen=True, slots=True)
class Failure:
    """The state of an attempt that failed, for a condition that takes three arguments."""

    error: BaseException
    name: str = "Failed"
    type: str = "FAILED"

    @property
    def message(self) -> str:
        return str(self.error)

    def result(self, raise_on_failure: bool = True) -> BaseException:
        """What was raised, raised again or given."""
        if raise_on_failure:
            raise self.error
        return self.error


def _allows(condition: Callable[..., bool], row: Row, error: BaseException) -> bool:
    """As its author wrote it: for the error, or for the task, its run and the state that it came to."""
    if len(inspect.signature(condition).parameters) == 3:
        return condition(sources.find(row.source) if row.source else None, row, Failure(error))
    return condition(error)
