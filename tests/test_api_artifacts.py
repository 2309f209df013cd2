"""Artifacts over HTTP and by command: what steps left, and their content, which runs nowhere."""

import io
import json

import pandas as pd
import pytest
from helpers import authored, leaving
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.verbs import artifacts as verbs
from store import outputs

pytestmark = pytest.mark.usefixtures("home", "cheap")


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create())])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def left(home, tmp_path, monkeypatch):
    """What the pipeline left, by name."""
    monkeypatch.chdir(tmp_path)
    workflow = authored.run(leaving.leaving)
    assert workflow.status == "completed", {row.key: row.error for row in authored.rows(workflow).values()}
    return {each.name: each for each in outputs.of_workflow(workflow.id)}


def test_artifacts_are_listed_newest_first(client, left):
    """A list has every version of a name or all of a workflow, in pages, without what can be long."""
    authored.run(leaving.leaving, word="other")
    answer = client.get("/api/artifacts?name=facts")
    assert [(each["version"], each["workflow_id"]) for each in answer.json()] == [(2, 2), (1, 1)]
    assert answer.headers["x-total-count"] == "2" and "preview" not in answer.json()[0]
    of_one = client.get("/api/artifacts?workflow_id=1&limit=3&offset=1")
    assert len(of_one.json()) == 3 and of_one.headers["x-total-count"] == str(len(left))
    assert {each["workflow_id"] for each in of_one.json()} == {1}
    assert client.get("/api/artifacts?name=nothing").json() == client.get("/api/artifacts?name=%00").json() == []
    assert client.get("/api/artifacts?limit=900").json()["field"] == "limit"


def test_one_artifact_tells_where_it_comes_from(client, left):
    """Metadata, tags, type, format, version, size, its workflow and step, and what a page draws of it."""
    found = client.get(f"/api/artifacts/{left['facts'].id}").json()
    assert (found["name"], found["version"], found["format"], found["tags"]) == ("facts", 1, "json", ["t"])
    assert (found["workflow_id"], found["pipeline"], found["step"]) == (1, "leaving", "small")
    assert found["metadata"]["source"] == "web" and found["preview"]["kind"] == "tree" and found["size"] > 10
    assert client.get("/api/artifacts/999").json()["code"] == "no_such_output"
    assert client.get("/api/artifacts/abc").status_code == 404


SHOWN = {
    "facts": "application/json",
    "picture": "image/png",
    "notes": "text/plain; charset=utf-8",
}
DOWNLOADED = {
    "page": ("application/octet-stream", "page-v1.html"),
    "drawing": ("application/octet-stream", "drawing.svg"),
    "script": ("application/octet-stream", "a-page.html"),
    "odd": ("application/octet-stream", "odd-v1.pkl"),
    "rows": ("text/csv; charset=utf-8", "rows-v1.csv"),
    "frame": ("application/vnd.apache.parquet", "frame-v1.parquet"),
}


def test_content_runs_nowhere(client, left):
    """Values come as JSON and pictures are shown; what a browser could run is a download, and nothing is sniffed."""
    assert set(left) == {*SHOWN, *DOWNLOADED}
    for name, each in left.items():
        answer = client.get(f"/api/artifacts/{each.id}/content")
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert each.file is None or answer.headers["x-content-sha256"] == each.sha256
        given = answer.headers.get("content-disposition", "")
        if name in SHOWN:
            assert answer.headers["content-type"] == SHOWN[name] and not given.startswith("attachment")
        else:
            media_type, file_name = DOWNLOADED[name]
            assert answer.headers["content-type"] == media_type
            assert given == f'attachment; filename="{file_name}"'
    assert client.get(f"/api/artifacts/{left['facts'].id}/content").json()["word"] == "plain"
    assert client.get(f"/api/artifacts/{left['page'].id}/content").text == leaving.EVIL
    frame = pd.read_parquet(io.BytesIO(client.get(f"/api/artifacts/{left['frame'].id}/content").content))
    assert list(frame["a"]) == [1, 2]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", 'a"; x="b', "/etc/x", "a\r\nb: c", "\0", 3])
def test_a_file_is_never_named_into_another_folder(name, left):
    """Whatever a step says its file is called, the name that it is saved under is a plain one."""
    from dataclasses import replace

    drawing = replace(left["drawing"], metadata={"name": name})
    file_name = verbs.content(drawing).name
    assert file_name and not set(file_name) & set('/\\"\r\n\0;') and not file_name.startswith(".")


def test_a_workflow_lists_what_its_steps_left(client, left):
    """Each step has the artifacts that it left, without previews."""
    found = {step["key"]: step["outputs"] for step in client.get("/api/workflows/1").json()["steps"]}
    assert [set(each) for each in found["small"]] == [{"id", "name", "version", "type"}]
    assert [each["name"] for each in found["texts"]] == ["page", "notes", "rows"]
    assert found["frame"] == [{"id": left["frame"].id, "name": "frame", "version": 1, "type": left["frame"].type}]


def test_commands_list_and_save(left, tmp_path, capsys):
    """`artifacts` lists, `artifact ID` saves: a value as JSON, a file as it was, under its name or another."""
    assert main(["artifacts"]) == 0
    assert "facts" in (listed := capsys.readouterr().out) and "1 leaving" in listed
    assert main(["artifacts", "frame", "--json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == [left["frame"].id]
    assert main(["artifacts", "nothing"]) == 0 and "No artifacts" in capsys.readouterr().out
    assert main(["artifact", str(left["facts"].id)]) == 0
    assert json.loads((tmp_path / "facts-v1.json").read_text())["html"] == leaving.EVIL
    assert main(["artifact", str(left["frame"].id), "-o", str(tmp_path / "mine.parquet"), "--json"]) == 0
    assert len(pd.read_parquet(tmp_path / "mine.parquet")) == 2
    assert main(["artifact", "999"]) == 1
