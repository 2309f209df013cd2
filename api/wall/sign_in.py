"""The gate: lets in whom we know, as who they are; asks everybody else to sign in.

Every route, ours and Streamlit's, lies behind it. It opens for all while nobody has to sign in.
"""

from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import refusal
from api.wall.origin import SAFE_METHODS
from jobs.verbs import people
from jobs.verbs.permission import refusal as why_not
from store import actors, audit
from store.actors import Actor, Role

SIGN_IN, SIGN_OUT = "/login", "/auth/logout"
# Whether the process lives is no secret to whoever can reach its port. The rest of these is the way in.
OPEN_PATHS = {SIGN_IN, SIGN_OUT, "/login/with", "/auth/login", "/oauth2callback", "/_stcore/health"}
# Changed by everybody: their own password and tokens.
OWN = ("/api/me",)


class Gate:
    """Finds out who sends a request, and refuses what they may not do."""

    def __init__(self, app: ASGIApp, farewell: bytes = b"") -> None:
        self._app = app
        self._farewell = farewell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        asking = HTTPConnection(scope)
        actor = await anyio.to_thread.run_sync(who, asking)
        if answer := await anyio.to_thread.run_sync(_refusal, actor, asking):
            await _refuse(answer, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, self._checked(receive, send, asking), send)
        else:
            with actors.acting(actor):
                await self._app(scope, receive, send)

    def _checked(self, receive: Receive, send: Send, asking: HTTPConnection) -> Receive:
        """A page that stays open shows its cookie anew with every message; once it counts no more, the page is told
        where to sign in, and heard no further."""

        async def receive_checked() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and (await anyio.to_thread.run_sync(who, asking)).role is None:
                await send({"type": "websocket.send", "bytes": self._farewell})
                return {"type": "websocket.disconnect", "code": 1008, "reason": "Signed out."}
            return message

        return receive_checked


def who(asking: HTTPConnection) -> Actor:
    """Who asks: by the token of a program, which is for programs' routes only, else by a browser's cookie."""
    address = asking.client.host if asking.client else ""
    scheme, _, token = asking.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _is_for_programs(asking.scope):
        return people.program(token.strip(), address)
    actor = people.visitor(asking.cookies.get(people.cookie_name()), address)
    return Actor(actor.name, actor.role, "api", address, actor.person_id) if _is_for_programs(asking.scope) else actor


def way_back(path: str) -> str:
    """Where to go after signing in: a path of our own, or the front page."""
    plain = path.replace("\\", "/")
    return path if plain.startswith("/") and not plain.startswith("//") and plain.isprintable() else "/"


def _refusal(actor: Actor, asking: HTTPConnection) -> Response | None:
    scope = asking.scope
    if actor.role is None:
        return _ask_to_sign_in(scope, asking.headers)
    changes = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
    if changes and not actor.may(Role.analyst) and not scope["path"].startswith(OWN):
        audit.add(actor, "refused", f"{scope['method']} {scope['path']}")
        return refusal(403, why_not(actor, Role.analyst))
    return None


def _ask_to_sign_in(scope: Scope, headers: Headers) -> Response:
    if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(way_back(asked), safe='/')}", 303)
    sentence = "Sign in first: send a token, as in Authorization: Bearer ty_..., or sign in at /login with a browser."
    return refusal(401, sentence, headers={"WWW-Authenticate": "Bearer"})


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "Sign in first."})
    else:
        answer.headers["Cache-Control"] = "no-store"
        await answer(scope, receive, send)


def _is_for_programs(scope: Scope) -> bool:
    return scope["path"].startswith("/api/") or scope["path"] == "/metrics"
