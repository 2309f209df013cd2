"""Signing in: authenticates people and programs, and asks everyone else to sign in.

Every route, ours and Streamlit's, lies behind it. While sign-in is off, everyone passes.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import refusal
from api.wall import limits, roles, single_sign_on
from api.wall.redirects import way_back
from jobs.verbs import people
from jobs.verbs.permission import refusal as why_not
from store import actors, audit, messages
from store.actors import NOBODY, Actor, Role

SIGN_IN, SIGN_OUT = "/login", "/auth/logout"
# Streamlit's own: the way to and from a provider of a single sign-on, and whether the process lives.
STREAMLITS_WAY_IN = ("/auth/login", "/oauth2callback")
STREAMLITS_HEALTH = "/_stcore/health"


class Gate:
    """Recognises who sends a request, and refuses what their role does not cover."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], farewell: bytes = b"") -> None:
        self._app = app
        self._routes = routes
        self._farewell = farewell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        needed, route = roles.stated(self._routes, scope)
        if scope["path"] in STREAMLITS_WAY_IN and not await limits.reading(single_sign_on.providers):
            await _refuse(refusal(404, messages.Message("no_single_sign_on")), scope, receive, send)
            return
        if needed is None or scope["path"] in (*STREAMLITS_WAY_IN, STREAMLITS_HEALTH):
            with actors.acting(NOBODY):
                await self._app(scope, receive, send)
            return
        asking = HTTPConnection(scope)
        actor = await limits.reading(who, asking)
        if answer := await limits.reading(_refusal, actor, needed, route, asking):
            await _refuse(answer, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, self._checked(receive, send, asking), send)
        else:
            with actors.acting(actor):
                await self._app(scope, receive, _forgetting(send) if actor.person_id is not None else send)

    def _checked(self, receive: Receive, send: Send, asking: HTTPConnection) -> Receive:
        """Check the cookie of an open page with every message; once it is no longer valid, send the page to the sign-in
        and close its connection."""

        async def receive_checked() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and (await limits.reading(who, asking)).role is None:
                await send({"type": "websocket.send", "bytes": self._farewell})
                return {"type": "websocket.disconnect", "code": 1008, "reason": "Signed out."}
            return message

        return receive_checked


def _forgetting(send: Send) -> Send:
    """Have browsers keep no page of someone who has signed in: Back after the sign-out asks again, and is sent away."""

    async def send_unkept(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            if headers.get("content-type", "").startswith("text/html"):
                headers["cache-control"] = "no-store"
        await send(message)

    return send_unkept


def who(asking: HTTPConnection) -> Actor:
    """Who asks: by the token of a program, which is for programs' routes only, else by a browser's cookie."""
    address = asking.client.host if asking.client else ""
    scheme, _, token = asking.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _is_for_programs(asking.scope):
        return people.program(token.strip(), address)
    actor = people.visitor(asking.cookies.get(people.cookie_name()), address)
    return replace(actor, via="api", address=address) if _is_for_programs(asking.scope) else actor


def _refusal(actor: Actor, needed: Role, route: str, asking: HTTPConnection) -> Response | None:
    scope = asking.scope
    if actor.role is None:
        return _ask_to_sign_in(scope, asking.headers)
    if not actor.may(needed):
        request_line = f"{scope.get('method', 'GET')} {route}"
        audit.add_refusal(
            actor, "refused", request_line, messages.Message("deed_route_refused", {"route": request_line})
        )
        return refusal(403, why_not(actor, needed))
    return None


def _ask_to_sign_in(scope: Scope, headers: Headers) -> Response:
    if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        address = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(way_back(address), safe='/')}", 303)
    return refusal(401, messages.Message("sign_in_first_how"), headers={"WWW-Authenticate": "Bearer"})


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "Sign in first."})
    else:
        answer.headers["Cache-Control"] = "no-store"
        await answer(scope, receive, send)


def _is_for_programs(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith("/api/") or path == "/metrics"
