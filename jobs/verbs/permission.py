"""Before a verb: whether the current actor may do it. After it: a row in the audit trail."""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from numbers import Integral
from typing import Any, TypeVar

from store import actors, audit
from store.actors import Role
from store.errors import ForbiddenError
from store.messages import Message, Scalar

Verb = TypeVar("Verb", bound=Callable[..., Any])

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def deed(what: str, noun: str = "", role: Role = Role.analyst, named: bool = False) -> Callable[[Verb], Verb]:
    """Make a function a verb that needs a role and is recorded. What a verb calls in turn is part of it.

    A row says what was done to which `noun`, by number, or with `named` the first thing that the verb was given; of
    other arguments nothing is stored, as some are secrets.
    """
    code = deed_code(f"{what} {noun}")

    def make(function: Verb) -> Verb:
        first = next(iter(inspect.signature(function).parameters), "")

        @wraps(function)
        def verb(*args: Any, **kwargs: Any) -> Any:
            if _inside.get():
                return function(*args, **kwargs)
            actor = actors.current()
            if not actor.may(role):
                audit.add_refusal(actor, f"{what}: refused", "", Message(f"{code}_refused"))
                raise ForbiddenError(refusal(actor, role))
            before = _inside.set(True)
            try:
                result = function(*args, **kwargs)
            finally:
                _inside.reset(before)
            given = args[0] if args else kwargs.get(first, "")
            if named:
                audit.add(actor, what, str(given), Message(code, {"name": str(given)}))
            elif noun:
                subjects = _subjects(result, given)
                about = f"{noun} {', '.join(map(str, subjects))}".strip()
                audit.add(actor, what, about, Message(code, {noun.split()[-1]: subjects}))
            else:
                audit.add(actor, what, "", Message(code))
            return result

        verb.needs = role  # type: ignore[attr-defined]
        verb.code = code  # type: ignore[attr-defined]
        return verb  # type: ignore[return-value]

    return make


def require(role: Role) -> None:
    """Refuse the current actor unless their role covers this one."""
    if not (actor := actors.current()).may(role):
        raise ForbiddenError(refusal(actor, role))


def refusal(actor: actors.Actor, role: Role) -> Message:
    """Return why this actor may not do something."""
    if actor.role is None:
        return Message("sign_in_first")
    code = "role_too_low" if role is Role.analyst else "admins_only"
    return Message(code, {"name": actor.name, "role": str(actor.role)})


def deed_code(words: str) -> str:
    """Return the code of a deed: deed_start_workflow."""
    return "deed_" + "_".join(words.split())


def _subjects(result: object, first: object) -> list[Scalar]:
    """Return what was changed: the number of what the verb returned, or the numbers, else what it was given."""
    if isinstance(result, list) and all(isinstance(each, Integral) for each in result):
        return [int(each) for each in result]
    subject = getattr(result, "id", None)
    subject = subject if isinstance(subject, int) else first
    subjects = subject if isinstance(subject, list | tuple) else [subject]
    return [int(each) if isinstance(each, Integral) else str(each) for each in subjects]
