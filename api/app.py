"""The API: what a button does, programs can do."""

from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Answer, add_error_handlers, refusal
from api.openapi_page import POLICY, manual
from api.routes import (
    artifacts,
    datasets,
    people,
    pipelines,
    predictions,
    questions,
    queues,
    sweeps,
    tag_limits,
    thresholds,
    workflows,
)
from api.routes.uploads import is_json
from api.wall import limits, roles
from api.wall.roles import needs
from api.wall.sign_in import who
from jobs.verbs.documents import HealthOut
from store.actors import Role

LONGEST_BODY = 1 << 20
ABOUT = (
    "Programs can do whatever a button does. A request that creates something answers 201 with its id. A refused one "
    'answers 4xx with {"detail": a sentence, "code": its code, "values": the values in it}. Times are UTC. Where '
    "people sign in, send a token from the page Account: Authorization: Bearer ty_..."
)


house = roles.router("Health")


def create() -> FastAPI:
    """The API as an app of its own, to be mounted at /api."""
    api = FastAPI(
        title="Trainyard",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    rooms = (
        datasets,
        pipelines,
        workflows,
        artifacts,
        questions,
        predictions,
        thresholds,
        sweeps,
        tag_limits,
        queues,
        people,
    )
    for router in (*(room.router for room in rooms), house):
        api.router.routes.extend(router.routes)  # as they are, so that the wall finds the role that each states
    api.add_route("/", _to_docs)
    api.add_route("/docs", _docs)
    api.add_middleware(ShortBodies)
    add_error_handlers(api)
    return api


@house.get("/health", response_model=HealthOut, summary="Is the app well?")
@needs(None)
def health(request: Request) -> Response:
    """`ok`, or `degraded` when work is accepted and no worker can do it now. A probe needs no token: where people sign
    in, everything but `status` is left out for those who have not."""
    from jobs.engine import queue_view

    seen = queue_view.snapshot()
    workers = len(seen.workers)
    status = "ok" if seen.reachable and workers else "degraded"
    if not who(request).may(Role.viewer):
        return Answer({"status": status})
    return Answer(
        {
            "status": status,
            "queue": "ok" if seen.reachable else "down",
            "workers": workers,
            "waiting": seen.waiting,
            "running": seen.running,
        }
    )


class ShortBodies:
    """Refuses bodies that are too long or too late for a request other than an upload."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_upload(scope):
            await self._app(scope, receive, send)
            return
        try:
            body = await limits.short_body(receive, LONGEST_BODY)
        except limits.DisconnectedError:
            return
        except limits.BodyError as error:
            await refusal(error.status, error.message, headers={"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever else arrives."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again


def _is_upload(scope: Scope) -> bool:
    """Whether a body is a file, which is read as it is written to disk: rows to predict may also come as JSON."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    if scope["method"] != "POST":
        return False
    return path == "/datasets" or (path.endswith("/predict") and not is_json(Headers(scope=scope)))


@needs(Role.viewer)
async def _to_docs(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs", 307)


@needs(Role.viewer)
async def _docs(request: Request) -> Response:
    spec: dict[str, Any] = await run_in_threadpool(request.app.openapi)
    root = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
    return HTMLResponse(manual(spec, root), headers={"Content-Security-Policy": POLICY})
