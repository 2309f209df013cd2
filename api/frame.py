"""The picture frame around the pages: what starts and ends with the app, and what else is served on its port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from jobs import services
from store import schema
from store.settings import settings

WATCH_SECONDS = 1.0


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Have the services run while the app does, and bring them back if they go away."""
    schema.prepare()
    with services.using(wait=False) as use:
        watch = asyncio.create_task(_watch(use))
        try:
            yield {}
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch


def routes() -> list[BaseRoute]:
    return []


def middleware() -> list[Middleware]:
    return []


async def _watch(use: services.Use) -> None:
    await asyncio.to_thread(use.wait_until_ready)
    print(_welcome(), flush=True)  # noqa: T201 - the two lines the operator looks for
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        await asyncio.to_thread(use.ensure)


def _welcome() -> str:
    address, port = st.get_option("server.address") or "localhost", st.get_option("server.port")
    running = services.state()
    broker = "embedded Valkey" if running.get("embedded") else "external Redis"
    return (
        f"Trainyard is ready: open http://{address}:{port}\n"
        f"Running: {len(running.get('workers', []))} workers, {broker}, everything is kept in {settings().folder}"
    )
