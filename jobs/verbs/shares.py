"""Shares: how much of the queue one person can fill, so that others get their turn."""

from store import actors, workflows
from store.actors import Role
from store.errors import TooManyError
from store.messages import Message

MOST_WAITING = 50
# Those of a viewer predict files, and each keeps its rows.
MOST_OF_A_VIEWER = 5
TRY_AGAIN_SECONDS = 30


def check_waiting() -> None:
    """Refuse one more workflow while this person has their share waiting; where sign-in is off there is no share."""
    actor = actors.current()
    most = MOST_WAITING if actor.may(Role.analyst) else MOST_OF_A_VIEWER
    if actor.person_id is not None and workflows.count_waiting(actor.name) >= most:
        raise TooManyError(Message("too_many_waiting", {"count": most}), TRY_AGAIN_SECONDS)
