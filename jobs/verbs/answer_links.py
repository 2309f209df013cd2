"""Links by which somebody without an account can answer one question of a flow.

A link is signed by the key ring, for one attempt of one question; nobody is given a place in a database by it. It is
dead once the question is answered, or over. Whoever has it can answer, so it is made only for those who could
themselves.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from jobs.verbs import answering, passwords, questions
from jobs.verbs.permission import deed_code, require
from jobs.verbs.questions import Question
from store import audit, keys, steps, workflows
from store.actors import Actor, Role, acting
from store.errors import NotFoundError, RequestError
from store.messages import Message
from store.tables import StepRole, now

PAGE = "/answer"
WRONG = "open link: wrong"
# Wrong links from one address are recorded so often within `passwords.MEMORY`, then only slowly.
FREE_FOR_AN_ADDRESS = 20
_WRITTEN = re.compile(r"(\d{1,10})\.(\d{1,10})\.(\d{1,6})\.([0-9a-f]{16})\.([0-9a-f]{64})", re.ASCII)


class WrongLinkError(NotFoundError):
    """The link was not made here, or what it was made for is no longer there."""


class DeadLinkError(RequestError):
    """The link was right once: its question is answered, or over."""

    status = 410


def path_of(asked: Question) -> str:
    """The path, on this server, under which anybody can answer an open question."""
    require(Role.analyst)
    text = _text(asked)
    return f"{PAGE}/{text}.{keys.sign(text, keys.ANSWER)}"


def question(token: str, address: str) -> Question:
    """The open question that a link leads to.

    The signature is checked before anything is read, and before the brake: who has the right link is never slowed down
    by others at the same address, and who has not can try no faster than a signature can be guessed."""
    match = _WRITTEN.fullmatch(token)
    if match is None or not keys.is_signed(token.rpartition(".")[0], match[5], keys.ANSWER):
        _refuse(address)
    assert match is not None
    try:
        step = steps.get(int(match[2]))
    except NotFoundError:
        raise WrongLinkError(Message("link_wrong")) from None
    asked = questions.question_of(step)
    if step.role != StepRole.question or _text(asked).rpartition(".")[2] != match[4]:  # a backup was restored
        raise WrongLinkError(Message("link_wrong"))
    if not asked.is_open or step.attempt != int(match[3]):
        answered = asked.answered_at is not None and step.attempt == int(match[3])
        raise DeadLinkError(Message("link_answered" if answered else "link_over"))
    return asked


def answer(token: str, sent: Mapping[str, str], address: str) -> Question:
    """Answer the question of a link with the fields of a form, once."""
    asked = question(token, address)
    with acting(Actor("by link", Role.analyst, questions.BY_LINK, address)):
        return answering.answer(asked.workflow_id, _value(asked, sent), asked.step, asked.attempt)


def _value(asked: Question, sent: Mapping[str, str]) -> Any:
    """A field that was left empty says nothing."""
    given = {param.name: sent.get(param.name, "").strip() or None for param in asked.fields}
    return given[asked.fields[0].name] if asked.single else given


def _text(asked: Question) -> str:
    """What is signed: which attempt of which question, and a mark of what it is, since ids return with a backup."""
    made = workflows.get(asked.workflow_id).created_at.timestamp()
    mark = hashlib.sha256(f"{made} {asked.step} {asked.text}".encode(errors="replace")).hexdigest()[:16]
    return f"{asked.workflow_id}.{asked.step_id}.{asked.attempt}.{mark}"


def _refuse(address: str) -> None:
    """Record a wrong link; of many from one address, no more than the brake of passwords lets through."""
    lately = audit.failures(WRONG, now() - passwords.MEMORY, address=address)
    if (seconds := passwords.pause_after(lately, FREE_FOR_AN_ADDRESS)) > 0:
        raise passwords.TooManyTriesError(seconds)
    audit.add(Actor("", None, questions.BY_LINK, address), WRONG, "", Message(deed_code(WRONG.replace(":", ""))))
    raise WrongLinkError(Message("link_wrong"))
