"""Running pipelines that are functions over HTTP: their schema, what is refused, and a run from end to end."""

import textwrap
import time

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.verbs import own_code
from store import steps
from trainyard.client import Client

CODE = """
from typing import Annotated, Literal

from trainyard import pipeline, step
from trainyard.client import Client


@step
def listed(city: str, days: int) -> Annotated[list[int], "numbers"]:
    return list(range(days))


@step
def total(numbers: list[int]) -> Annotated[int, "total"]:
    return sum(numbers)


@pipeline
def adding(
    city: str,
    days: int = 3,
    side: Literal["left", "right"] = "left",
    extras: list[int] = [1],
    day: int | None = None,
):
    total(listed(city, days))


@step
def highest(numbers: list[int]) -> Annotated[int, "highest"]:
    return max(numbers)


@pipeline
def again():
    highest(Client().get_artifact_version("numbers"))
"""


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create())])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def brought(home, tmp_path):
    (tmp_path / "adding_up.py").write_text(textwrap.dedent(CODE))
    own_code.bring("adding_up.py:adding", tmp_path)


def test_a_pipeline_says_what_it_takes(client, brought):
    """What has no default is required; a value of no fixed kind is described by its annotation, and has no type."""
    schema = client.get("/api/pipelines/adding").json()["params"]
    assert schema["required"] == ["city"] and schema["additionalProperties"] is False
    known = schema["properties"]
    assert known["city"]["type"] == "string" and "default" not in known["city"]
    assert (known["days"]["type"], known["days"]["default"]) == ("integer", 3)
    assert known["side"]["enum"] == ["left", "right"]
    assert "type" not in known["extras"] and known["extras"]["description"] == "list[int]"
    assert known["extras"]["default"] == [1]
    assert known["day"]["type"] == ["integer", "null"]
    assert "required" not in client.get("/api/pipelines/again").json()["params"]


REFUSED = {
    "a required param that is missing": ({}, "city"),
    "a wrong type": ({"params": {"city": "x", "days": "many"}}, "days"),
    "a wrong item": ({"params": {"city": "x", "extras": ["many"]}}, "extras"),
    "no choice": ({"params": {"city": "x", "side": "up"}}, "side"),
    "an unknown param": ({"params": {"city": "x", "town": "y"}}, "town"),
    "an unknown option": ({"params": {"city": "x"}, "config": {"colour": 1}}, "config"),
    "an option of another type": ({"params": {"city": "x"}, "config": {"enable_cache": "maybe"}}, "config"),
    "an unknown option of a step": ({"params": {"city": "x"}, "config": {"steps": {"total": {"pool": "x"}}}}, "config"),
    "params that are none": ({"config": {"parameters": ["city"]}}, "config"),
    "steps that are none": ({"config": {"steps": ["total"]}}, "config"),
    "a step that is none": ({"config": {"steps": {"total": 3}}}, "config"),
    "two values": ({"params": {"city": "x"}, "config": {"parameters": {"city": "y"}}}, "city"),
    "an unknown field": ({"parameters": {"city": "x"}}, "parameters"),
    "a config that is none": ({"config": "x.yaml"}, "config"),
}


def test_what_is_wrong_is_refused_with_its_field(client, brought):
    """A refusal is a 422 that names the field, and nothing is written."""
    for what, (body, field) in REFUSED.items():
        answer = client.post("/api/pipelines/adding/run", json=body)
        assert (answer.status_code, answer.json().get("field")) == (422, field), (what, answer.text)
    assert client.post("/api/pipelines/no_such_pipeline/run", json={}).status_code == 404
    assert client.get("/api/workflows").json() == []


def test_a_run_is_a_workflow(client, brought):
    """Params and a configuration of the same keys as a YAML file; the same request under one key starts once."""
    config = {
        "parameters": {"days": 5},
        "run_name": "adding_{city}",
        "tags": ["nightly"],
        "steps": {"total": {"retry": {"max_retries": 2}}},
    }
    body = {"params": {"city": "Ankara"}, "config": config}
    answer = client.post("/api/pipelines/adding/run", json=body, headers={"Idempotency-Key": "a"})
    made = answer.json()
    assert answer.status_code == 201 and answer.headers["location"] == f"/api/workflows/{made['id']}"
    assert (made["pipeline"], made["name"], made["params"]["days"]) == ("adding", "adding_Ankara", 5)
    assert [step["key"] for step in made["steps"]] == ["listed", "total"]
    assert steps.of_workflow(made["id"])[1].max_attempts >= 3
    again = client.post("/api/pipelines/adding/run", json=body, headers={"Idempotency-Key": "a"})
    assert again.json()["id"] == made["id"]
    named = client.post("/api/pipelines/adding/run", json={"params": {"city": "x"}, "name": "mine"}).json()
    assert named["name"] == "mine" and named["params"]["days"] == 3


def test_a_registered_pipeline_takes_inputs_and_no_options(client, home):
    """A pipeline of registered steps is started in the same way; options of a run are for functions."""
    from jobs.verbs import datasets

    dataset = datasets.sample().id
    body = {"inputs": {"data": dataset}, "params": {"target": "churned", "epochs": 2}}
    made = client.post("/api/pipelines/tabular/run", json=body)
    assert made.status_code == 201 and made.json()["params"]["epochs"] == 2, made.text
    refused = client.post("/api/pipelines/tabular/run", json=body | {"config": {"tags": ["x"]}})
    assert (refused.status_code, refused.json()["field"]) == (422, "config")


def ended(client, answer):
    assert answer.status_code == 201, answer.text
    path = f"/api/workflows/{answer.json()['id']}"
    until = time.monotonic() + 60
    while (found := client.get(path).json())["status"] not in ("completed", "failed", "cancelled"):
        assert time.monotonic() < until, found
        time.sleep(0.1)
    assert found["status"] == "completed", [step["error"] for step in found["steps"]]
    return found


@pytest.mark.slow
def test_a_run_and_what_it_left_from_end_to_end(services, client, brought):
    """Workers run what a request started; another pipeline takes what it left as an input by name, and runs anew only
    when the content of that changes."""
    first = ended(client, client.post("/api/pipelines/adding/run", json={"params": {"city": "Ankara", "days": 4}}))
    (numbers,), (total,) = (step["outputs"] for step in first["steps"])
    assert client.get(f"/api/artifacts/{numbers['id']}/content").json() == [0, 1, 2, 3]
    assert client.get(f"/api/artifacts/{total['id']}/content").json() == 6

    def run_again():
        done = ended(client, client.post("/api/pipelines/again/run", json={"config": {"tags": ["t"]}}))
        (step,) = done["steps"]
        return step["reused_from"], client.get(f"/api/artifacts/{step['outputs'][0]['id']}/content").json()

    assert run_again() == (None, 3)
    assert run_again() == (2, 3)
    ended(client, client.post("/api/pipelines/adding/run", json={"params": {"city": "Bursa", "days": 4}}))
    newest = Client().get_artifact_version("numbers")
    assert newest.version == 2 and newest.load() == [0, 1, 2, 3]
    assert run_again() == (2, 3)  # another version of equal content
    ended(client, client.post("/api/pipelines/adding/run", json={"params": {"city": "Bursa", "days": 5}}))
    assert run_again() == (None, 4)
