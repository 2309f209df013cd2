"""Sweeps from outside: over HTTP, from a terminal, and with real workers."""

import json

import pytest
from helpers import cast, tables
from helpers.crew import crew, services  # noqa: F401 - fixtures
from helpers.waiting import until
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.engine import runner
from jobs.tabular import algorithms
from jobs.verbs import datasets, leaderboard, sweeps
from store import steps, workflows
from store import sweeps as stored
from store.tables import Status
from store.workflows import Filter

CLASSIFIERS = [key for key, each in algorithms.ALGORITHMS.items() if each.task == "classification"]


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create())])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


def finish():
    """Be workers and the tick, until every sweep is over."""
    while sweeps.go_on():
        for step in steps.waiting():
            try:
                runner.run_step(step.id, step.attempt)
            except runner.StepFailedError:
                continue


def test_all_algorithms_over_http(client):
    """The short form tries every algorithm that fits the target; the leaderboard has the best first, with facets."""
    table = datasets.add([tables.turkish(rows=160)], "customers.csv")
    asked = {"dataset_id": table.id, "target": "abone mi", "algorithms": "all", "params": {"epochs": 2}}
    answer = client.post("/api/sweeps", json=asked)
    made = answer.json()
    assert answer.status_code == 201 and answer.headers["Location"] == f"/api/sweeps/{made['id']}"
    assert [row["algorithm"] for row in made["leaderboard"]] == CLASSIFIERS
    assert (made["status"], made["pipeline"], made["trials"]) == ("pending", "tabular", len(CLASSIFIERS))
    finish()
    seen = client.get(f"/api/sweeps/{made['id']}").json()
    assert seen["status"] == "completed" and seen["measure"]["name"] == "accuracy"
    scores = [row["score"] for row in seen["leaderboard"]]
    assert scores == sorted(scores, reverse=True) and seen["best"] == seen["leaderboard"][0]["workflow_id"]
    assert seen["leaderboard"][0]["equal"] and all(row["model_size"] > 0 for row in seen["leaderboard"])
    assert {row["params"]["epochs"] for row in seen["leaderboard"]} == {2}
    assert client.get("/api/sweeps").json()[0]["leaderboard"] == seen["leaderboard"]
    found = client.get(f"/api/workflows?sweep_id={made['id']}").json()
    assert {row["sweep_id"] for row in found} == {made["id"]} and len(found) == len(CLASSIFIERS)
    reused = [step["reused_from"] is not None for row in found for step in row["steps"] if step["key"] == "preprocess"]
    assert sorted(reused) == [False, *[True] * (len(CLASSIFIERS) - 1)], "prepared once"


def test_a_target_of_numbers_gets_algorithms_for_numbers(client):
    """All that fit are those of the target's task; named ones may be short codes."""
    table = datasets.add([tables.numbers(rows=80)], "houses.csv")
    made = client.post("/api/sweeps", json={"dataset_id": table.id, "target": "price"}).json()
    assert [row["algorithm"] for row in made["leaderboard"]] == [
        key for key in algorithms.ALGORITHMS if key not in CLASSIFIERS
    ]
    asked = {"pipeline": "tabular", "inputs": {"data": table.id}, "target": "kind", "algorithms": ["LR", "SVM"]}
    named = client.post("/api/sweeps", json=asked).json()
    assert [row["algorithm"] for row in named["leaderboard"]] == ["logistic_regression", "linear_svm"]
    grid = client.post(
        "/api/sweeps",
        json={
            "dataset_id": table.id,
            "target": "price",
            "algorithms": ["sgd_regressor"],
            "values": {"learning_rate": [0.01, 0.1]},
            "method": "grid",
        },
    ).json()
    assert [row["values"] for row in grid["leaderboard"]] == [
        {"learning_rate": rate, "algorithm": "sgd_regressor"} for rate in (0.01, 0.1)
    ]


def test_any_pipeline_over_http(client):
    """A pipeline, inputs and values; stopped, and the same request twice is one sweep."""
    asked = {"pipeline": "choir", "inputs": {"data": cast.dataset().id}, "values": {"voice": ["alto", "bass"]}}
    first, second = (client.post("/api/sweeps", json=asked, headers={"Idempotency-Key": "k"}).json() for _ in range(2))
    assert first["id"] == second["id"] and [row["voice"] for row in first["leaderboard"]] == ["alto", "bass"]
    stopped = client.post(f"/api/sweeps/{first['id']}/stop").json()
    assert (stopped["status"], stopped["stopped_code"]) == ("cancelled", "sweep_stopped_by")
    assert client.post(f"/api/sweeps/{first['id']}/stop").status_code == 409
    assert client.get("/api/sweeps").headers["X-Total-Count"] == "1"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "pipeline"),
        ({"pipeline": "choir", "algorithms": "all"}, "algorithms"),
        ({"pipeline": "choir"}, "inputs.data"),
        ({"pipeline": "nothing"}, "values"),
        ({"dataset_id": 99}, "dataset_id"),
        ({"pipeline": "nothing", "values": {"number": [1, 2]}, "budget": {"trials": 0}}, "budget.trials"),
        ({"pipeline": "nothing", "values": {"number": [1]}, "method": "best"}, "method"),
    ],
)
def test_what_is_wrong_names_its_field(client, asked, field):
    """A wrong request is refused with the field, and nothing is started."""
    answer = client.post("/api/sweeps", json=asked)
    assert answer.status_code in (404, 422) and answer.json().get("field", field) == field, answer.json()
    assert stored.count() == 0 and client.get("/api/sweeps/7").status_code == 404


def test_algorithms_are_listed(client, command):
    """Programs and people see what can be trained, with its settings."""
    listed = client.get("/api/algorithms").json()
    assert [each["key"] for each in listed] == [*algorithms.ALGORITHMS]
    assert listed[0]["aliases"] == ["LR"] and listed[0]["params"]["properties"]["epochs"]["minimum"] == 1
    assert json.loads(command("algorithms", "--json")[1]) == listed
    assert "hist_gradient_boosting" in command("algorithms")[1]


def test_a_sweep_from_a_terminal(command, valkey, monkeypatch, tmp_path):
    """The command uploads, starts, lists, shows and stops; the word start may be left out."""
    monkeypatch.setattr("jobs.cli.follow.workers_run", lambda: True)
    file = tmp_path / "houses.csv"
    file.write_bytes(tables.numbers(rows=80))
    code, out, err = command("sweep", file, "--target", "kind", "--algorithms", "LR,SVM", "--set", "epochs=2")
    assert (code, out) == (0, "Sweep 1 is started. Look at it with: python -m jobs sweep show 1\n"), err
    assert [each.params["epochs"] for each in workflows.find(Filter(sweep_id=1))] == [2, 2]
    finish()
    code, out, _ = command("sweep", "show", 1)
    assert code == 0 and "best" in out and "linear_svm" in out and "completed" in out
    assert json.loads(command("sweep", "show", 1, "--json")[1])["best"] == leaderboard.of(1).best.workflow.id
    code, out, _ = command("sweep", "start", "--pipeline", "choir", "--input", "data=1", "--values", "voice=all")
    assert code == 0 and len(leaderboard.of(2).rows) == 4
    code, out, _ = command("sweep", "list")
    assert code == 0 and [line.split()[0] for line in out.splitlines()[1:]] == ["2", "1"]
    assert command("sweep", "stop", 2)[:2] == (0, "Sweep 2 is stopped.\n")
    assert command("sweep", "stop", 2)[0] == 1 and command("sweep", "show", 9)[0] == 1
    assert len(command("list", "--sweep", 1)[1].splitlines()) == 3
    code, _, err = command("sweep")
    assert code == 2 or "sweep" in err
    code, _, err = command("sweep", "--algorithms", "LR")
    assert code == 2 and "name a file" in err


def test_sweeps_are_renamed_and_deleted_from_outside(client, command):
    """PATCH and DELETE, and the commands that do the same."""
    data = {"data": cast.dataset().id}
    for _ in range(2):
        assert client.post("/api/sweeps", json={"pipeline": "choir", "inputs": data}).status_code == 201
    assert client.delete("/api/sweeps/1").status_code == 409
    finish()
    assert client.patch("/api/sweeps/1", json={"name": "Sesler"}).json()["name"] == "Sesler"
    assert client.patch("/api/sweeps/1", json={"name": " "}).status_code == 422
    assert client.delete("/api/sweeps/1").status_code == 204 and client.get("/api/sweeps/1").status_code == 404
    assert len(workflows.find(Filter())) == 8
    assert "Koro" in command("sweep", "describe", 2, "--name", "Koro")[1]
    assert command("sweep", "delete", 2, "--workflows")[:2] == (0, "Sweep 2 is deleted.\n")
    assert len(workflows.find(Filter())) == 4 and command("sweep", "delete", 2)[0] == 1


def test_real_workers_prepare_once(services):
    """Two workers, four trials, one shared step: it is done once, and the sweep completes."""
    sweep = sweeps.start("choir", {"takes": 0.5}, {"data": cast.dataset().id})
    until(lambda: stored.get(sweep.id).ended_at is not None, 60)
    board = leaderboard.of(sweep.id)
    assert board.status is Status.completed and [row.score for row in board.rows] == [0.9, 0.89, 0.7, 0.2]
    tuned = [step for row in board.rows for step in steps.of_workflow(row.workflow.id) if step.key == "tune"]
    assert sorted(step.reused_from is not None for step in tuned) == [False, True, True, True]
