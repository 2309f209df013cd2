"""How the API answers what a caller got wrong: one plain sentence, with the status of the error's class."""

import errno
import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from store.errors import RequestError, TooManyError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LONGEST = 480
KINDS = {
    "int": "a whole number",
    "finite": "a number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "dict": "an object with names and values",
    "list": "a list",
    "text": "text without half or zero characters",
    "model_attributes": "a JSON object, sent with the header Content-Type: application/json",
}


class Answer(JSONResponse):
    """A document as JSON; text that is not proper Unicode is escaped rather than refused."""

    def render(self, content: Any) -> bytes:
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return json.dumps(content, allow_nan=False).encode()


def refuse_plainly(app: FastAPI) -> None:
    """Have every refusal of this app answered with a sentence."""
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(OSError, _no_room)
    app.add_exception_handler(Exception, _our_fault)


def refusal(status: int, sentence: str, field: str | None = None, headers: Any = None) -> Response:
    if len(sentence) > LONGEST:  # it repeats what the caller sent
        sentence = f"{sentence[:LONGEST]}..."
    return Answer({"detail": sentence} | ({"field": field} if field else {}), status, headers)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooManyError) else None
    return refusal(error.status, error.sentence, error.field, headers)


def _misread(_request: Request, error: Exception) -> Response:
    """The first thing that is wrong with a request, in our own words."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *path = first["loc"]
    if where == "path":
        return refusal(404, f"There is no {str(path[0]).removesuffix('_id')} {str(first['input'])[:40]!r}.")
    if first["type"] == "json_invalid":
        return refusal(400, f"The body is not JSON: {_json_fault(error.body, path[0], first)}.")
    field = ".".join(map(str, path)) or "The body"
    return refusal(422, f"{field} {_fault(first)}.", field if path else None)


def _json_fault(body: Any, position: Any, first: dict[str, Any]) -> str:
    text, at = str(body), int(position)
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    return f"{first['ctx']['error']} at line {line}, column {column}"


def _fault(first: dict[str, Any]) -> str:
    """What is wrong with a field, as the end of a sentence that begins with its name."""
    kind, limits = first["type"], first.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a known field"
    if kind == "string_too_long":
        return f"must have at most {limits['max_length']} characters"
    for name, words in (("ge", "at least"), ("le", "at most"), ("gt", "more than"), ("lt", "less than")):
        if name in limits:
            return f"must be {words} {limits[name]}"
    for name, words in KINDS.items():
        if kind.startswith(f"{name}_"):
            return f"must be {words}"
    return f"is wrong: {first['msg']}"


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope.get("root_path", "") + request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    sentence = str(error.detail)
    if error.status_code == 404 and sentence == "Not Found":
        sentence = f"There is nothing at {path[:100]}; /api/docs lists what there is."
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        sentence = f"{request.method} does not work on {path[:100]}" + (f"; use {allowed}." if allowed else ".")
    elif error.status_code == 400 and "parsing the body" in sentence:
        sentence = "The body cannot be read as JSON."
    return refusal(error.status_code, sentence, headers=error.headers)


def _no_room(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in NO_ROOM:
        return refusal(507, "The disk of the server is full; nothing was kept. Make room, then try again.")
    return _our_fault(request, error)


def _our_fault(_request: Request, _error: Exception) -> Response:
    return refusal(500, "Something went wrong on our side; see the server log.")
