"""Before a verb: whether whoever acts may do it. After it: a row that says who did it."""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from store import actors, audit
from store.actors import Role
from store.errors import NotAllowed

Verb = TypeVar("Verb", bound=Callable[..., Any])

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def deed(what: str, noun: str = "", role: Role = Role.analyst, named: bool = False) -> Callable[[Verb], Verb]:
    """Make a function a verb that needs a role and is recorded. What a verb calls in turn is part of it.

    A row says what was done to which `noun`, by number, or with `named` the first thing that the verb was given; of
    other arguments nothing is kept, as some are secrets.
    """

    def make(function: Verb) -> Verb:
        first = next(iter(inspect.signature(function).parameters), "")

        @wraps(function)
        def verb(*args: Any, **kwargs: Any) -> Any:
            if _inside.get():
                return function(*args, **kwargs)
            actor = actors.current()
            if not actor.may(role):
                audit.add_refusal(actor, f"{what}: refused")
                raise NotAllowed(refusal(actor, role))
            before = _inside.set(True)
            try:
                result = function(*args, **kwargs)
            finally:
                _inside.reset(before)
            given = args[0] if args else kwargs.get(first, "")
            audit.add(actor, what, str(given) if named else _about(noun, result, given) if noun else "")
            return result

        verb.needs = role  # type: ignore[attr-defined]
        return verb  # type: ignore[return-value]

    return make


def require(role: Role) -> None:
    """Refuse whoever acts now, unless their role covers this one."""
    if not (actor := actors.current()).may(role):
        raise NotAllowed(refusal(actor, role))


def refusal(actor: actors.Actor, role: Role) -> str:
    """Why somebody may not do something, in one sentence."""
    if actor.role is None:
        return "Sign in first."
    asks = "an admin for another role" if role is Role.analyst else "an admin"
    return f"{actor.name} is signed in as {actor.role}, who may not do this; ask {asks}."


def _about(noun: str, result: Any, first: Any) -> str:
    """What was changed: the number of what the verb returned, else what it was given."""
    subject = getattr(result, "id", None)
    subject = subject if isinstance(subject, int) else first
    subjects = subject if isinstance(subject, list | tuple) else [subject]
    return f"{noun} {', '.join(map(str, subjects))}".strip()
