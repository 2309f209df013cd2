"""A home as after years of work by a team: one real workflow many times over, with other names, times and scores."""

import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any

from store import datasets, db, schema, snapshot, steps
from store.messages import Message
from store.steps import Claim, Outcome, Step
from store.tables import metadata

PEOPLE = 25
DATASETS = 300
LONG, REACHED = 10_000, 9_800
YEARS_IN_SECONDS = 2 * 365 * 86400.0
NAMES = ("train_accuracy", "train_loss", "val_accuracy", "val_loss")
SPIKE = 0.97
# Quick rather than safe: a home that is only measured may be lost.
PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000", "temp_store=MEMORY")

# `k` counts the workflows; what depends on it looks as if it came by chance, and is the same each time.
AGES = """CREATE TEMP TABLE ages AS
  WITH RECURSIVE counted(k) AS (SELECT 2 UNION ALL SELECT k + 1 FROM counted WHERE k < :workflows)
  SELECT k, k * 7919 % 1000 / 1000.0 AS luck, CASE WHEN k % 97 = 0 THEN 'failed' WHEN k % 89 = 0 THEN 'cancelled'
    ELSE 'completed' END AS status, k % :datasets + 1 AS dataset,
    julianday('now') - :seconds * (:workflows - k + 1.0) * (:workflows - k + 1) / :workflows / :workflows / 86400 AS day
  FROM counted"""
DATASET_COPIES = """INSERT INTO datasets ({columns}) SELECT {values} FROM datasets AS old
  JOIN (SELECT k FROM ages WHERE k <= :datasets) ON old.id = 1"""
WORKFLOW_COPIES = "INSERT INTO workflows ({columns}) SELECT {values} FROM ages JOIN workflows AS old ON old.id = 1"
STEP_COPIES = "INSERT INTO steps ({columns}) SELECT {values} FROM ages CROSS JOIN steps AS old ON old.workflow_id = 1"
OTHER_COPIES = "INSERT INTO {table} ({columns}) SELECT {values} FROM ages CROSS JOIN {table} AS old {which}"


def time_after(seconds: str) -> str:
    """An expression for a time in the database's words, so long after a workflow was made."""
    return f"strftime('%Y-%m-%d %H:%M:%f000', day + ({seconds}) / 86400.0)"


STEP_ID = "(k - 1) * 4 + old.{}"
STATUS = """CASE WHEN ages.status = 'completed' OR position < 2 THEN 'completed' WHEN position = 2 THEN ages.status
  WHEN ages.status = 'failed' THEN 'skipped' ELSE 'cancelled' END"""
CHANGES: Mapping[str, Mapping[str, str]] = {
    "datasets": {
        "id": "k",
        "name": "'table ' || (k / 3)",
        "version": "k % 3 + 1",
        "sha256": "printf('%064x', k)",
        "created_at": "strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('-%d hours', k * 50))",
        "created_by": "'person' || (k % 25)",
    },
    "workflows": {
        "id": "k",
        "name": "printf('churn %05d', k * 7907 % 100003)",
        "note": "CASE WHEN k % 50 = 0 THEN 'a try' ELSE '' END",
        "status": "ages.status",
        "request": "NULL",
        "parent_id": "CASE WHEN k % 3 = 0 THEN k - 1 END",
        "created_at": time_after("0"),
        "created_by": "'person' || (k % 25)",
        "started_at": time_after("0.1"),
        "ended_at": time_after("1 + luck * 300"),
        "seen_at": f"CASE WHEN ages.status = 'failed' AND k % 2 = 0 THEN {time_after('400')} END",
    },
    "steps": {
        "id": STEP_ID.format("id"),
        "workflow_id": "k",
        "status": STATUS,
        "ready_at": time_after("0.1 + position"),
        "started_at": f"CASE WHEN ages.status = 'completed' OR position < 3 THEN {time_after('0.1 + position')} END",
        "heartbeat_at": time_after("0.9 + position"),
        "ended_at": time_after("1 + luck * 100 * position"),
        "fingerprint": "printf('%032x%032x', position, CASE WHEN position < 2 THEN dataset ELSE k END)",
        "reused_from": f"CASE WHEN k % 3 = 0 AND position < 2 AND k > 600 THEN {STEP_ID.format('id')} - 1200 END",
        "result": f"CASE WHEN {STATUS} = 'completed' THEN old.result END",
        "error": "CASE WHEN ages.status = 'failed' AND position = 2 THEN "
        """'{"code": "refused", "values": {"text": "The target has one value only."}}' END""",
    },
    "needs": {"step_id": STEP_ID.format("step_id"), "needs_id": STEP_ID.format("needs_id")},
    "artifacts": {"step_id": STEP_ID.format("step_id"), "sha256": "printf('%064x', k * 8 + length(old.name) % 8)"},
    "logs": {"id": "NULL", "step_id": STEP_ID.format("step_id"), "at": time_after("1")},
    "metrics": {"step_id": STEP_ID.format("step_id"), "value": "old.value * (0.9 + luck / 5)"},
    "scores": {"workflow_id": "k", "step_id": STEP_ID.format("step_id"), "value": "old.value * (0.9 + luck / 10)"},
    "attempts": {"step_id": STEP_ID.format("step_id")},
    "inputs": {"workflow_id": "k", "dataset_id": "dataset"},
    "facets": {
        "workflow_id": "k",
        "value": "CASE WHEN old.name = 'target' THEN old.value ELSE CASE k % 6 WHEN 0 THEN 'mlp' WHEN 1 THEN "
        "'linear_svm' WHEN 2 THEN 'hist_gradient_boosting_regressor' ELSE old.value END END",
    },
}
REGRESSIONS = """INSERT INTO scores (workflow_id, name, step_id, value) SELECT k, name, k * 4, luck * size FROM ages
  JOIN (SELECT 'r2' AS name, 1 AS size UNION SELECT 'rmse', 90 UNION SELECT 'mae', 60) WHERE k % 6 = 2"""
PERSONS = """INSERT INTO people (name, key, role, created_at) SELECT 'person' || k, 'person' || k,
  CASE k % 3 WHEN 0 THEN 'admin' WHEN 1 THEN 'analyst' ELSE 'viewer' END, datetime('now', '-1 year') FROM
  (SELECT k - 2 AS k FROM ages WHERE k < :people + 2)"""
DEEDS = f"""INSERT INTO deeds (at, who, via, what, about, address, code, "values")
  SELECT {time_after("number")}, 'person' || (k % 25), 'page', CASE number WHEN 0 THEN 'start' ELSE 'sign in' END,
    CASE number WHEN 0 THEN 'workflow ' || k ELSE '' END, '127.0.0.1',
    CASE number WHEN 0 THEN 'deed_start_workflow' ELSE 'deed_sign_in' END,
    CASE number WHEN 0 THEN json_object('workflow', k) ELSE '{{}}' END
  FROM ages CROSS JOIN (SELECT 0 AS number UNION SELECT 1)"""  # noqa: S608


COPIED = (
    "datasets",
    "workflows",
    "inputs",
    "facets",
    "steps",
    "needs",
    "artifacts",
    "attempts",
    "logs",
    "metrics",
    "scores",
)


@dataclass(frozen=True, slots=True)
class Filled:
    """The workflows that are looked at one by one."""

    ended: int
    long: int
    live: Claim


def fill(workflows: int, points: int, people: int = PEOPLE) -> Filled:
    """So many workflows and points of their curves, and two more with long curves: one has ended, one still runs."""
    from helpers import tables

    from jobs.verbs import datasets as verbs

    schema.prepare()
    sample = verbs.sample()
    tables.run(sample, "churned", "logistic_regression", epochs=points // workflows // len(NAMES))
    _multiply(
        {
            "workflows": workflows,
            "datasets": min(DATASETS, workflows - 1),
            "people": people,
            "seconds": YEARS_IN_SECONDS,
        }
    )
    long = _long(sample.id, LONG)
    results = {step.name: step.result or {} for step in steps.of_workflow(1)}
    steps.complete(long, "long", Outcome(results["train"]))
    judging = _step(long.step.workflow_id, "evaluate")
    judge = steps.claim(judging.id, judging.attempt, "filler")
    assert judge is not None
    steps.complete(judge, "long", Outcome(results["evaluate"]))
    return Filled(workflows, long.step.workflow_id, _long(sample.id, REACHED))


def curve(first: int, last: int) -> list[tuple[int, str, float]]:
    """A curve that rises and trembles, with a spike of one epoch that has to be seen."""
    chance = Random(first)
    found = []
    for epoch in range(first, last + 1):
        for name in NAMES:
            value = 0.6 + 0.3 * (1 - math.exp(-epoch / 2000)) + chance.gauss(0, 0.004)
            found.append((epoch, name, SPIKE + 0.03 if epoch == LONG // 2 + 7 and name == "val_accuracy" else value))
    return found


def _multiply(chosen: Mapping[str, Any]) -> None:
    db.close()  # the journal is only switched off while nobody else is there
    with closing(sqlite3.connect(snapshot.path(), isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        connection.execute(AGES, chosen)
        connection.execute(PERSONS, chosen)
        for name in COPIED:
            connection.execute(_copies(name), chosen)
        connection.execute(REGRESSIONS)
        connection.execute(DEEDS)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")


def _copies(name: str) -> str:
    """A statement that copies the rows of the first workflow to all others."""
    columns = [column.name for column in metadata.tables[name].columns]
    values = [CHANGES[name].get(column, f'old."{column}"') for column in columns]
    which = {"datasets": DATASET_COPIES, "workflows": WORKFLOW_COPIES, "steps": STEP_COPIES}.get(name, OTHER_COPIES)
    ended = "ON old.workflow_id = 1 AND ages.status = 'completed' AND k % 6 != 2"
    own = {
        "scores": ended,
        "inputs": "ON old.workflow_id = 1",
        "facets": "ON old.workflow_id = 1",
    }.get(name, "ON old.step_id <= 4")
    quoted = ", ".join(f'"{column}"' for column in columns)
    return which.format(table=name, columns=quoted, values=", ".join(values), which=own)


def _long(dataset_id: int, reached: int) -> Claim:
    """A workflow whose training has come a long way; whoever holds the claim can let it go on."""
    from helpers import tables

    from jobs.engine import runner

    written = tables.workflow(datasets.get(dataset_id), "churned", "logistic_regression", epochs=LONG)
    for name in ("upload", "preprocess"):
        runner.run_step(written[name].id, 1)
    claim = steps.claim(written["train"].id, 1, "filler")
    assert claim is not None
    steps.beat(
        claim, curve(1, reached), progress=(reached / LONG, Message("text", {"text": f"epoch {reached:,} of {LONG:,}"}))
    )
    return claim


def _step(workflow_id: int, name: str) -> Step:
    return next(step for step in steps.of_workflow(workflow_id) if step.name == name)
