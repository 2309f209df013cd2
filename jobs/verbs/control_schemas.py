"""Records of controls as plain JSON: plans, outcomes, attempts and limits. Apart from `schemas`, as these know how
workflows are started, which a command that only lists need not load."""

from dataclasses import asdict
from typing import cast

from jobs.language import sentence
from jobs.verbs.bulk import Outcome
from jobs.verbs.control_documents import AttemptOut, CellPlanOut, LimitOut, OutcomeOut
from jobs.verbs.plans import CellPlan
from jobs.verbs.schemas import plain, rounded
from store import attempts, steps, workflows
from store.limits import Limit


def cell_plan(cell: CellPlan) -> CellPlanOut:
    """What a control would do to a step."""
    return {"key": cell.key, "name": cell.step, "params": plain(cell.params), "reused_from": cell.reused_from}


def attempts_of(workflow_id: int) -> list[AttemptOut]:
    """Every attempt of a workflow's steps, in the order in which they began."""
    workflows.get(workflow_id)
    own = {row.id: row.key for row in steps.brief([workflow_id])[workflow_id]}
    made = [each for of_step in attempts.of_steps(list(own)).values() for each in of_step]
    return [
        {
            "key": own[each.step_id],
            "number": each.number,
            "worker": each.worker,
            "began_at": plain(each.began_at),
            "ended_at": plain(each.ended_at),
            "seconds": rounded((each.ended_at - each.began_at).total_seconds() if each.ended_at else None),
            "code": each.code,
            "text": sentence(each.ending) if each.ending and each.code != "completed" else None,
        }
        for each in sorted(made, key=lambda each: (each.began_at, each.step_id))
    ]


def limit(known: Limit) -> LimitOut:
    """The limit of a tag."""
    return cast(LimitOut, plain(asdict(known)))


def outcome(made: Outcome) -> OutcomeOut:
    """What became of one of several workflows."""
    refused = made.refused
    return {
        "workflow_id": made.workflow_id,
        "started": made.started,
        "error": sentence(refused) if refused else None,
        "error_code": refused.code if refused else None,
    }
