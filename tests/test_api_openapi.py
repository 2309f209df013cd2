"""OpenAPI: every operation says what comes back, and what comes back is what it says."""

import json
import re

import pytest
from fastapi.routing import APIRoute
from helpers import authored, cast, leaving, tables
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.language import sentence
from jobs.verbs import datasets, people, schemas, sweeps
from jobs.verbs.documents import DeedOut, PersonOut, TokenOut, WorkflowBriefOut, WorkflowOut
from store.messages import Message

OPERATIONS = """
POST /datasets 201 DatasetOut
GET /datasets 200 list of DatasetBriefOut
POST /datasets/sample 201 DatasetOut
GET /datasets/{dataset_id} 200 DatasetOut
PATCH /datasets/{dataset_id} 200 DatasetOut
DELETE /datasets/{dataset_id} 204
GET /datasets/{dataset_id}/file 200
POST /datasets/{dataset_id}/redescribe 201 DatasetOut
GET /pipelines 200 list of PipelineOut
GET /pipelines/{name} 200 PipelineOut
POST /pipelines/{name}/run 201 StartedOut
POST /workflows 201 StartedOut
GET /workflows 200 list of WorkflowBriefOut
POST /workflows/compose 201 StartedOut
POST /workflows/bulk 200 list of OutcomeOut
GET /workflows/{workflow_id} 200 WorkflowOut
PATCH /workflows/{workflow_id} 200 WorkflowOut
DELETE /workflows/{workflow_id} 204
GET /workflows/{workflow_id}/metrics 200 list of object
GET /workflows/{workflow_id}/logs 200 list of LineOut
GET /workflows/{workflow_id}/log 200
GET /workflows/{workflow_id}/attempts 200 list of AttemptOut
GET /workflows/{workflow_id}/model 200
GET /workflows/{workflow_id}/report 200
POST /workflows/{workflow_id}/predict 200 PredictionsOut
GET /workflows/{workflow_id}/predictions 200
GET /workflows/{workflow_id}/threshold 200 ThresholdsOut
PUT /workflows/{workflow_id}/threshold 200 ThresholdsOut
DELETE /workflows/{workflow_id}/threshold 200 ThresholdsOut
GET /workflows/{workflow_id}/questions 200 list of QuestionOut
POST /workflows/{workflow_id}/answer 200 QuestionOut
POST /workflows/{workflow_id}/restart 201 StartedOut
POST /workflows/{workflow_id}/plan 200 list of CellPlanOut
POST /workflows/{workflow_id}/rerun 201 StartedOut
POST /workflows/{workflow_id}/repeat 201 StartedOut
POST /workflows/{workflow_id}/stop 200 WorkflowOut
POST /workflows/{workflow_id}/retry 200 WorkflowOut
POST /workflows/{workflow_id}/cancel 200 WorkflowOut
GET /artifacts 200 list of ArtifactBriefOut
GET /artifacts/{artifact_id} 200 ArtifactOut
GET /artifacts/{artifact_id}/content 200
POST /sweeps 201 SweepOut
GET /sweeps 200 list of SweepOut
GET /sweeps/{sweep_id} 200 SweepOut
PATCH /sweeps/{sweep_id} 200 SweepOut
DELETE /sweeps/{sweep_id} 204
POST /sweeps/{sweep_id}/stop 200 SweepOut
GET /algorithms 200 list of AlgorithmOut
GET /limits 200 list of LimitOut
PUT /limits/{tag} 200 list of LimitOut
DELETE /limits/{tag} 200 list of LimitOut
GET /queues 200 QueuesOut
POST /queues/{name}/pause 200 QueuesOut
POST /queues/{name}/resume 200 QueuesOut
GET /me 200 MeOut
POST /me/password 204
GET /me/tokens 200 list of TokenOut
POST /me/tokens 201 NewTokenOut
DELETE /me/tokens/{token_id} 204
GET /people 200 list of PersonOut
POST /people 201 NewPersonOut
PATCH /people/{name} 200 PersonOut
DELETE /people/{name} 204
POST /people/{name}/sign-out 200 EndedOut
GET /deeds 200 list of DeedOut
GET /health 200 HealthOut
"""


def answer_of(operation):
    """The status and the document of the answer when all is well."""
    status, answer = next(each for each in operation["responses"].items() if each[0].startswith("2"))
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("type") == "array":
        inner = schema["items"].get("$ref", "object").rsplit("/", 1)[-1]
        return f"{status} list of {inner}"
    return f"{status} {schema.get('$ref', '').rsplit('/', 1)[-1]}".strip()


def test_operations_are_those_that_programs_know():
    """Which operations there are, and what each answers, changes only on purpose: programs of others rely on it."""
    spec = create().openapi()
    found = [
        f"{method.upper()} {path} {answer_of(operation)}"
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]
    assert sorted(found) == sorted(OPERATIONS.strip().splitlines()), "\n".join(found)


def test_every_operation_says_what_a_refusal_looks_like():
    """A refusal is a sentence in `detail` and the same as a code with values, and the description says so."""
    spec = create().openapi()
    assert set(spec["components"]["schemas"]["ErrorOut"]["properties"]) == {"detail", "field", "code", "values"}
    for methods in spec["paths"].values():
        for operation in methods.values():
            wrong = operation["responses"]["422"]["content"]["application/json"]["schema"]["$ref"]
            assert wrong.endswith("/ErrorOut")
    assert "HTTPValidationError" not in str(spec)


@pytest.fixture
def client(home):
    return TestClient(create(), base_url="http://localhost")


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "values"),
    [
        ("GET", "/workflows/7", None, "no_such_workflow", {"workflow": 7}),
        ("GET", "/workflows/abc", None, "no_such_workflow", {"workflow": "abc"}),
        ("GET", "/workflows?limit=900", None, "field_too_big", {"field": "limit", "limit": 500}),
        ("POST", "/workflows", {}, "nothing_to_start", {}),
        ("POST", "/workflows", {"colour": 1}, "field_unknown", {"field": "colour"}),
        ("GET", "/nothing", None, "no_such_address", {"path": "/nothing"}),
        ("GET", "/pipelines?colour=1", None, "query_unknown_here", {"given": "colour", "known": []}),
        (
            "GET",
            "/workflows/7/logs?colour=1",
            None,
            "query_unknown",
            {"given": "colour", "known": ["after", "before", "text", "level", "step", "limit"]},
        ),
        (
            "PUT",
            "/workflows/7",
            None,
            "wrong_method_use",
            {"method": "PUT", "path": "/workflows/7", "allowed": "DELETE, GET, PATCH"},
        ),
        ("POST", "/pipelines", None, "wrong_method_use", {"method": "POST", "path": "/pipelines", "allowed": "GET"}),
    ],
)
def test_a_refusal_says_the_same_to_programs(client, method, path, body, code, values):
    """Beside its sentence stand the code and the values that it was made of."""
    answer = client.request(method, path, json=body).json()
    assert (answer["code"], answer["values"]) == (code, values)
    assert answer["detail"] == sentence(Message(code, values))


def test_answers_are_as_they_are_described(client, cheap, tmp_path, monkeypatch):
    """Every document that a real run leaves has the fields of its type, no more and no fewer."""
    dataset = datasets.add([tables.numbers(60)], "numbers.csv")
    done = tables.run(dataset, "price", "sgd_regressor", epochs=2)["evaluate"].workflow_id
    failed = cast.play(mood="bad")
    monkeypatch.chdir(tmp_path)
    written = authored.run(leaving.leaving).id
    sweeps.start("choir", inputs={"data": dataset.id})
    people.add("ann", "admin", "Sarı-çizmeli-1")
    people.make_token("ann", "nightly")
    checked = 0
    for route in (each for each in create().routes if isinstance(each, APIRoute) and "GET" in each.methods):
        for number in (done, failed, written) if "workflow_id" in route.path else (1,):
            path = re.sub(r"{\w+}", str(number), route.path.replace("{name}", "tabular"))
            # Tokens are for who has signed in; thresholds for two classes, and described in test_thresholds.py.
            if route.response_model is None or path == "/me/tokens" or path.endswith("/threshold"):
                continue
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            TypeAdapter(route.response_model).validate_python(answer.json(), strict=True)
            checked += 1
    assert checked >= 12
    TypeAdapter(list[TokenOut]).validate_python([schemas.token(each) for each in people.tokens_of("ann")])


def test_commands_print_the_same_documents(home, capsys):
    """What a command prints with --json is of the same types."""
    datasets.sample()
    cast.play()
    for command, kind in (
        (["list", "--json"], list[WorkflowBriefOut]),
        (["show", "1", "--json"], WorkflowOut),
        (["user", "list", "--json"], list[PersonOut]),
        (["user", "deeds", "--json"], list[DeedOut]),
    ):
        assert main(command) == 0
        TypeAdapter(kind).validate_python(json.loads(capsys.readouterr().out), strict=True)
