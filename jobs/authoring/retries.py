"""Retries: whether an attempt that failed is made again, and when, as the author of the step says."""

import random
from collections.abc import Callable
from typing import Any

from jobs.authoring import sources
from store.steps import Step as Row


def pause(row: Row, error: BaseException, usual: Callable[[BaseException], bool] | None) -> float | None:
    """In how many seconds a failed attempt is made again, as its row says; None: not at all. `usual` says whether,
    unless the row does."""
    policy: dict[str, Any] = row.policy or {}
    delays = policy.get("delays", [])
    if row.retried >= len(delays):
        return None
    condition = sources.find(policy["on"]) if "on" in policy else usual
    if condition is not None and not condition(error):
        return None
    return float(delays[row.retried]) * (1 + random.random() * float(policy.get("jitter") or 0))
