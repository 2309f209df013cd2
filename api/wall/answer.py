"""The page to which a signed link leads: one question of a flow, for somebody who has no account here.

It shows the question and nothing else of this server. Opening it changes nothing, since mail programs open links by
themselves; the form does.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from api.wall import limits, plain_pages
from api.wall.roles import needs
from jobs.language import numbers, sentence
from jobs.pipelines.params import Param
from jobs.verbs import answer_links
from jobs.verbs.answer_links import DeadLinkError, WrongLinkError
from jobs.verbs.passwords import TooManyTriesError
from jobs.verbs.questions import Question
from store.errors import ConflictError, RequestError
from store.messages import Message

ROUTE = f"{answer_links.PAGE}/{{token}}"
LONGEST_FORM = 200_000


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form."""

    name: str
    label: str
    kind: str
    type: str
    required: bool
    choices: tuple[str, ...]
    value: str


@needs(None)
async def answer(request: Request) -> Response:
    """Shows the question, and takes the answer."""
    token, address = request.path_params["token"], request.client.host if request.client else ""
    if request.method != "POST":
        return await limits.answering(_shown, token, address)
    try:
        body = await limits.short_body(request.receive, LONGEST_FORM)
    except limits.DisconnectedError:
        return Response(status_code=400)  # the client is gone, so no answer is read
    except limits.BodyError as error:
        return _page("Not answered", error.status, sentence(error.message), {"Connection": "close"})
    sent = dict(parse_qsl(body.decode(errors="replace")))
    return await limits.answering(_taken, token, sent, address)


def _shown(token: str, address: str) -> Response:
    try:
        return _form(answer_links.question(token, address), {})
    except RequestError as refused:
        return _refusal(refused)


def _taken(token: str, sent: dict[str, str], address: str) -> Response:
    try:
        asked = answer_links.question(token, address)
        try:
            answer_links.answer(token, sent, address)
        except ConflictError:
            raise DeadLinkError(Message("link_answered")) from None
        except DeadLinkError:
            raise
        except RequestError as wrong:
            return _form(asked, sent, sentence(wrong.message), wrong.status)
    except RequestError as refused:
        return _refusal(refused)
    return _page("Thank you", 200, "", None, "Your answer is taken, and the work goes on. You can close this page.")


def _refusal(refused: RequestError) -> Response:
    """What a link that cannot be used shows; of our own faults, such as a damaged key, a stranger learns nothing."""
    if isinstance(refused, TooManyTriesError):
        return _page("Please wait", 429, sentence(refused.message), {"Retry-After": str(refused.seconds)})
    if isinstance(refused, WrongLinkError | DeadLinkError):
        return _page("Nothing to answer", refused.status, sentence(refused.message))
    return _page("Not available", 503, sentence(Message("server_fault")))


def _form(asked: Question, sent: dict[str, str], problem: str = "", status: int = 200) -> Response:
    problem = problem or (sentence(asked.refused) if asked.refused else "")
    return plain_pages.page(
        "answer.html",
        status,
        title="Question",
        heading=asked.text,
        problem=problem,
        asked=True,
        until=f"{numbers.moment(asked.until)} UTC" if asked.until else "",
        yes_or_no=asked.single and asked.fields[0].kind == "bool",
        fields=[_field(param, sent.get(param.name)) for param in asked.fields],
    )


def _field(param: Param, sent: str | None) -> Field:
    choices = ("yes", "no") if param.kind == "bool" else param.choices
    value = _written(param.default) if sent is None else sent
    return Field(param.name, param.label, param.kind, param.type, param.required, choices, value)


def _written(value: Any) -> str:
    """A default as it stands in the form."""
    if value is None or isinstance(value, str):
        return value or ""
    return ("yes" if value else "no") if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _page(heading: str, status: int, problem: str, headers: dict[str, str] | None = None, words: str = "") -> Response:
    return plain_pages.page(
        "answer.html", status, headers, title=heading, heading=heading, problem=problem, words=words, asked=False
    )
