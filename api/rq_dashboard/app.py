"""The RQ dashboard: the package rq-dashboard-fast 0.9.2, made safe to show. It looks; it changes nothing.

Each repair below says which fault of the package it is for, and can go when the package no longer has it.
What the pages show is read by `api.rq_dashboard.reads`.
"""

import asyncio
import inspect
import re
import secrets
from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

import rq_dashboard_fast
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from jinja2 import FunctionLoader
from rq_dashboard_fast import RedisQueueDashboard
from rq_dashboard_fast import rq_dashboard_fast as package
from rq_dashboard_fast.utils.auth import TokenPermissions
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rq_dashboard import reads
from jobs.engine.queues import QueueDown
from store.errors import NotFound

Endpoint = Callable[..., Any]

VIEWER = TokenPermissions(authenticated=True, queues=["*"], access="read", allow_schedulers=False)
# Not served: sign-in belongs to the app, and we have no RQ cron, so its page would say that nothing is scheduled.
LEFT_OUT = ("/", "/login", "/schedulers", "/schedulers/json")
READ_ONLY = "This view only shows the queue. Stop, retry and pause on the Queues page."
AGAIN_SECONDS = "5"

TEMPLATES = Path(rq_dashboard_fast.__file__).parent / "templates"
REFUSAL = """{% extends "base.html" %}{% block content %}
<p class="max-w-[90%] mx-auto mt-6 px-4">{{ sentence }}</p>
{% endblock %}"""
STYLE = """<style>
      .btn-skeleton { display: none }
      .highlight span { color: inherit; border: none }
    </style>"""
HANDLERS = ("setSort('name')", "setSort('created_at')")
REPAIRS = [
    # Inline scripts without a nonce forbid a content security policy worth the name.
    (r"<script\b", '<script nonce="{{ nonce }}"'),
    (r'href="javascript:history\.back\(\)"', 'href="{{ prefix }}/jobs"'),
    # It asks the server for the scheme, which is wrong behind a proxy that speaks https.
    (r"""["']\{\{ protocol \}\}["']""", "location.protocol.slice(0, -1)"),
    # It cannot be told the theme of the page around it: /rq/?theme=dark.
    (
        r"(?=var stored = localStorage\.getItem\('theme'\))",
        "var told = new URLSearchParams(location.search).get('theme');\n"
        "        if (told === 'dark' || told === 'light') localStorage.setItem('theme', told);\n        ",
    ),
    # It shows dead buttons to those who may only look, and colours tracebacks for light pages only.
    (r"(?=</head>)", STYLE),
    # Its link to the outside opens inside our frame, where other sites refuse to be shown.
    (r'<a (?=href="https://)', '<a target="_blank" rel="noopener" '),
]


def dashboard(connect: reads.Connect) -> ASGIApp:
    """The app to mount; `connect` is called for each answer and gives this process's connection."""
    # The package passes its address on to these functions, found by name in its module; ours take `connect` there.
    for name in ("get_job_registry_amount", "get_jobs", "get_job", "get_workers"):
        setattr(package, name, _answering(getattr(reads, name)))
    return _Dashboard(connect)


class _Dashboard(RedisQueueDashboard):
    """The package's app without the routes that change something, and with our guard in place of its own."""

    def __init__(self, connect: reads.Connect) -> None:
        # FastAPI's /docs load their scripts from the internet.
        super().__init__(redis_url=connect, prefix="", docs_url=None, redoc_url=None, openapi_url=None)
        self.templates.env.loader = FunctionLoader(_template)
        self.templates.context_processors.append(_context)
        self.add_api_route("/", _home, include_in_schema=False)
        self.add_exception_handler(AnyHTTPException, self._refuse)
        self.add_exception_handler(RequestValidationError, self._misread)
        self.add_middleware(_Guard)

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Its pages wait for Redis inside `async def`, which would hold up every session of the app: use threads."""
        if path in LEFT_OUT:
            return _unchanged
        register = super().get(path, **options)
        return lambda endpoint: register(_in_thread(endpoint))

    def post(self, *_args: Any, **_options: Any) -> Callable[[Endpoint], Endpoint]:
        """Not registered: requeue and clean-up reach jobs with pickle, and behind the database's back."""
        return _unchanged

    def delete(self, *_args: Any, **_options: Any) -> Callable[[Endpoint], Endpoint]:
        """Not registered, as above."""
        return _unchanged

    def middleware(self, *_args: Any) -> Callable[[Endpoint], Endpoint]:
        """Not registered: without tokens it makes everybody an administrator."""
        return _unchanged

    async def _misread(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        *_, name = error.errors()[0]["loc"]
        return await self._refuse(request, AnyHTTPException(422, f"{name} must be a whole number."))

    async def _refuse(self, request: Request, error: Exception) -> Response:
        """Pages answer with one sentence on a page, JSON with one sentence in `detail`."""
        assert isinstance(error, AnyHTTPException)
        # A page that found the queue down looks again by itself.
        headers = {"Refresh": AGAIN_SECONDS, "Retry-After": AGAIN_SECONDS} if error.status_code == 503 else None
        if request.url.path.endswith("/json"):
            return JSONResponse({"detail": error.detail}, error.status_code, headers)
        context = {"sentence": error.detail}
        return self.templates.TemplateResponse(request, "refusal.html", context, error.status_code, headers)


class _Guard:
    """Refuses what is not looking, and sends the headers the package does not send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        nonce = secrets.token_urlsafe(16)
        scope["state"] = {**scope.get("state", {}), "permissions": VIEWER, "nonce": nonce}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_headers(nonce, static="/static/" in scope["path"]))
            await send(message)

        if scope["method"] != "GET":
            return await JSONResponse({"detail": READ_ONLY}, 405, {"Allow": "GET"})(scope, receive, send_guarded)
        return await self.app(scope, receive, send_guarded)


def _headers(nonce: str, static: bool) -> dict[str, str]:
    handlers = " ".join(f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'" for code in HANDLERS)
    policy = [
        "default-src 'none'",
        f"script-src 'nonce-{nonce}' 'unsafe-hashes' {handlers}",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    ]
    headers = {
        "Content-Security-Policy": "; ".join(policy),
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    return headers if static else headers | {"Cache-Control": "no-store"}


def _home(request: Request) -> Response:
    """The queues; keeps what follows the question mark, which the package's own does not."""
    return RedirectResponse(f"{request.scope['root_path']}/queues?{request.url.query}".rstrip("?"), 302)


def _context(request: Request) -> dict[str, Any]:
    """Known to every template; wins over what the package says."""
    root = request.scope["root_path"]
    return {
        "nonce": request.state.nonce,
        "prefix": root,
        "baseurl": root,  # workers.html uses it, the package never sets it
        "access": VIEWER.access,
        "allow_schedulers": VIEWER.allow_schedulers,
        "custom_title": "RQ dashboard",
        "rq_dashboard_version": request.app.rq_dashboard_version,
    }


def _template(name: str) -> str | None:
    """The package's template, repaired."""
    path = TEMPLATES / name
    source = REFUSAL if name == "refusal.html" else path.read_text(encoding="utf-8") if path.is_file() else None
    if source:
        for fault, repair in REPAIRS:
            source = re.sub(fault, repair.replace("\\", r"\\"), source)
    return source


def _answering(read: Endpoint) -> Endpoint:
    """Turns our two expected failures into the answers the package lets through."""

    @wraps(read)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return read(*args, **kwargs)
        except NotFound as missing:
            raise HTTPException(404, missing.sentence) from None
        except QueueDown as down:
            raise HTTPException(503, down.sentence) from None

    return call


def _in_thread(endpoint: Endpoint) -> Endpoint:
    """A plain function, which FastAPI runs in a thread."""
    if not inspect.iscoroutinefunction(endpoint):
        return endpoint

    def run(**values: Any) -> Any:
        return asyncio.run(endpoint(**values))

    run.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    return run


def _unchanged(endpoint: Endpoint) -> Endpoint:
    return endpoint
