"""Bulk: one control for several workflows; what became of each is told, also where a later one is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.pipelines.params import short
from jobs.verbs import workflows as verbs
from store.errors import InvalidError, RequestError
from store.messages import Message

MOST = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one workflow: the workflow that it was started again as, or why it was refused."""

    workflow_id: int
    started: int | None = None
    refused: Message | None = None


def _delete(workflow_id: int) -> None:
    verbs.exists(workflow_id)
    verbs.remove([workflow_id])


ACTS: Mapping[str, Callable[[int], Any]] = {
    "cancel": verbs.cancel,
    "retry": verbs.retry,
    "restart": verbs.restart,
    "delete": _delete,
}


def do(act: str, workflow_ids: Sequence[int]) -> list[Outcome]:
    """Cancel, retry, restart or delete several workflows, one after the other."""
    if act not in ACTS:
        raise InvalidError(Message("no_such_control", {"given": short(act), "known": list(ACTS)}), "do")
    ids = list(dict.fromkeys(workflow_ids))
    if len(ids) > MOST:
        raise InvalidError(Message("too_many_at_once", {"count": len(ids), "most": MOST}), "ids")
    return [_one(act, workflow_id) for workflow_id in ids]


def _one(act: str, workflow_id: int) -> Outcome:
    try:
        made = ACTS[act](workflow_id)
    except RequestError as refused:
        return Outcome(workflow_id, refused=refused.message)
    return Outcome(workflow_id, made.id if act == "restart" else None)
