"""Files that are dropped on pages: large ones go to disk as they arrive, as over HTTP.

Streamlit reads a file that is dropped on a page into memory, and refuses those above `server.maxUploadSize`. Such a
file is received here; what Streamlit gets in its place is a ticket of a few bytes, by which the page takes the file.
"""

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import refusal
from api.routes.uploads import announced_size, received
from api.wall.roles import PAGE_UPLOADS
from jobs.verbs import arrivals
from jobs.verbs.permission import require
from store.actors import Role
from store.errors import ForbiddenError, RequestError

_BOUNDARY = "trainyard-ticket"


class LargeUploads:
    """Receives files for pages that are larger than what Streamlit takes; lets everything else pass."""

    def __init__(self, app: ASGIApp, largest: Callable[[], int]) -> None:
        """`largest` returns up to how many bytes Streamlit takes a file."""
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _upload_size(scope) <= self._largest():
            await self._app(scope, receive, send)
            return
        try:
            require(Role.analyst)
            size = _upload_size(scope)
            ticket, name = await received(
                Request(scope, receive), None, lambda chunks, name: (arrivals.receive(chunks, size), name)
            )
        except ForbiddenError as refused:
            await refusal(403, refused.message)(scope, receive, send)
        except RequestError as refused:
            await refusal(422, refused.message, refused.field)(scope, receive, send)
        else:
            await self._hand_on(ticket, name, scope, send)

    async def _hand_on(self, ticket: bytes, name: str, scope: Scope, send: Send) -> None:
        """Give Streamlit the ticket as the file; it still checks the session and the sender."""
        body = _form(ticket, name)
        headers = MutableHeaders(scope=dict(scope))
        headers["content-type"] = f"multipart/form-data; boundary={_BOUNDARY}"
        headers["content-length"] = str(len(body))

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                arrivals.drop(ticket)
            await send(message)

        await self._app({**scope, "headers": headers.raw}, replay, watched)


def _upload_size(scope: Scope) -> int:
    """Return how many bytes a page's file has, with the form around it; 0 where a request is no such file."""
    if scope["method"] != "PUT" or not scope["path"].startswith(PAGE_UPLOADS):
        return 0
    headers = Headers(scope=scope)
    is_form = headers.get("content-type", "").startswith("multipart/form-data")
    return (announced_size(headers) or 0) if is_form else 0


def _form(ticket: bytes, name: str) -> bytes:
    safe = name.replace("\\", "_").replace('"', "%22").replace("\r", " ").replace("\n", " ")
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{safe}"\r\n\r\n'
    return head.encode("utf-8", "replace") + ticket + f"\r\n--{_BOUNDARY}--\r\n".encode()
