"""Single sign-on: Streamlit's own OpenID Connect, used when `[auth]` is in its secrets file.

Streamlit talks to the provider and sets a signed cookie that says who came back. That cookie is exchanged at once for
a session of ours, which has a role, can be ended, and is recorded like any other.
"""

import json
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from streamlit import auth_util
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.starlette import starlette_auth_routes as streamlits
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from api.wall.redirects import way_back
from api.wall.roles import needs
from jobs.verbs import people
from store.errors import RequestError
from store.messages import Message
from store.program import INSTALL

START = "/login/with"
NEXT_COOKIE = "trainyard-next"
NEXT_SECONDS = 600


def providers() -> list[str]:
    """The names of the configured providers; the one without a name is called default."""
    section = auth_util.get_secrets_auth_section()
    named = [name for name in section if isinstance(section[name], Mapping) and "client_id" in section[name]]
    return (["default"] if section.get("client_id") else []) + named


def check() -> None:
    """Refuse, in one sentence, a configuration that cannot work."""
    section = auth_util.get_secrets_auth_section()
    if not section:
        return
    try:
        for provider in providers() or ["default"]:
            auth_util.validate_auth_credentials(provider)
    except StreamlitAuthError as wrong:
        raise RequestError(Message("refused", {"text": " ".join(str(wrong).split())})) from None
    if not auth_util.is_authlib_installed():
        raise RequestError(Message("authlib_missing", {"command": INSTALL}))


@needs(None)
async def start(request: Request) -> Response:
    """Send the browser to a provider, and remember where it wanted to go."""
    provider = request.query_params.get("provider", "")
    if provider not in providers():
        return RedirectResponse("/login", 303)
    answer = RedirectResponse(f"/auth/login?provider={auth_util.encode_provider_token(provider)}", 303)
    answer.set_cookie(
        NEXT_COOKIE, way_back(request.query_params.get("next", "/")), NEXT_SECONDS, httponly=True, samesite="lax"
    )
    return answer


def verified_identity(request: Request) -> tuple[str, str] | None:
    """Which mail address came back from which provider, as Streamlit's signed cookie says."""
    if not providers():
        return None
    cookie = streamlits._get_cookie_value_from_request(request, USER_COOKIE_NAME)
    try:
        claims = json.loads(cookie or b"{}")
    except ValueError:
        return None
    email, verified = claims.get("email"), claims.get("email_verified", True)
    return (str(email), str(claims.get("provider", ""))) if email and verified is True else None


async def exchange(request: Request) -> tuple[str, str | None] | None:
    """For a browser that comes back from a provider: the mail address, and its new cookie if we know the person."""
    if (who := verified_identity(request)) is None:
        return None
    email, provider = who
    address = request.client.host if request.client else ""
    return email, await run_in_threadpool(people.sign_in_as, email, address, f"with {provider}")


def forget(answer: Response, request: Request) -> None:
    """Take Streamlit's cookie back: the session of ours counts alone, so that ending it ends everything."""
    streamlits._clear_auth_cookie(answer, request)
    answer.delete_cookie(NEXT_COOKIE)
