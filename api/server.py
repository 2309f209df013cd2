"""The server: what starts and ends with the app, what is served beside the pages, and what every request passes."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from api.app import create
from api.packed import Packed
from api.page_uploads import LargeUploads
from api.rq_dashboard.app import dashboard
from api.wall import answer, single_sign_on
from api.wall.connections import close_late_ones
from api.wall.login import login, logout
from api.wall.origin import Guard, is_loopback, names, written_down
from api.wall.roles import needs
from api.wall.sign_in import SIGN_IN, SIGN_OUT, Gate
from jobs.engine import queue
from jobs.language import sentence
from jobs.pipelines import registry
from jobs.pipelines.errors import PipelineError
from jobs.services import presence
from jobs.verbs import access, people
from store import actors, db, files, schema
from store.actors import Role
from store.errors import RequestError
from store.messages import Message
from store.program import COMMAND
from store.settings import settings

WATCH_SECONDS = 1.0
OPEN_TO_OTHERS = "Other machines can reach this app, and nobody has to sign in: anyone who reaches it can do anything."


Lifespan = Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]


def lifespan(warm_up: Callable[[], None]) -> Lifespan:
    """Have the services run while the app does, and bring them back if they go away; warm up while they start."""

    @contextlib.asynccontextmanager
    async def live(_app: Any) -> AsyncIterator[dict[str, Any]]:
        actors.serve_others()
        _check_settings()
        with presence.using(wait=False) as use:
            tasks = [
                asyncio.create_task(_watch(use)),
                asyncio.create_task(close_late_ones()),
                asyncio.create_task(asyncio.to_thread(warm_up)),
            ]
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
        Route("/api", _to_the_api_page),
        Mount("/api", create()),
        Mount("/rq", dashboard(queue.connection)),  # it only reads: a viewer may look, as the wall's default says
        Route("/metrics", _measures),
        Route(SIGN_IN, login, methods=["GET", "POST"]),
        Route(SIGN_OUT, logout),
        Route(answer.ROUTE, answer.answer, methods=["GET", "POST"]),
        Route(single_sign_on.START, single_sign_on.start),
    ]


def middleware(served: Sequence[BaseRoute]) -> list[Middleware]:
    """What every request passes first; the wall reads from the served routes which role each needs."""
    written = _names_written_down()
    return [
        Middleware(
            Guard,
            ours=names(_address(), written),
            trusted=written_down(written),
            proxied=_has_proxy(),
        ),
        Middleware(Gate, routes=served, farewell=_farewell()),
        Middleware(LargeUploads, largest=lambda: st.get_option("server.maxUploadSize") << 20),
        Middleware(Packed),
    ]


@needs(Role.viewer)
async def _to_the_api_page(_request: Request) -> Response:
    return RedirectResponse("/api/docs", 307)


@needs(Role.viewer)
def _measures(request: Request) -> Response:
    from api.prometheus import measures  # its library is needed only where somebody measures

    return measures(request)


def _check_settings() -> None:
    """End with one sentence when the settings lead nowhere; the server would show its own insides instead."""
    try:
        db.check()
        schema.prepare()
        queue.connection()
        files.check()
        registry.check()
        single_sign_on.check()
        _decide_access()
    except (RequestError, PipelineError) as refused:
        print(sentence(refused.message), file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)  # nothing runs yet that would have to be stopped


def _decide_access() -> None:
    """Require sign-in where other machines can reach the app, unless the operator turned it off."""
    if not _is_shared():
        return
    if people.anybody_known():
        access.require_sign_in()
    elif settings().open:
        access.let_everybody_in()
    else:
        raise RequestError(Message("nobody_can_sign_in", {"command": COMMAND}))


def _is_shared() -> bool:
    """Whether other machines reach the app: directly, or by the name that a proxy serves it under."""
    return not is_loopback(_address()) or any(not is_loopback(name) for name in _names_written_down())


async def _watch(use: presence.Use) -> None:
    try:
        await asyncio.to_thread(use.wait_until_ready, say=lambda sentence: print(sentence, flush=True))  # noqa: T201
        print(_welcome(), flush=True)  # noqa: T201 - the lines the operator looks for
    except presence.NotReadyError as late:
        print(late, flush=True)  # noqa: T201
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        await asyncio.to_thread(use.ensure)


def _welcome() -> str:
    address, port = _address(), st.get_option("server.port")
    running = presence.state()
    broker = "embedded Valkey" if running.get("embedded") else "external Redis"
    text = (
        f"Trainyard is ready: open http://{address if is_loopback(address) else 'localhost'}:{port}\n"
        f"Running: {len(running.get('workers', []))} workers, {broker}, everything is stored in {settings().folder}"
    )
    return f"{text}\n{OPEN_TO_OTHERS}" if _is_shared() and not access.must_sign_in() else text


def _farewell() -> bytes:
    """What tells an open page to go and sign in again: the message by which `st.logout` leads elsewhere."""
    message = ForwardMsg()
    message.auth_redirect.url = SIGN_IN
    return bytes(message.SerializeToString())


def _address() -> str:
    return st.get_option("server.address") or ""


def _has_proxy() -> bool:
    """Tell whether the operator configured a proxy that serves the app under a name of its own."""
    return any(not is_loopback(name) for name in st.get_option("server.allowedHosts") if name)


def _names_written_down() -> list[str]:
    """Names in the settings by which the app may be called, beside that of its address."""
    written = [*st.get_option("server.allowedHosts"), st.get_option("browser.serverAddress")]
    return [name for name in written if name]
