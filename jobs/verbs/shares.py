"""Shares: how much of the queue one person can fill, so that others get their turn."""

from store import actors, workflows
from store.errors import TooManyError
from store.messages import Message

MOST_WAITING = 50
TRY_AGAIN_SECONDS = 30


def check_waiting() -> None:
    """Refuse one more workflow while this person has their share waiting; where sign-in is off there is no share."""
    actor = actors.current()
    if actor.person_id is not None and workflows.count_waiting(actor.name) >= MOST_WAITING:
        raise TooManyError(
            Message("too_many_waiting", {"count": MOST_WAITING}),
            TRY_AGAIN_SECONDS,
        )
