"""The RQ dashboard at /rq: read-only pages, JSON and CSV of what RQ holds, drawn from `reads` by templates/.

The pages are whole without scripts; static/dashboard.js only refreshes them and shows local times.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fastapi.encoders import jsonable_encoder
from redis import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rq_dashboard import reads
from jobs.engine.queue import QueueDownError
from jobs.language import sentence
from jobs.verbs import spreadsheet
from store import messages
from store.errors import NotFoundError

if TYPE_CHECKING:
    from starlette.templating import Jinja2Templates

Connect = Callable[[], Redis]

FOLDER = Path(__file__).parent
READ_ONLY = messages.Message("queue_view_read_only")
RETRY_SECONDS = "5"
PER_PAGE = (10, 25, 50, 100)
FILTERS = {"queue_name": "all", "state": "all", "sort_by": "created_at", "sort_dir": "desc", "per_page": "10"}
ROWS = {"queues": reads.QueueRow, "jobs": reads.JobRow, "workers": reads.WorkerRow}
COLUMNS = {what: [field.name for field in fields(row)] for what, row in ROWS.items()}
# What a link keeps of the address it stands on.
APPEARANCE = {"theme": ("light", "dark"), "refresh": ("off",)}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def dashboard(connect: Connect) -> ASGIApp:
    """The app to mount; it calls `connect` for each request, to get this process's connection."""
    # Plain functions: Starlette runs them in threads, so that waiting for Redis does not hold up the pages.
    app = Starlette(
        routes=[
            Route("/", _home),
            Route("/queues", _queues),
            Route("/jobs", _jobs),
            Route("/job/{job_id}", _job),
            Route("/workers", _workers),
            Route("/{what}/json", _json),
            Route("/export/{what}", _csv),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        middleware=[Middleware(_ReadOnly)],
        exception_handlers={NotFoundError: _not_found, RedisError: _queue_down, HTTPException: _refuse},
    )
    app.state.connect = connect
    return app


class _ReadOnly:
    """Refuses every method but GET, and sends the headers that browsers act on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache" if "/static/" in scope["path"] else "no-store")
            await send(message)

        answers = self._app
        if scope["type"] == "http" and scope["method"] != "GET":
            answers = JSONResponse({"detail": sentence(READ_ONLY), **READ_ONLY.as_json()}, 405, {"Allow": "GET"})
        await answers(scope, receive, send_with_headers)


def _home(request: Request) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}/queues?{request.url.query}".rstrip("?"), 302)


def _queues(request: Request) -> Response:
    return _page(request, "queues.html", queues=reads.queues(_connection(request)))


def _jobs(request: Request) -> Response:
    filters = _filters(request)
    jobs = _requested_jobs(request)
    queues = reads.queues(_connection(request))
    shown = [row.counts for row in queues if filters["queue_name"] in ("all", row.queue_name)]
    counts = {state: sum(each[state] for each in shown) for state in reads.STATES}
    return _page(request, "jobs.html", jobs=jobs, filters=filters, queues=queues, counts=counts, sizes=PER_PAGE)


def _job(request: Request) -> Response:
    job, details = reads.job(_connection(request), request.path_params["job_id"])
    return _page(request, "job.html", job=job, details=details)


def _workers(request: Request) -> Response:
    return _page(request, "workers.html", workers=reads.workers(_connection(request)))


def _json(request: Request) -> Response:
    if request.path_params["what"] == "jobs":
        return JSONResponse(jsonable_encoder(_requested_jobs(request)))
    return JSONResponse(jsonable_encoder(_rows(request)))


def _csv(request: Request) -> Response:
    rows = _rows(request)
    what: str = request.path_params["what"]
    body = spreadsheet.to_csv(COLUMNS[what], [[getattr(row, name) for name in COLUMNS[what]] for row in rows])
    return Response(body, headers={"Content-Disposition": f"attachment; filename={what}.csv"}, media_type="text/csv")


def _rows(request: Request) -> Sequence[reads.QueueRow | reads.JobRow | reads.WorkerRow]:
    """Every queue, every worker, or every job that the filters leave."""
    match request.path_params["what"]:
        case "queues":
            return reads.queues(_connection(request))
        case "jobs":
            return _requested_jobs(request, whole=True).data
        case "workers":
            return reads.workers(_connection(request))
    raise HTTPException(404)


def _filters(request: Request) -> dict[str, str]:
    """What the address says of the jobs to show."""
    return {name: request.query_params.get(name, default) for name, default in FILTERS.items()}


def _requested_jobs(request: Request, whole: bool = False) -> reads.JobPage:
    """The page of jobs that the address asks for."""
    filters = _filters(request)
    per_page = max(_number(request, "per_page", PER_PAGE[0]), 1)
    return reads.jobs(
        _connection(request),
        filters["queue_name"],
        filters["state"],
        filters["sort_by"],
        filters["sort_dir"] != "asc",
        page=_number(request, "page", 1),
        per_page=None if whole else per_page,
    )


def _number(request: Request, name: str, default: int) -> int:
    try:
        return int(request.query_params.get(name, default))
    except ValueError:
        raise HTTPException(422, f"{name} must be a whole number.") from None


def _connection(request: Request) -> Redis:
    connection: Redis = request.app.state.connect()
    return connection


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    return templates().TemplateResponse(request, template, values, status)


def _context(request: Request) -> dict[str, Any]:
    """What every template knows: how to link to a page, and to this page with other looks."""
    query = request.query_params
    looks = {name: query.get(name) if query.get(name) in known else None for name, known in APPEARANCE.items()}
    root = request.scope["root_path"]
    here = request.scope["path"].removeprefix(root)

    def link(path: str, **changes: Any) -> str:
        return _address(root + path, looks | changes)

    def again(path: str = here, **changes: Any) -> str:
        return _address(root + path, dict(query) | changes)

    return {"link": link, "again": again, "here": here, "looks": looks, "root": root}


def _address(path: str, query: dict[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value not in (None, FILTERS.get(name))}
    return quote(path) + (f"?{urlencode(given)}" if given else "")


def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotFoundError)
    return _sentence(request, 404, error.message)


def _queue_down(request: Request, _error: Exception) -> Response:
    """Answer that the queue is down, with a page that reloads itself."""
    answer = _sentence(request, 503, QueueDownError().message)
    answer.headers.update({"Refresh": RETRY_SECONDS, "Retry-After": RETRY_SECONDS})
    return answer


def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    missing = error.status_code == 404
    message = messages.Message("no_such_page") if missing else messages.Message("refused", {"text": str(error.detail)})
    return _sentence(request, error.status_code, message)


def _sentence(request: Request, status: int, message: messages.Message) -> Response:
    if request.url.path.endswith("/json"):
        return JSONResponse({"detail": sentence(message), **message.as_json()}, status)
    return _page(request, "sentence.html", status, sentence=sentence(message))


def _ago(at: datetime | None) -> str:
    """How long ago a time is."""
    if at is None:
        return "-"
    seconds = int((datetime.now(UTC) - (at if at.tzinfo else at.replace(tzinfo=UTC))).total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{max(seconds, 0)} s ago"


@cache
def templates() -> "Jinja2Templates":
    """The pages to fill in; Jinja is loaded by the first one that is looked at, as most apps never show one."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from starlette.templating import Jinja2Templates

    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ago"] = _ago
    return Jinja2Templates(env=environment, context_processors=[_context])
