"""Connections: closes those on which no whole request arrives.

uvicorn ends a connection that is idle between two requests, and waits for ever for the end of one that has started.
What is used of it here is held by a test of its own.
"""

import asyncio
import signal
import time
from collections.abc import Iterable
from typing import Any

import uvicorn

PATIENCE_SECONDS = 15.0
LOOK_SECONDS = 1.0


async def close_late_ones() -> None:
    """Look every second, as long as the server runs, for connections that have been unfinished for too long."""
    if (server := _server()) is None:
        return  # served by something else than uvicorn, which has limits of its own
    unfinished = Unfinished()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        unfinished.close_late(server.server_state.connections, time.monotonic())


class Unfinished:
    """Connections whose request headers arrive, or whose body no handler waits for, and since when."""

    def __init__(self) -> None:
        self._since: dict[Any, tuple[Any, float]] = {}

    def close_late(self, connections: Iterable[Any], at: float) -> None:
        """Close connections that have been unfinished for too long."""
        before, self._since = self._since, {}
        for connection in list(connections):
            request = getattr(connection, "cycle", connection)  # the protocol of a WebSocket has none: leave it alone
            if request is connection or (request is not None and not request.response_complete):
                continue
            seen = before.get(connection)
            since = seen[1] if seen and seen[0] is request else at
            self._since[connection] = (request, since)
            if at - since > PATIENCE_SECONDS:
                connection.transport.close()


def _server() -> uvicorn.Server | None:
    """The server that runs this app: it has put its own handler on Ctrl-C before it starts the app."""
    running = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    return running if isinstance(running, uvicorn.Server) else None
