"""Retries: whether an attempt that failed is made again, and when, as the author of the step says."""

import random
from typing import Any

from jobs.authoring import sources
from jobs.authoring.written import WrittenStep
from store.steps import Step as Row


def pause(step: WrittenStep, row: Row, error: BaseException) -> float | None:
    """In how many seconds a failed attempt is made again; None: not at all."""
    policy: dict[str, Any] = row.policy or {}
    delays = policy.get("delays", [])
    if row.retried >= len(delays):
        return None
    condition = sources.find(policy["on"]) if "on" in policy else step.options.retry.on
    if condition is not None and not condition(error):
        return None
    return float(delays[row.retried]) * (1 + random.random() * float(policy.get("jitter") or 0))
