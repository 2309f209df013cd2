"""The form of what programs read: every key that was ever answered is there, with a value of the same type.

recorded_form.json was written from what the first version answered for the sample dataset and one workflow trained on
it. It is never written anew: keys may be added to the answers, and none is taken away.
"""

import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.engine import runner
from jobs.verbs import datasets, short_form
from store import steps

RECORDED = json.loads((Path(__file__).parent / "recorded_form.json").read_text())
TYPES = {str: "text", bool: "boolean", int: "number", float: "number", list: "list", dict: "object", type(None): "null"}


@pytest.fixture
def trained(home):
    """The sample dataset, and a workflow that was trained on it, by number."""
    dataset = datasets.sample().id
    workflow = short_form.start(dataset, "churned", "logistic_regression", {"epochs": 3}).id
    for step in steps.of_workflow(workflow):
        runner.run_step(step.id, 1)
    return {"dataset": dataset, "workflow": workflow}


def differences(recorded, value, where):
    """Every key and type of the record that a value does not have."""
    if TYPES[type(value)] not in recorded["type"].split("|"):
        yield f"{where} is {TYPES[type(value)]}, and was {recorded['type']}"
    elif isinstance(value, dict):
        for key, form in recorded["keys"].items():
            if key in value:
                yield from differences(form, value[key], f"{where}.{key}")
            else:
                yield f"{where}.{key} is gone"
    elif isinstance(value, list) and "items" in recorded:
        for number, item in enumerate(value):
            yield from differences(recorded["items"], item, f"{where}[{number}]")


def test_answers_keep_the_form_they_had(trained, capsys):
    """Programs written for the first version go on working with the API and with --json."""
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    lost = []
    for name, recorded in RECORDED.items():
        if name.startswith("/"):
            answered = client.get(name.format(**trained)).json()
        else:
            capsys.readouterr()
            assert main(name.format(**trained).split()) == 0
            answered = json.loads(capsys.readouterr().out)
        assert answered, name
        lost += differences(recorded, answered, name)
    assert lost == []


def test_sentences_stand_where_they_stood(trained):
    """Why a column is left out, what was done to it and what a baseline answers are texts, with codes beside them."""
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    dataset = client.get(f"/api/datasets/{trained['dataset']}").json()
    reason = next(column for column in dataset["columns"] if column["reason"])
    assert (reason["reason"], reason["reason_code"]) == (
        "looks like an id: too many distinct values",
        "id_or_free_text",
    )
    assert (dataset["proposal"]["reason"], dataset["proposal"]["reason_code"]) == (
        "its name says so",
        "proposed_by_name",
    )
    own = client.get(f"/api/workflows/{trained['workflow']}").json()["steps"]
    done = {each["column"]: each for each in own[1]["result"]["columns"]}
    assert done["age"]["did"] == "147 gaps filled with the median 45; scaled to mean 0 and spread 1"
    assert [each["code"] for each in done["age"]["did_messages"]] == ["gaps_median", "scaled_standard"]
    assert own[3]["result"]["baseline"]["words"] == 'always answering "no"'
