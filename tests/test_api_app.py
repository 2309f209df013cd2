"""The API as a whole: health, numbers for Prometheus, its description, and how it refuses."""

import pytest
from helpers import cast
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from api.app import create
from api.prometheus import measures


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create()), Route("/metrics", measures)])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


def test_health_without_services_is_degraded(client):
    """Without queue and workers the app answers, and says what is missing."""
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "queue": "down", "workers": 0, "waiting": 0, "running": 0}


def test_the_bare_address_leads_to_the_manual(client):
    """Who opens /api in a browser finds what there is, not a page of the app."""
    answer = client.get("/api/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/docs")


def test_numbers_for_prometheus_come_from_the_database(client):
    """A scrape counts what is in the database, also for a status that nothing has."""
    cast.play()
    told = client.get("/metrics")
    assert told.status_code == 200 and told.headers["content-type"].startswith("text/plain")
    lines = told.text.splitlines()
    assert 'trainyard_workflows{status="pending"} 1.0' in lines
    assert 'trainyard_steps{status="pending"} 3.0' in lines
    assert 'trainyard_steps{status="failed"} 0.0' in lines
    assert "trainyard_steps_waiting 1.0" in lines and "trainyard_queue_up 0.0" in lines


def test_the_manual_needs_nothing_from_elsewhere(client):
    """The page that describes the API names every route and loads nothing."""
    page = client.get("/api/docs").text
    for path in client.get("/api/openapi.json").json()["paths"]:
        assert path in page
    assert "<script" not in page and "<link" not in page and "http://localhost/api/workflows" in page


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/api/nothing", 404, "There is nothing at /api/nothing; /api/docs lists what there is."),
        ("PUT", "/api/health", 405, "PUT does not work on /api/health; use GET."),
        ("GET", "/api/workflows/7", 404, "There is no workflow 7."),
        ("GET", "/api/workflows/seven", 404, "There is no workflow 'seven'."),
        ("GET", "/api/workflows/99999999999999999999", 404, "There is no workflow '99999999999999999999'."),
        ("GET", "/api/datasets/7", 404, "There is no dataset 7."),
        ("GET", "/api/workflows?limit=0", 422, "limit must be at least 1."),
        ("GET", "/api/workflows?offset=x", 422, "offset must be a whole number."),
        ("POST", "/api/queues/other/pause", 404, "There is no queue 'other'; there is 'steps'."),
        (
            "POST",
            "/api/queues/steps/pause",
            503,
            "The queue cannot be reached right now. Saved work is safe and continues when it is back.",
        ),
    ],
)
def test_refusals_are_one_sentence(client, method, path, status, words):
    """Whatever is wrong with a request, the answer says it in one plain sentence."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["detail"]) == (status, words)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (
            b'{"dataset_id": 1,\n  "target" "a"}',
            400,
            "The body is not JSON: Expecting ':' delimiter at line 2, column 12.",
        ),
        (b"", 422, "The body is missing."),
        (b"[]", 422, "The body must be a JSON object, sent with the header Content-Type: application/json."),
        (b"{}", 422, "Name a pipeline, or a dataset_id to train on."),
        (b'{"dataset_id": "one"}', 422, "dataset_id must be a whole number."),
        (b'{"dataset_id": 0}', 422, "dataset_id must be at least 1."),
        (b'{"dataset_id": 1e400}', 422, "dataset_id must be a whole number."),
        (b'{"dataset_id": 1, "parms": {}}', 422, "parms is not a known field."),
        (b'{"dataset_id": 1, "params": []}', 422, "params must be an object with names and values."),
        (b'{"dataset_id": 1, "name": 5}', 422, "name must be a text."),
        (b'{"dataset_id": 1, "name": "\\ud800"}', 422, "name must be text without half or zero characters."),
        (
            b'{"dataset_id": 1, "params": {"a": ["\\u0000"]}}',
            422,
            "params must be text without half or zero characters.",
        ),
        (b"[" * 100_000, 400, "The body cannot be read as JSON."),
        (b" " * 1_100_000, 413, "The body is too long; 1 MB is the most for this request."),
    ],
)
def test_bad_bodies_are_one_sentence(client, body, status, words):
    """Broken JSON, wrong kinds and unknown fields are told with their place."""
    answer = client.post("/api/workflows", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (status, words)


def test_a_fault_of_ours_has_no_traceback(client, monkeypatch):
    """When the program is wrong, the caller reads a sentence and no insides."""
    monkeypatch.setattr("jobs.engine.queue_view.snapshot", lambda: 1 / 0)
    answer = client.get("/api/queues")
    assert answer.status_code == 500
    assert answer.json() == {
        "detail": "Something went wrong on our side; see the server log.",
        "code": "server_fault",
        "values": {},
    }
