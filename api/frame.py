"""The picture frame around the pages: what starts and ends with the app, and what else is served on its port."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from api.app import create
from api.dashboard import dashboard
from api.guard import Guard, is_loopback, names, written_down
from api.measures import measures
from jobs import queues, services
from store import db, schema
from store.errors import Refused
from store.settings import settings

WATCH_SECONDS = 1.0
OPEN_TO_OTHERS = (
    "Other machines can reach this app, and it has no sign-in: whoever reaches it can do everything. Put a proxy with "
    "a sign-in before it, or set server.address to 127.0.0.1."
)


Lifespan = Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]


def lifespan(warm_up: Callable[[], None]) -> Lifespan:
    """Have the services run while the app does, and bring them back if they go away; warm up while they start."""

    @contextlib.asynccontextmanager
    async def live(_app: Any) -> AsyncIterator[dict[str, Any]]:
        _check_settings()
        with services.using(wait=False) as use:
            tasks = [asyncio.create_task(_watch(use)), asyncio.create_task(asyncio.to_thread(warm_up))]
            try:
                yield {}
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    return live


def routes() -> list[BaseRoute]:
    """What is served beside the pages."""
    return [
        Mount("/api", create()),
        Mount("/rq", dashboard(queues.connection)),
        Route("/metrics", measures),
    ]


def middleware() -> list[Middleware]:
    """What every request passes first, whatever it is for."""
    written = [*st.get_option("server.allowedHosts"), st.get_option("browser.serverAddress")]
    return [Middleware(Guard, ours=names(_address(), written), trusted=written_down(written))]


def _check_settings() -> None:
    """End with one sentence when the settings lead nowhere; the server would show its own insides instead."""
    try:
        db.check()
        schema.prepare()
        queues.connection()
        _ = settings().files
    except Refused as refused:
        print(refused.sentence, file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)  # nothing runs yet that would have to be stopped


async def _watch(use: services.Use) -> None:
    try:
        await asyncio.to_thread(use.wait_until_ready)
        print(_welcome(), flush=True)  # noqa: T201 - the lines the operator looks for
    except services.NotReady as late:
        print(late, flush=True)  # noqa: T201
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        await asyncio.to_thread(use.ensure)


def _welcome() -> str:
    address, port = _address(), st.get_option("server.port")
    running = services.state()
    broker = "embedded Valkey" if running.get("embedded") else "external Redis"
    told = (
        f"Trainyard is ready: open http://{address if is_loopback(address) else 'localhost'}:{port}\n"
        f"Running: {len(running.get('workers', []))} workers, {broker}, everything is kept in {settings().folder}"
    )
    return told if is_loopback(address) else f"{told}\n{OPEN_TO_OTHERS}"


def _address() -> str:
    return st.get_option("server.address") or ""
