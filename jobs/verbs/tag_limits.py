"""Tag limits: the verbs that say how many steps with a tag may run at the same time."""

from contextlib import suppress

from jobs.engine import limits as held
from jobs.engine import queue
from jobs.pipelines.params import short
from jobs.verbs.controls import checked_tags
from jobs.verbs.permission import deed
from store import limits
from store.errors import InvalidError, NotFoundError
from store.limits import Limit
from store.messages import Message

MOST = 100_000


@deed("set limit of", named=True)
def put(tag: str, most: int) -> list[Limit]:
    """Let at most so many steps with a tag run at the same time; 0 lets none begin."""
    (tag,) = checked_tags([tag])
    if not 0 <= most <= MOST:
        raise InvalidError(Message("limit_malformed", {"given": str(most), "most": MOST}), "most")
    limits.put(tag, most)
    _let_in()
    return limits.listed()


@deed("remove limit of", named=True)
def remove(tag: str) -> list[Limit]:
    """Let as many steps with a tag run as there are workers."""
    if not limits.remove(tag):
        raise NotFoundError(Message("no_such_limit", {"given": short(tag)}), "tag")
    _let_in()
    return limits.listed()


def _let_in() -> None:
    with suppress(queue.QueueDownError):  # the reconciler does it when the queue is back
        held.let_in()
