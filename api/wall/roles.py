"""Roles: each route states the role that it needs; a route of the API without one cannot be made."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from api.wall.origin import SAFE_METHODS
from jobs.verbs import permission
from jobs.verbs.documents import ErrorOut
from store.actors import Role
from store.errors import InvalidError
from store.messages import Message

# Where a page sends the rows that a viewer wants predicted; Streamlit holds them for that page, in memory, and what it
# stores of them the verbs decide.
PAGE_UPLOADS = "/_stcore/upload_file/"
ERROR_RESPONSE = {"model": ErrorOut, "description": "What is wrong, in one sentence"}

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def needs(role: Role | None) -> Callable[[Endpoint], Endpoint]:
    """State the role that a route needs; None opens it to strangers."""

    def state(endpoint: Endpoint) -> Endpoint:
        endpoint.needs = role  # type: ignore[attr-defined]
        return endpoint

    return state


class GuardedRoute(APIRoute):
    """A route of the API that refuses, before anything else, an actor whose role does not cover what it states."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not hasattr(endpoint, "needs"):
            raise TypeError(f"The route {path} states no role; put @needs(Role....) above {endpoint.__name__}.")
        checks = [Depends(_check(endpoint.needs)), *([Depends(_check_query)] if endpoint.needs is not None else [])]
        options["dependencies"] = [*checks, *(options.get("dependencies") or [])]
        super().__init__(path, endpoint, **options)
        self.query = [each.alias for each in self.dependant.query_params]


def router(tag: str, prefix: str = "") -> APIRouter:
    """A router whose routes each state a role; that they take a token is only described here, the wall reads it."""
    token = HTTPBearer(auto_error=False, description="A token of a person, where people sign in.")
    wrong: dict[int | str, dict[str, Any]] = {422: ERROR_RESPONSE, "4XX": ERROR_RESPONSE}
    return APIRouter(
        prefix=prefix, tags=[tag], route_class=GuardedRoute, dependencies=[Depends(token)], responses=wrong
    )


def _check(role: Role | None) -> Callable[[], Any]:
    async def check() -> None:
        if role is not None:
            permission.require(role)

    return check


async def _check_query(request: Request) -> None:
    """Refuse a parameter that the route does not know, such as a misspelt filter: it would change nothing, silently. A
    route for strangers is asked by probes, which add what they like."""
    known = request.scope["route"].query
    for name in request.query_params:
        if name not in known:
            code = "query_unknown" if known else "query_unknown_here"
            raise InvalidError(Message(code, {"given": name[:40], "known": known}), name[:40])


def stated(routes: Iterable[BaseRoute], scope: Scope) -> tuple[Role | None, str]:
    """The role that a request needs, and the path of its route as it is declared.

    A route that states none, such as one of Streamlit's, needs a viewer to look and an analyst to change.
    """
    looks = scope["type"] == "websocket" or scope["method"] in SAFE_METHODS
    default = Role.viewer if looks or scope["path"].startswith(PAGE_UPLOADS) else Role.analyst
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Mount):
            role, path = stated(route.routes or [], {**scope, **child})
            return role, route.path + path
        endpoint = child.get("endpoint") or getattr(route, "endpoint", None)
        if match is Match.FULL and endpoint is not None and hasattr(endpoint, "needs"):
            return endpoint.needs, getattr(route, "path", "")
    return default, scope["path"]
