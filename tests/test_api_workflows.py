"""Workflows over HTTP: start, look, act."""

import contextlib
import io
import time

import joblib
import pandas as pd
import pytest
from helpers import cast
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.engine import runner
from jobs.verbs import datasets as verbs
from jobs.verbs.datasets import SAMPLE
from store import steps, workflows
from store.tables import Status

STEPS = ["upload", "preprocess", "train", "evaluate"]
WORKFLOW = {
    "id",
    "name",
    "status",
    "dataset_id",
    "target",
    "algorithm",
    "params",
    "parent_id",
    "created_at",
    "started_at",
    "ended_at",
    "steps",
    "scores",
}
STEP = {
    "name",
    "status",
    "attempt",
    "job_id",
    "started_at",
    "ended_at",
    "seconds",
    "reused_from",
    "params",
    "result",
    "error",
}


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create())])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def sample(home):
    return verbs.sample().id


def do(workflow_id):
    """Be the worker: run every step, here and now."""
    for step in steps.of_workflow(workflow_id):
        with contextlib.suppress(runner.StepFailedError):
            runner.run_step(step.id, steps.get(step.id).attempt)


def test_a_workflow_from_start_to_model(client, sample):
    """What is started is accepted without a queue, runs, and leaves scores, a curve, a log and a model that works."""
    asked = {"dataset_id": sample, "target": "churned", "algorithm": "LR", "params": {"epochs": 3}, "name": "first"}
    answer = client.post("/api/workflows", json=asked)
    made = answer.json()
    assert answer.status_code == 201 and answer.headers["location"] == f"/api/workflows/{made['id']}"
    assert set(made) >= WORKFLOW and all(set(step) >= STEP for step in made["steps"])
    assert (made["name"], made["status"], made["algorithm"], made["parent_id"]) == (
        "first",
        "pending",
        "logistic_regression",
        None,
    )
    assert made["params"]["epochs"] == 3 and made["target"] == made["params"]["target"] == made["facets"]["target"]
    assert [(step["name"], step["status"]) for step in made["steps"]] == [(name, "pending") for name in STEPS]
    assert made["steps"][2]["job_id"] == f"s{steps.of_workflow(made['id'])[2].id}-a1"
    assert client.get(f"/api/workflows/{made['id']}/model").status_code == 404

    do(made["id"])
    done = client.get(f"/api/workflows/{made['id']}").json()
    assert done["status"] == "completed" and done["scores"]["accuracy"] > done["scores"]["baseline_accuracy"]
    assert done["ended_at"].endswith("Z") and done["steps"][0]["result"]["rows"] == 2000
    rows = client.get(f"/api/workflows/{made['id']}/metrics").json()
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {"epoch", "train_accuracy", "val_accuracy", "train_loss", "val_loss"}
    lines = client.get(f"/api/workflows/{made['id']}/logs").json()
    assert lines and client.get(f"/api/workflows/{made['id']}/logs?after={lines[-1]['id']}").json() == []

    model = client.get(f"/api/workflows/{made['id']}/model")
    assert 'filename="customer-churn-logistic-regression-1.joblib"' in model.headers["content-disposition"]
    answers = joblib.load(io.BytesIO(model.content)).predict(pd.read_csv(SAMPLE).drop(columns="churned").head())
    assert set(answers) <= {"yes", "no"}

    # Once more from the training on: what is above is reused, and says from where.
    rerun = client.post(f"/api/workflows/{made['id']}/rerun", json={"step": "train", "params": {"alpha": 0.1}}).json()
    do(rerun["id"])
    again = client.get(f"/api/workflows/{rerun['id']}").json()
    assert again["parent_id"] == made["id"] and again["params"]["alpha"] == 0.1
    assert [step["reused_from"] for step in again["steps"]] == [made["id"], made["id"], None, None]


def test_what_is_left_open_is_proposed(client, sample):
    """Target and algorithm may be left out; a number as target gets an algorithm for numbers."""
    proposed = client.post("/api/workflows", json={"dataset_id": sample}).json()
    assert (proposed["target"], proposed["algorithm"]) == ("churned", "logistic_regression")
    number = client.post("/api/workflows", json={"dataset_id": sample, "target": "monthly_charge"}).json()
    assert number["algorithm"] == "hist_gradient_boosting_regressor"


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"dataset_id": 999}, 404, "no dataset 999"),
        ({"target": "nope"}, 422, "'nope'"),
        ({"dataset_id": True}, 422, "dataset_id"),
        ({"params": {"": 1}}, 422, "''"),
        ({"params": {"algorithm": "mlp"}}, 422, "algorithm"),
        ({"params": {"target": "city"}}, 422, "target"),
        ({"algorithm": "nope"}, 422, "'nope'"),
        ({"params": {"epochs": "x"}}, 422, "epochs"),
        ({"params": {"epochs": -1}}, 422, "epochs"),
        ({"params": {"speed": 1}}, 422, "'speed'"),
        ({"params": {"features": ["nope"]}}, 422, "'nope'"),
        ({"params": {"test_size": 7}}, 422, "test_size"),
    ],
)
def test_wrong_values_are_refused_by_name(client, sample, wrong, status, words):
    """What is wrong is named, and nothing is started."""
    answer = client.post("/api/workflows", json={"dataset_id": sample} | wrong)
    assert answer.status_code == status and words in answer.json()["detail"]
    assert client.get("/api/workflows").json() == []


@pytest.mark.parametrize(
    "params",
    [
        {"features": 5},
        {"features": {"a": 1}},
        {"features": [[1]]},
        {"features": [None]},
        {"epochs": [1]},
        {"epochs": {}},
        {"epochs": True},
        {"epochs": 10**400},
        {"learning_rate": "1e999"},
        {"early_stopping": "perhaps"},
        {"gaps": ["median"]},
        {"gaps": "x" * 100_000},
        {"features": "nope"},
        {"features": ["x" * 1000] * 1000},
    ],
)
def test_rubbish_values_are_no_fault_of_ours(client, sample, params):
    """Values of any kind and size are refused, never a fault of the server."""
    answer = client.post("/api/workflows", json={"dataset_id": sample, "params": params})
    assert answer.status_code == 422 and len(answer.json()["detail"]) < 500


def test_the_same_request_starts_once(client, sample):
    """With a key, sending again gives the first workflow; keys of any length work."""
    for key in ("again", "k" * 1000):
        first, second = (
            client.post("/api/workflows", json={"dataset_id": sample}, headers={"Idempotency-Key": key})
            for _ in range(2)
        )
        assert first.json()["id"] == second.json()["id"] and second.status_code == 201
    assert len(client.get("/api/workflows").json()) == 2


def test_a_pipeline_by_name_takes_no_field_of_the_short_form(client, sample):
    """Beside a pipeline, dataset_id, target and algorithm are refused with their field; they are never ignored."""
    for field, value in (("dataset_id", sample), ("target", "churned"), ("algorithm", "LR")):
        answer = client.post("/api/workflows", json={"pipeline": "tabular", "inputs": {"data": sample}, field: value})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert client.get("/api/workflows").json() == []


def test_restart_and_compose_make_new_workflows(client, sample):
    """A restart repeats; compose takes the data of one and the configuration of another."""
    first = client.post("/api/workflows", json={"dataset_id": sample, "params": {"epochs": 2}}).json()
    other = client.post("/api/workflows", json={"dataset_id": sample, "algorithm": "SVM"}).json()
    again = client.post(f"/api/workflows/{first['id']}/restart")
    assert again.status_code == 201
    assert (again.json()["parent_id"], again.json()["params"]) == (first["id"], first["params"])
    both = client.post("/api/workflows/compose", json={"data_from": first["id"], "config_from": other["id"]})
    assert both.status_code == 201 and both.json()["algorithm"] == "linear_svm"
    missing = client.post("/api/workflows/compose", json={"data_from": first["id"], "config_from": 99})
    assert (missing.status_code, missing.json()["detail"]) == (404, "There is no workflow 99.")


def test_cancel_then_retry(client):
    """A workflow is cancelled once, and retried only when it has failed or was cancelled."""
    made = cast.play()
    assert client.post(f"/api/workflows/{made}/retry").status_code == 409
    assert client.post(f"/api/workflows/{made}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/api/workflows/{made}/cancel").status_code == 409
    assert client.post(f"/api/workflows/{made}/retry").json()["status"] == "pending"


def test_a_failure_is_told_in_a_sentence(client):
    """A failed step says why; what is below it was skipped; no traceback is shown."""
    made = cast.play(mood="refuses")
    do(made)
    told = client.get(f"/api/workflows/{made}").json()
    assert told["status"] == "failed"
    assert told["steps"][2]["error"] == "The mood is not right; choose another."
    assert "Traceback" not in client.get(f"/api/workflows/{made}").text


def test_the_list_can_be_searched_sorted_and_paged(client):
    """Filters, order and pages work together, and the total is told."""
    ids = [cast.play() for _ in range(3)]
    do(ids[1])
    assert [each["id"] for each in client.get("/api/workflows").json()] == ids[::-1]
    assert [each["id"] for each in client.get("/api/workflows?sort=created_at:asc").json()] == ids
    assert [each["id"] for each in client.get("/api/workflows?sort=-id").json()] == ids[::-1]
    assert client.get("/api/workflows?sort=accuracy").json()[0]["id"] == ids[1]
    assert [each["id"] for each in client.get("/api/workflows?status=completed,failed").json()] == [ids[1]]
    page = client.get("/api/workflows?limit=1&offset=1&sort=id")
    assert [each["id"] for each in page.json()] == [ids[1]] and page.headers["x-total-count"] == "3"
    assert [step["status"] for step in page.json()[0]["steps"]] == ["completed"] * 3
    assert client.get("/api/workflows?text=%25").json() == []
    for wrong in ("status=done", "sort=colour", "sort=id:up", "algorithm=magic"):
        assert client.get(f"/api/workflows?{wrong}").status_code == 422


def test_a_workflow_can_be_named_and_deleted(client):
    """Name and note change on their own; a running workflow stays until it is over."""
    made = cast.play()
    assert client.patch(f"/api/workflows/{made}", json={"name": "new"}).json()["name"] == "new"
    told = client.patch(f"/api/workflows/{made}", json={"note": "<b>seen</b>"}).json()
    assert (told["name"], told["note"]) == ("new", "<b>seen</b>")
    assert client.patch(f"/api/workflows/{made}", json={"name": " "}).status_code == 422
    assert client.delete(f"/api/workflows/{made}").status_code == 409
    client.post(f"/api/workflows/{made}/cancel")
    assert client.delete(f"/api/workflows/{made}").status_code == 204
    assert client.delete(f"/api/workflows/{made}").status_code == 404


@pytest.mark.slow
def test_with_real_services(services, client, sample):
    """Posted to a running house, a workflow is done by its workers, and the queue can be seen and paused."""
    seen = client.get("/api/queues").json()
    assert seen["reachable"] and len(seen["workers"]) == 2 and seen["queues"][0]["name"] == "steps"
    assert client.get("/api/health").json()["status"] == "ok"
    made = client.post("/api/workflows", json={"dataset_id": sample, "params": {"epochs": 2}}).json()
    end = time.monotonic() + 60
    while not workflows.get(made["id"]).status.over and time.monotonic() < end:
        time.sleep(0.05)
    assert workflows.get(made["id"]).status is Status.completed
    assert client.post("/api/queues/steps/pause").json()["queues"][0]["paused"]
    assert not client.post("/api/queues/steps/resume").json()["queues"][0]["paused"]
