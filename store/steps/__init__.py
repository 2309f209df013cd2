"""Steps: one stage of one workflow.

`records` are the rows of a step, `writing` writes them, `transitions` are the only writers of its status, with `turns`
for flows, `reads` answer questions, and `history` adds up the queue's last hour. Not here: what a step does (`jobs`),
and numbers and lines it leaves (`metrics`, `logs`).
"""

from store.steps.history import Load, Minute, count_by_status, history, load, recent
from store.steps.reads import (
    BACK_OFF_SECONDS,
    ahead_of,
    artifacts_of,
    brief,
    failures,
    find_equal,
    get,
    model_of,
    model_sizes,
    needs_of,
    numbers_left,
    numbers_measured,
    of_workflow,
    pending_of,
    places,
    running,
    waiting,
    workflows_of,
)
from store.steps.records import Claim, Fenced, LogLine, NewStep, Outcome, Point, Step, Upstream
from store.steps.reviving import revived
from store.steps.transitions import (
    adopt_curve,
    beat,
    cancel,
    claim,
    complete,
    fail,
    lose,
    revive,
    stop_early,
)
from store.steps.writing import insert_all, release

__all__ = [
    "BACK_OFF_SECONDS",
    "Claim",
    "Fenced",
    "Load",
    "LogLine",
    "Minute",
    "NewStep",
    "Outcome",
    "Point",
    "Step",
    "Upstream",
    "adopt_curve",
    "ahead_of",
    "artifacts_of",
    "beat",
    "brief",
    "cancel",
    "claim",
    "complete",
    "count_by_status",
    "fail",
    "failures",
    "find_equal",
    "get",
    "history",
    "insert_all",
    "load",
    "lose",
    "model_of",
    "model_sizes",
    "needs_of",
    "numbers_left",
    "numbers_measured",
    "of_workflow",
    "pending_of",
    "places",
    "recent",
    "release",
    "revive",
    "revived",
    "running",
    "stop_early",
    "waiting",
    "workflows_of",
]
