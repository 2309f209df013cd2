"""The client: earlier runs and what they left, for scripts, notebooks and the bodies of pipelines."""

import pytest
from helpers import authored, leaving

from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from store.errors import RequestError
from trainyard import exceptions
from trainyard.client import Client
from trainyard.exceptions import DoesNotExistException

pytestmark = pytest.mark.usefixtures("home", "cheap")


@step
def words_of(facts: dict[str, str], more: list[dict[str, str]]) -> str:
    return " ".join([facts["word"], *(each["word"] for each in more)])


@pipeline
def reading() -> None:
    client = Client()
    words_of(client.get_artifact_version("facts"), [client.get_artifact_version("facts", 1)])


@pytest.fixture(autouse=True)
def own_folder(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_runs_are_found_by_number_and_name():
    """A number is a run; a name is the newest run that is called so."""
    first, second = authored.run(leaving.leaving), authored.run(leaving.leaving, word="other")
    client = Client()
    assert [run.id for run in client.list_pipeline_runs()] == [second.id, first.id]
    assert client.get_pipeline_run(first.id).params == {"word": "plain"}
    assert client.get_pipeline_run("run 1").steps["small"].output("facts").load()["word"] == "plain"
    assert client.get_pipeline_run(second.name).id == second.id
    assert client.list_pipeline_runs("other") == [] and len(client.list_pipeline_runs("leaving", size=1)) == 1


def test_artifacts_are_found_by_id_name_and_version():
    """Of a name without a version it is the highest one, whichever run was last."""
    authored.run(leaving.leaving)
    authored.run(leaving.leaving, word="other")
    authored.run(leaving.leaving)  # takes version 1 over
    client = Client()
    newest = client.get_artifact_version("facts")
    assert (newest.version, newest.load()["word"]) == (2, "other")
    assert client.get_artifact_version("facts", "1").load()["word"] == "plain"
    assert client.get_artifact_version(newest.id) == newest == client.get_artifact_version(str(newest.id))
    assert [each.version for each in client.list_artifact_versions("facts")] == [1, 2, 1]
    assert len(client.list_artifact_versions(size=4)) == 4


def test_pipelines_are_found_by_name():
    """A pipeline says what it takes, and which runs it had."""
    done = authored.run(leaving.leaving)
    known = Client().get_pipeline("leaving")
    assert known.name == "leaving" and known.params["properties"]["word"]["default"] == "plain"
    assert known.last_run == known.last_successful_run == known.runs[0] and known.last_run.id == done.id
    assert "leaving" in [each.name for each in Client().list_pipelines()]


MISSING = {
    "a run by number": lambda client: client.get_pipeline_run(99),
    "a run by name": lambda client: client.get_pipeline_run("nightly"),
    "an artifact by id": lambda client: client.get_artifact_version(99),
    "an artifact by name": lambda client: client.get_artifact_version("facts"),
    "a version": lambda client: client.get_artifact_version("facts", 3),
    "a version that is no number": lambda client: client.get_artifact_version("facts", "production"),
    "a pipeline": lambda client: client.get_pipeline("nightly"),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_not_there_is_said_in_a_sentence(what):
    """What is missing is a KeyError, as with others, and names what was asked for."""
    with pytest.raises(DoesNotExistException) as refused:
        MISSING[what](Client())
    assert isinstance(refused.value, KeyError) and isinstance(refused.value, RequestError)
    assert str(refused.value).startswith("There is no ")


@pytest.mark.parametrize("name", ["create_secret", "get_secret", "active_stack", "get_model_version"])
def test_what_other_clients_have_is_refused_by_name(name):
    """What is not there says what to write instead, and whatever else is asked for, what there is."""
    with pytest.raises(AttributeError, match=f"Client has no {name}: "):
        getattr(Client(), name)
    with pytest.raises(AttributeError, match="it has get_pipeline_run, list_pipeline_runs"):
        Client().nothing()
    with pytest.raises(ImportError, match="leave it out"):
        exceptions.EntityExistsError  # noqa: B018


def test_an_artifact_is_an_input_by_its_content():
    """The body of a pipeline passes on what an earlier run left; its step runs anew when the content has changed."""
    authored.run(leaving.leaving)
    first = authored.run(reading)
    assert authored.left(first) == {("words_of", "output"): "plain plain"}
    assert authored.rows(authored.run(reading))["words_of"].reused_from
    authored.run(leaving.leaving, word="other")
    other = authored.run(reading)
    assert authored.left(other) == {("words_of", "output"): "other plain"}
    assert not authored.rows(other)["words_of"].reused_from
