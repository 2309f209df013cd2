"""The page to sign in: plain HTML, because a cookie that scripts cannot read is set by an answer, not by a script."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.wall import limits, plain_pages, single_sign_on
from api.wall.plain_pages import HEADERS
from api.wall.redirects import way_back
from api.wall.roles import needs
from api.wall.sign_in import SIGN_IN, SIGN_OUT
from jobs.language import sentence
from jobs.verbs import people
from jobs.verbs.passwords import TooManyTriesError
from store.errors import RequestError
from store.messages import Message
from store.program import COMMAND

LONGEST_FORM = 10_000


@needs(None)
async def login(request: Request) -> Response:
    """Shows the form, and takes it."""
    if request.method == "POST":
        return await _sign_in(request)
    if result := await single_sign_on.exchange(request):
        return await _finish_single_sign_on(request, *result)
    next_ = way_back(request.query_params.get("next") or _came_from(request))
    return await run_in_threadpool(_shown, request, next_)


async def _finish_single_sign_on(request: Request, email: str, cookie: str | None) -> Response:
    """Back from a provider of a single sign-on: sign in the person who has this address."""
    if cookie:
        answer: Response = RedirectResponse(
            way_back(request.cookies.get(single_sign_on.NEXT_COOKIE, "/")), 303, HEADERS
        )
        remember(answer, cookie, secure=request.url.scheme == "https")
    else:
        problem = sentence(Message("no_account_here", {"email": email}))
        answer = await run_in_threadpool(_page, "", "/", problem, 403)
    single_sign_on.forget(answer, request)
    return answer


@needs(None)
async def logout(request: Request) -> Response:
    """End the session; Streamlit's own `st.logout` leads here. Other sites cannot end a session."""
    answer = RedirectResponse("/login", 303, HEADERS)
    if request.headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        await run_in_threadpool(people.sign_out, request.cookies.get(people.cookie_name(), ""))
        answer.delete_cookie(people.cookie_name())
    return answer


def _shown(request: Request, next_: str) -> Response:
    if people.visitor(request.cookies.get(people.cookie_name())).role:
        return RedirectResponse(next_, 303, HEADERS)
    return _page("", next_)


async def _sign_in(request: Request) -> Response:
    try:
        body = await limits.short_body(request.receive, LONGEST_FORM)
    except limits.DisconnectedError:
        return Response(status_code=400)  # the client is gone, so no answer is read
    except limits.BodyError as error:
        return await run_in_threadpool(_page, "", "/", sentence(error.message), error.status, {"Connection": "close"})
    sent = dict(parse_qsl(body.decode(errors="replace")))
    name, next_ = sent.get("name", ""), way_back(sent.get("next", "/"))
    address = request.client.host if request.client else ""
    try:
        cookie = await limits.checking(people.sign_in, name, sent.get("password", ""), address)
    except TooManyTriesError as refused:
        return _page(name, next_, sentence(refused.message), 429, {"Retry-After": str(refused.seconds)})
    except RequestError as refused:
        return _page(name, next_, sentence(refused.message), 403)
    answer = RedirectResponse(next_, 303, HEADERS)
    remember(answer, cookie, secure=request.url.scheme == "https")
    return answer


def _came_from(request: Request) -> str:
    """The page of ours that was open when its session ended."""
    before = urlsplit(request.headers.get("referer", ""))
    ours = before.netloc == request.url.netloc and before.path not in ("", SIGN_IN, SIGN_OUT)
    return f"{before.path}?{before.query}".rstrip("?") if ours else "/"


def remember(answer: Response, cookie: str, secure: bool) -> None:
    """Give the browser its cookie; scripts cannot read it, and other sites cannot have it sent."""
    answer.set_cookie(
        people.cookie_name(),
        cookie,
        max_age=int(people.SESSION.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=secure,
    )


@dataclass(frozen=True, slots=True)
class Provider:
    """Another way to sign in: a provider of a single sign-on."""

    name: str
    href: str


def _provider(provider: str, next_: str) -> Provider:
    name = "single sign-on" if provider == "default" else provider
    return Provider(name, f"{single_sign_on.START}?{urlencode({'provider': provider, 'next': next_})}")


def _page(
    name: str, next_: str, problem: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return plain_pages.page(
        "login.html",
        status,
        headers,
        nobody_yet=not people.anybody_known(),
        command=COMMAND,
        next=next_,
        name=name[:200],
        problem=problem,
        providers=[_provider(provider, next_) for provider in single_sign_on.providers()],
    )
