"""The verb that answers a question of a flow; what is only looked at is in `questions`, which loads no queue."""

from contextlib import suppress
from typing import Any

from jobs.engine import handover, queue
from jobs.verbs.permission import deed
from jobs.verbs.questions import BY_LINK, Question, question_of, read
from store import actors, steps
from store.errors import ConflictError
from store.messages import Message
from store.steps import turns


@deed("answer", "workflow")
def answer(workflow_id: int, value: Any, step: str | None = None, attempt: int | None = None) -> Question:
    """Answer what a flow asks, so that it goes on; `step` says which question, where there are several, and `attempt`
    which time that it was asked."""
    asked = turns.question(workflow_id, step)
    if attempt is not None and asked.attempt != attempt:
        raise ConflictError(Message("answered_before", {"step": asked.key}))
    given, actor = read(question_of(asked), value), actors.current()
    late = turns.answer(asked, given, None if actor.via == BY_LINK else actors.name(), actor.via)
    with suppress(queue.QueueDownError):  # the reconciler hands over when the queue is back
        handover.hand_over_late(steps.pending_of(late))
    return question_of(steps.get(asked.id))
