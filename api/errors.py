"""How the API answers what a caller got wrong: a sentence, its code and values, and the status of the error's class."""

import errno
import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from jobs.language import sentence
from jobs.pipelines.errors import PipelineError
from store.errors import RequestError, TooManyError
from store.messages import Message, Values

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LONGEST = 480
# What pydantic calls a value of the wrong kind, and our code for it.
KINDS = {
    "int": "field_not_whole",
    "finite": "field_not_number",
    "float": "field_not_number",
    "bool": "field_not_bool",
    "string": "field_not_text",
    "dict": "field_not_object",
    "list": "field_not_list",
    "text": "field_broken_text",
    "model_attributes": "field_not_object",
}
LIMITS = {"ge": "field_too_small", "le": "field_too_big", "gt": "field_not_above", "lt": "field_not_below"}
# What a part of an address names, and our code for one that is no number.
PATHS = {
    "dataset_id": ("no_such_dataset", "dataset"),
    "workflow_id": ("no_such_workflow", "workflow"),
    "artifact_id": ("no_such_output", "output"),
    "token_id": ("no_such_token", "token"),
}


class Answer(JSONResponse):
    """A document as JSON; text that is not proper Unicode is escaped rather than refused."""

    def render(self, content: Any) -> bytes:
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return json.dumps(content, allow_nan=False).encode()


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of this app with a sentence."""
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(PipelineError, _miswritten)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(OSError, _no_room)
    app.add_exception_handler(Exception, _our_fault)


def refusal(status: int, message: Message, field: str | None = None, headers: Any = None) -> Response:
    """What is wrong: its sentence for people, its code and values for programs, the field that it is about."""
    document: dict[str, Any] = {"detail": _cut(sentence(message))}
    if field:
        document["field"] = field
    values = {name: _cut(value) if isinstance(value, str) else value for name, value in message.values.items()}
    return Answer(document | {"code": message.code, "values": values}, status, headers)


def _cut(text: str) -> str:
    """A text that may repeat what the caller sent, at a length that can be shown."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooManyError) else None
    return refusal(error.status, error.message, error.field, headers)


def _miswritten(_request: Request, error: Exception) -> Response:
    """A pipeline whose body does not go with what it is given."""
    assert isinstance(error, PipelineError)
    return refusal(422, error.message, "pipeline")


def _misread(_request: Request, error: Exception) -> Response:
    """The first thing that is wrong with a request, in our own words."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *path = first["loc"]
    if where == "path":
        code, thing = PATHS.get(str(path[0]), ("no_such_name", "given"))
        return refusal(404, Message(code, {thing: str(first["input"])[:40]}))
    if first["type"] == "json_invalid":
        return refusal(400, _json_fault(error.body, path[0], first))
    if not path:
        return refusal(422, _body_fault(first))
    field = ".".join(map(str, path))
    return refusal(422, _field_fault(field, first), field)


def _json_fault(body: Any, position: Any, first: dict[str, Any]) -> Message:
    text, at = str(body), int(position)
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    return Message("body_not_json", {"reason": str(first["ctx"]["error"]), "line": line, "column": column})


def _body_fault(first: dict[str, Any]) -> Message:
    """What is wrong with a body as a whole."""
    if first["type"] == "missing":
        return Message("body_missing")
    if first["type"].startswith(("model_attributes", "dict")):
        return Message("body_not_object")
    return Message("body_wrong", {"reason": str(first["msg"])})


def _field_fault(field: str, first: dict[str, Any]) -> Message:
    kind, limits = first["type"], first.get("ctx", {})
    if kind == "missing":
        return Message("field_missing", {"field": field})
    if kind == "extra_forbidden":
        return Message("field_unknown", {"field": field})
    if kind == "string_too_long":
        return Message("field_too_long", {"field": field, "most": limits["max_length"]})
    for name, code in LIMITS.items():
        if name in limits:
            return Message(code, {"field": field, "limit": limits[name]})
    for name, code in KINDS.items():
        if kind.startswith(f"{name}_"):
            return Message(code, {"field": field})
    return Message("field_wrong", {"field": field, "reason": str(first["msg"])})


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope.get("root_path", "") + request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    headers = error.headers
    if error.status_code == 405 and (allowed := _allowed(request)):
        headers = {**(headers or {}), "Allow": ", ".join(allowed)}
    return refusal(error.status_code, _http_fault(error, request.method, path[:100], headers), headers=headers)


def _allowed(request: Request) -> list[str]:
    """The methods that work on this path: each is a route of its own, and the first one knows only itself."""
    there = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in there for method in getattr(route, "methods", None) or ()} - {"HEAD"})


def _http_fault(error: HTTPException, method: str, path: str, headers: Mapping[str, str] | None) -> Message:
    if error.status_code == 404 and error.detail == "Not Found":
        return Message("no_such_address", {"path": path})
    if error.status_code == 405:
        allowed = (headers or {}).get("Allow", "")
        values: Values = {"method": method, "path": path, "allowed": allowed}
        return Message("wrong_method_use" if allowed else "wrong_method", values)
    if error.status_code == 400 and "parsing the body" in str(error.detail):
        return Message("body_unreadable")
    return Message("refused", {"text": str(error.detail)})


def _no_room(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in NO_ROOM:
        return refusal(507, Message("server_disk_full"))
    return _our_fault(request, error)


def _our_fault(_request: Request, _error: Exception) -> Response:
    return refusal(500, Message("server_fault"))
