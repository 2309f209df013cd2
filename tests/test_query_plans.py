"""Every question to the database is answered through an index, whatever there is in it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from helpers import tables as real
from helpers.visitors import Visitor
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from api.app import create
from api.prometheus import measures
from jobs import chain
from jobs.engine import queue_view, reconcile, runner
from jobs.services import valkey as valkey_server
from jobs.verbs import datasets, people, predictions, sweeps
from jobs.verbs import workflows as verbs
from pages.parts.workflow_list import view
from store import db, metrics, steps, unnamed_files
from store.messages import Message
from store.tables import Status

BIG = re.compile(r"SCAN (workflows|steps|needs|metrics|logs|artifacts|scores|deeds)(_\d+)?\b")
BY_STATUS = re.compile(r"ix_\w+_status_\w+ \(status=\?\)")
# What a question says, and why it may read a whole table.
pytestmark = pytest.mark.sqlite

ALLOWED = {
    "LIKE '%'": "a text is looked for anywhere in names and notes",
    "julianday": "how long something took is worked out from two times",
    "LEFT OUTER JOIN scores": "workflows without the score come last, and are part of the list",
    "LEFT OUTER JOIN facets": "workflows without the facet come last, and are part of the list",
    "workflows.status IN (?, ?": "workflows of several statuses are put in order when they are found",
    "count(*) AS count_1 FROM workflows": "how many there are is counted, within an index",
    "FROM workflows GROUP BY workflows.status": "for /metrics all are counted, within an index",
    "FROM steps GROUP BY steps.status": "for /metrics all are counted, within an index",
    "count(*) AS count_1 FROM deeds": "how many there are is counted; nobody does that but an admin who looks at them",
}


@contextmanager
def listening() -> Iterator[dict[str, tuple]]:
    """Everything that is asked meanwhile, with what it was asked of last."""
    asked = {}

    def note(_connection, _cursor, statement, parameters, _context, many):
        if (
            statement.startswith(
                (
                    "SELECT",
                    "UPDATE",
                    "DELETE",
                    "WITH",
                    "INSERT INTO metrics (step_id, attempt, epoch, name, value) SELECT",
                )
            )
            and not many
        ):
            asked.setdefault((statement, Status.completed in parameters), parameters)

    event.listen(db.engine(), "before_cursor_execute", note)
    yield asked
    event.remove(db.engine(), "before_cursor_execute", note)


def plan(statement, parameters):
    with db.reading() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def reads_everything(statement, parameters):
    """Whether the answer takes a walk through a big table, or through all that has completed, which is most of it."""
    told = plan(statement, parameters)
    few = " LIMIT " in statement and not any("TEMP B-TREE" in line for line in told)  # ends with the last that is shown
    walks = any(BIG.search(line) or (BY_STATUS.search(line) and Status.completed in parameters) for line in told)
    return walks and not few and not any(said in " ".join(statement.split()) for said in ALLOWED)


def look_at_every_page(monkeypatch, workflow_id, dataset_id):
    somebody = Visitor(monkeypatch)
    somebody.sign_in("ayse")
    pages = {
        "new": [{}, {"dataset": dataset_id}],
        "datasets": [{}, {"id": dataset_id}],
        "queues": [{}],
        "workflow": [{}, {"id": workflow_id}],
        "sweep": [{}, {"id": 1}],
        "compare": [{"ids": f"{workflow_id},{workflow_id + 1}"}],
        "people": [{}, {"who": "ayse"}],
        "account": [{}],
    }
    pages["workflows"] = [
        {},
        {"status": "completed"},
        {"status": "failed"},
        {"status": "completed,failed"},
        {"algorithm": "mlp"},
        {"dataset": dataset_id},
        {"mine": 1},
        {"sweep": 1},
        {"unseen": 1},
        {"text": "churn"},
        *({"sort": order} for order in view.sorts()),
    ]
    for page, looks in pages.items():
        for asked in looks:
            somebody.opens(f"{page}.py", **asked)


def ask_the_api(workflow_id, dataset_id):
    served = Starlette(routes=[Mount("/api", create()), Route("/metrics", measures)])
    asking = TestClient(served, base_url="http://localhost")
    own = ("", "/metrics", "/logs", "/model")
    for path in (
        "/metrics",
        "/api/datasets",
        f"/api/datasets/{dataset_id}",
        "/api/workflows?status=completed",
        "/api/workflows?created_by=ayse",
        "/api/workflows?sort=accuracy",
        "/api/sweeps",
        "/api/sweeps/1",
        "/api/workflows?sweep_id=1",
        "/api/queues",
        "/api/deeds",
        *(f"/api/workflows/{workflow_id}{part}" for part in own),
    ):
        assert asking.get(path).status_code == 200, path


def work(dataset):
    """A workflow from its start to its end and beyond, with everything that can happen to it; returns its number."""
    first = real.run(dataset, "churned", "logistic_regression", epochs=3)
    number = first["train"].workflow_id
    again = verbs.restart(number)
    upload = steps.of_workflow(again.id)[0]
    runner.run_step(upload.id, 1)  # which reuses what the first one left
    train = steps.of_workflow(again.id)[1]
    claim = steps.claim(train.id, 1, "somebody")
    steps.beat(claim, [(1, "val_accuracy", 0.5)], progress=(0.5, Message("text", {"text": "half"})))
    assert steps.lose(steps.get(train.id), Message("worker_lost", {"text": "It was lost."}))
    claim = steps.claim(train.id, 2, "somebody")
    steps.adopt_curve(claim, 1)
    steps.fail(claim, Message("refused", {"text": "It went wrong."}), "", again=False)
    metrics.curves_of([claim.step.id], after=1)
    verbs.mark_seen()
    chain.run_workflow(again.id)
    reconcile.Reconciler().round()
    verbs.cancel(again.id)
    verbs.retry(again.id)
    verbs.cancel(again.id)
    verbs.compose(again.id, number)
    verbs.rerun_from(number, "train", {"epochs": 4})
    verbs.describe(number, note="looked at")
    queue_view.snapshot()
    unnamed_files.remove_all()
    chosen = ("tabular", {"target": "churned"}, {"data": dataset.id})
    verbs.cancel(verbs.start(*chosen, request="key:0a1b").id)
    try_all = sweeps.start(*chosen, {"algorithm": ["LR", "SVM"]}, request="key:0a1b")
    first = steps.waiting()[-1]
    runner.run_step(first.id, 1)
    sweeps.go_on()
    sweeps.stop(try_all.id)
    return number


@pytest.fixture
def queue(home):
    """A queue for which nobody works."""
    valkey = valkey_server.start()
    assert valkey_server.comes_up(valkey)
    yield
    valkey.terminate()
    valkey.wait(10)


def test_no_question_reads_a_whole_table(queue, monkeypatch):
    """Pages, API, verbs, claims and the reconciler find what they ask for through an index; the exceptions are named.

    A table of which nothing is known yet is planned for as it is here, and so is one that has grown since."""
    people.add("ayse", "admin", None)
    with listening() as asked:
        dataset = datasets.sample()
        number = work(dataset)
        look_at_every_page(monkeypatch, number, dataset.id)
        monkeypatch.setattr("api.wall.sign_in.people.must_sign_in", lambda: False)
        ask_the_api(number, dataset.id)
        verbs.remove([number])
    walks = [
        f"{statement}\n  {parameters}\n  {plan(statement, parameters)}"
        for (statement, _), parameters in asked.items()
        if reads_everything(statement, parameters)
    ]
    assert len(asked) > 100
    assert not walks, "\n\n".join(walks)


def test_the_jobs_of_a_model_are_found_by_an_index(home):
    """The tab Predict asks for them every two seconds; where there are few, a walk would not end early."""
    with listening() as asked:
        assert predictions.jobs_of(1) == []
    ((statement, _), parameters), *_ = asked.items()
    assert "ix_workflows_parent_id_origin" in " ".join(plan(statement, parameters))


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("SELECT * FROM steps WHERE error = ?", ("x",)),
        ("SELECT * FROM metrics WHERE name = ? ORDER BY value LIMIT 5", ("x",)),
        ("SELECT * FROM steps WHERE status = ? AND worker = ?", ("completed", "x")),
        ("SELECT * FROM workflows WHERE request = ? OR request LIKE ? || '%'", ("k", "k:")),
    ],
)
def test_a_walk_is_noticed(home, statement, parameters):
    """What no index helps with would be found out."""
    assert reads_everything(statement, parameters)
