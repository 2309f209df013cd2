"""Sweeps as plain JSON: the same words for the command line and for the API."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from jobs.language import sentence
from jobs.verbs import leaderboard, schemas
from jobs.verbs.documents import SweepOut, TrialOut
from jobs.verbs.leaderboard import Leaderboard, Row
from jobs.verbs.schemas import plain
from store.sweeps import Sweep


def sweep(sweep_id: int) -> SweepOut:
    """One sweep, with its leaderboard."""
    return _sweep(leaderboard.of(sweep_id))


def sweep_list(several: Sequence[Sweep]) -> list[SweepOut]:
    """Several sweeps, each with its leaderboard."""
    return [_sweep(each) for each in leaderboard.of_sweeps(several)]


def _sweep(board: Leaderboard) -> SweepOut:
    record, measure, best = board.sweep, board.measure, board.best
    return {
        "id": record.id,
        "name": record.name,
        "status": str(board.status),
        "pipeline": record.pipeline,
        "method": record.method,
        "params": plain(record.params),
        "inputs": record.inputs,
        "budget": {"trials": record.most_trials, "minutes": record.most_minutes},
        "trials": len(record.trials),
        "started": record.started,
        "measure": schemas.measure(replace(measure, label=measure.shown)) if measure else None,
        "best": best.workflow.id if best and best.workflow else None,
        "stopped": sentence(record.stopped) if record.stopped else None,
        "stopped_code": record.stopped.code if record.stopped else None,
        "created_at": plain(record.created_at),
        "created_by": record.created_by,
        "ended_at": plain(record.ended_at),
        "seconds": round(record.seconds, 3),
        "leaderboard": [_trial(row) for row in board.rows],
    }


def _trial(row: Row) -> TrialOut:
    known = {
        "trial": row.trial,
        "workflow_id": row.workflow.id if row.workflow else None,
        "name": row.workflow.name if row.workflow else None,
        "values": plain(row.values),
        "params": plain(row.params),
        "status": str(row.status),
        "score": plain(row.score),
        "spread": plain(row.spread),
        "test_score": plain(row.test_score),
        "equal": row.equal,
        "seconds": None if row.seconds is None else round(row.seconds, 3),
        "model_size": row.model_size,
        "row_microseconds": plain(row.row_microseconds),
        "error": sentence(row.error) if row.error else None,
        "error_code": row.error.code if row.error else None,
    }
    beside = row.workflow.facets if row.workflow else {name: str(value) for name, value in row.values.items()}
    return cast(TrialOut, known | {name: value for name, value in beside.items() if name not in known})
