"""Limits: threads and time that no caller can take from another."""

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from jobs.verbs import passwords

Result = TypeVar("Result")

# Recognising who asks never waits behind a password, an upload or another slow request.
_READERS = CapacityLimiter(8)
# One for each check that runs or waits, and a few that refuse the others at once.
_PASSWORDS = CapacityLimiter(passwords.AT_ONCE + passwords.MOST_WAITING + 8)


async def reading(function: Callable[..., Result], *arguments: object) -> Result:
    """Run what only reads who asks, in a thread that nothing else can hold."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_READERS)


async def checking(function: Callable[..., Result], *arguments: object) -> Result:
    """Run what checks a password, in a thread that no other request needs."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_PASSWORDS)
