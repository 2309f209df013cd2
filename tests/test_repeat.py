"""The settings of a workflow run again on a new version of its data, by verb, command, request and page."""

import io

import pytest
from helpers import cast, tables
from helpers.notebooks import page, text
from helpers.refusals import refuses
from helpers.visitors import APP, checked
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.cli.app import main
from jobs.verbs import datasets, short_form
from jobs.verbs import workflows as verbs
from store import workflows


@pytest.fixture
def versions(home):
    """Two versions of customers, and a workflow on the first."""
    old, new = (datasets.add(io.BytesIO(tables.turkish(120, seed)), "customers.csv") for seed in (3, 4))
    made = short_form.start(old.id, "abone mi", "LR", {"epochs": 7, "max_categories": 9})
    return old, new, made


def test_the_settings_stay_and_the_data_is_new(versions):
    """Every param is that of the old workflow; a name that a person gave stays, another follows."""
    _old, new, made = versions
    again = verbs.repeat(made.id, new.id)
    assert (again.params, again.parent_id, again.origin) == (made.params, made.id, "repeat")
    assert again.inputs["data"].dataset_id == new.id and again.name == "customers, logistic regression"
    verbs.describe(made.id, "ours")
    assert verbs.repeat(made.id, new.id).name == "ours"


def test_what_nobody_touched_follows_the_data(versions):
    """Epochs that were proposed for few rows are not kept for many, nor those of many for few; what was set stays."""
    old, _new, _made = versions
    big = datasets.add(io.BytesIO(tables.turkish(2_400, 4)), "customers.csv")
    few = short_form.start(old.id, "abone mi", "SVM", {"max_categories": 9})
    many = verbs.repeat(few.id, big.id)
    assert (few.params["epochs"], many.params["epochs"]) == (100, 10)
    assert many.params | {"epochs": 100} == few.params, "the algorithm was chosen, too"
    assert verbs.repeat(many.id, old.id).params == few.params
    assert verbs.compose(many.id, few.id).params == many.params
    set_by_hand = short_form.start(old.id, "abone mi", "SVM", {"epochs": 60})
    assert verbs.repeat(set_by_hand.id, big.id).params["epochs"] == 60


def test_what_does_not_fit_is_refused(versions):
    """Data without the target, and a workflow without data, say why they cannot."""
    _old, _new, made = versions
    other = datasets.add(io.BytesIO(b"a,b\n" + b"1,2\n3,4\n" * 20), "other.csv")
    with refuses(match="abone mi"):
        verbs.repeat(made.id, other.id)
    with refuses(match="has no dataset that other could replace"):
        verbs.repeat(cast.play("nothing"), other.id)


def test_commands_and_requests_repeat(versions, tmp_path, capsys):
    """A command takes a file or a dataset, a request a dataset; both start the same workflow."""
    _old, new, made = versions
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    answer = client.post(f"/api/workflows/{made.id}/repeat", json={"dataset_id": new.id})
    assert answer.status_code == 201 and answer.json()["params"] == made.params
    assert client.post(f"/api/workflows/{made.id}/repeat", json={"dataset_id": 999}).status_code == 404
    assert main(["repeat", str(made.id), "--json"]) == 2 and "name a file" in capsys.readouterr().out


def test_a_workflow_offers_the_newer_version(versions):
    """The page of a workflow that is over, and that of the new version, start it with one click."""
    old, new, made = versions
    verbs.cancel(made.id)
    seen = page(id=made.id)
    assert "customers has a newer version 2" in text(seen)
    checked(seen.button(key="repeat").click().run())
    first = workflows.find(workflows.Filter(origin="repeat"))[0]
    assert first.inputs["data"].dataset_id == new.id
    seen = AppTest.from_file(APP, default_timeout=20).switch_page("datasets.py")
    seen.query_params["id"] = str(new.id)
    seen = checked(seen.run())
    assert seen.button(key=f"repeat-{made.id}").label == "Same settings on version 2"
    checked(seen.button(key=f"repeat-{made.id}").click().run())
    assert workflows.count(workflows.Filter(origin="repeat")) == 2 and old.version == 1
