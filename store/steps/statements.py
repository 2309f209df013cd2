"""The statements of transitions, each made once: making one takes SQLAlchemy longer than the database to answer it."""

from functools import lru_cache

from sqlalchemy import ColumnElement, Update, bindparam, exists, func, or_, select, update

from store.tables import OPEN, Need, Status, datasets, inputs, needs, steps, workflows

_above = steps.alias()


def unmet_needs() -> ColumnElement[bool]:
    return exists(
        select(1)
        .select_from(needs)
        .join(_above, _above.c.id == needs.c.needs_id)
        .where(
            needs.c.step_id == steps.c.id,
            _above.c.status != Status.completed,
            # Not with IN, whose values SQLAlchemy writes out anew each time: a step would take half a millisecond more.
            or_(needs.c.kind == Need.completed, *(_above.c.status == each for each in OPEN)),
        )
        .correlate(steps)
    )


@lru_cache
def held(columns: tuple[str, ...]) -> Update:
    """The update of these columns of a step under a claim, which answers whether it should end early."""
    return (
        update(steps)
        .where(
            steps.c.id == bindparam("this"),
            steps.c.claim_token == bindparam("token"),
            steps.c.status == Status.running,
        )
        .values({name: bindparam(f"new_{name}") for name in columns})
        .returning(steps.c.stop_early)
    )


TAKE = (
    update(steps)
    .where(
        steps.c.id == bindparam("this"),
        steps.c.attempt == bindparam("its_attempt"),
        steps.c.turn == bindparam("its_turn"),
        steps.c.status == Status.pending,
        ~unmet_needs(),
    )
    .values(
        status=Status.running,
        claim_token=bindparam("token"),
        worker=bindparam("by"),
        heartbeat_at=bindparam("at"),
        started_at=func.coalesce(steps.c.started_at, bindparam("at")),
        ended_at=None,
        progress=None,
        progress_message=None,
        held_by=None,
    )
    .returning(*steps.c)
)
RUNS = (
    update(workflows)
    .where(workflows.c.id == bindparam("this"), workflows.c.status != Status.running)
    .values(
        status=Status.running,
        ended_at=None,
        seen_at=None,
        started_at=func.coalesce(workflows.c.started_at, bindparam("at")),
    )
)
PIPELINE_AND_DATASETS = (
    select(
        workflows.c.pipeline,
        workflows.c.status.label("workflow_status"),
        workflows.c.code_id,
        workflows.c.module,
        workflows.c.options,
        inputs.c.name.label("input_name"),
        datasets,
    )
    .select_from(workflows.outerjoin(inputs).outerjoin(datasets))
    .where(workflows.c.id == bindparam("this"))
    .order_by(inputs.c.position, inputs.c.name)
)
READY_BELOW = (
    update(steps)
    .where(
        steps.c.id.in_(select(needs.c.step_id).where(needs.c.needs_id == bindparam("this"))),
        # The index on the status, which SQLite would take, leads to all that waits in all workflows.
        func.coalesce(steps.c.status, "") == Status.pending,
        ~unmet_needs(),
    )
    .values(ready_at=bindparam("at"))
    .returning(steps.c.id, steps.c.late)
)
HANDLED = (
    update(steps)
    .where(
        steps.c.workflow_id == bindparam("of"), steps.c.status.in_([Status.failed, Status.skipped, Status.cancelled])
    )
    .values(handled=True)
)
STATUSES = (
    select(
        steps.c.status,
        steps.c.role,
        func.min(steps.c.started_at).label("started_at"),
        workflows.c.status.label("before"),
    )
    .join(workflows, workflows.c.id == steps.c.workflow_id)
    .where(steps.c.workflow_id == bindparam("this"))
    .group_by(steps.c.status, steps.c.role, workflows.c.status)
)
