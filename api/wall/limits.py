"""Limits: threads and time that no caller can take from another."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio import CapacityLimiter
from starlette.types import Receive

from jobs.verbs import passwords
from store.errors import RequestError
from store.messages import Message

Result = TypeVar("Result")

SHORT_BODY_SECONDS = 15.0

# Recognising who asks never waits behind a password, an upload or another slow request.
_READERS = CapacityLimiter(8)
# One for each check that runs or waits, and a few that refuse the others at once.
_PASSWORDS = CapacityLimiter(passwords.AT_ONCE + passwords.MOST_WAITING + 8)
# Strangers who try links keep nobody waiting but each other.
_ANSWERS = CapacityLimiter(4)
# They wait for a place in a sandbox, which must cost no other route its thread.
_PREDICTIONS = CapacityLimiter(16)


async def reading(function: Callable[..., Result], *arguments: object) -> Result:
    """Run what only reads who asks, in a thread that nothing else can hold."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_READERS)


async def checking(function: Callable[..., Result], *arguments: object) -> Result:
    """Run what checks a password, in a thread that no other request needs."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_PASSWORDS)


async def answering(function: Callable[..., Result], *arguments: object) -> Result:
    """Run what a link without an account asks for, in a thread that no other request needs."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_ANSWERS)


async def predicting(function: Callable[..., Result], *arguments: object) -> Result:
    """Run what predicts rows, in a thread that no other request needs."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_PREDICTIONS)


class DisconnectedError(Exception):
    """The caller went away before the body had arrived."""


class BodyError(RequestError):
    """The body is too long, or takes too long."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(message)
        self.status = status


async def short_body(receive: Receive, longest: int) -> bytes:
    """The whole body, within the time and the length that a request other than an upload may take."""
    body = b""
    try:
        with anyio.fail_after(SHORT_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise DisconnectedError
                body += bytes(message.get("body", b""))
                if len(body) > longest:
                    raise BodyError(413, Message("body_too_long", {"most": longest}))
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise BodyError(408, Message("body_too_late", {"seconds": SHORT_BODY_SECONDS})) from None
