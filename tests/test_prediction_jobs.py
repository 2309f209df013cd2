"""Big files are predicted by a workflow of its own kind, which leaves them as a file."""

import io
from dataclasses import replace

import joblib
import pandas as pd
import pytest
from helpers import cast, tables
from helpers.notebooks import page, text
from helpers.refusals import refuses
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.engine import runner
from jobs.verbs import datasets, predictions, shares
from jobs.verbs import workflows as verbs
from store import actors, files, people, steps, workflows
from store import datasets as stored
from store.actors import Actor, Role
from store.errors import NotFoundError, TooManyError


@pytest.fixture
def trained(home):
    """The number of a workflow that has really learned, and its model."""
    ended = tables.run(datasets.add(io.BytesIO(tables.turkish()), "müşteri.csv"), "abone mi", "LR", epochs=3)
    return ended["train"].workflow_id, joblib.load(tables.file_of(ended["train"], "model"))


def done(workflow, number=-1):
    """Be the worker of one step; returns it as it ended."""
    step = steps.of_workflow(workflow.id)[number]
    runner.run_step(step.id, step.attempt)
    return steps.get(step.id)


def expected(model, content):
    return model.predict(pd.read_csv(io.BytesIO(content), sep=";", encoding="cp1254")).tolist()


def test_a_job_leaves_what_the_model_says(trained):
    """The job writes the file as the rows are written, as one that is predicted at once, and tells what was strange."""
    number, model = trained
    rows = tables.turkish(500, seed=9).replace("Ağrı".encode("cp1254"), b"Paris")
    job = predictions.predict_later(number, io.BytesIO(rows), "bugün.csv")
    assert (job.origin, job.parent_id, job.name) == ("predict", number, f"bugün to predict, by #{number}")
    step = done(job)
    left = predictions.job_file(job.id)
    assert (step.status, left.name, left.rows) == ("completed", "bugün-predictions.csv", 500)
    after = pd.read_csv(files.verified(left.file), sep=";", encoding="cp1254")
    assert after["prediction"].tolist() == expected(model, rows)
    at_once = predictions.predict_file(number, io.BytesIO(rows), "bugün.csv")
    assert at_once.read() == files.verified(left.file).read_bytes()
    # How the file was read, the dataset of the job says itself.
    said = [notice for notice in at_once.about.notices if notice.message.code.startswith("predict_")]
    told = [notice.as_json() for notice in said if notice.message.code != "predict_not_utf8"]
    assert step.result["notices"] == told and "predict_unseen_values" in {notice["code"] for notice in told}
    assert [each.id for each in predictions.jobs_of(number)] == [job.id]
    assert len(stored.versions("müşteri")) == 1, "rows to predict are no new version of what was learned from"


def test_a_job_can_be_repeated(trained):
    """The same file is not predicted twice, as Excel it is; a restart reuses what there is."""
    number, model = trained
    rows = tables.turkish(50, seed=9)
    first = predictions.predict_later(number, io.BytesIO(rows), "a.csv")
    done(first)
    again = predictions.predict_later(number, io.BytesIO(rows), "a.csv")
    assert done(again).reused_from is not None and predictions.job_file(again.id).rows == 50
    assert done(verbs.restart(first.id)).reused_from is not None
    excel = predictions.predict_later(number, io.BytesIO(rows), "a.csv", as_excel=True)
    assert done(excel).reused_from is None and predictions.job_file(excel.id).name.endswith(".xlsx")
    sheet = pd.read_excel(files.verified(predictions.job_file(excel.id).file), engine="openpyxl")
    assert sheet["prediction"].tolist() == expected(model, rows)


def test_what_does_not_fit_is_refused_before_it_is_queued(trained):
    """Missing columns and workflows without a model are refused by the start, not by the step."""
    number, _model = trained
    with refuses(match="columns are missing that the model needs"):
        predictions.predict_later(number, io.BytesIO(b"a,b\n" + b"1,2\n" * 30), "x.csv")
    (rows,) = stored.versions("x to predict")
    with refuses(match="no workflow 999"):
        verbs.start("predict_table", {"trained_by": 999}, {"data": rows.id})
    with refuses(NotFoundError, match="no file with predictions"):
        predictions.job_file(number)
    assert workflows.count(workflows.Filter(origin="predict")) == 0


def test_viewers_may_have_jobs(trained):
    """A viewer, who may predict, may have a big file predicted, too."""
    with actors.acting(Actor("vera", Role.viewer, "page")):
        job = predictions.predict_later(trained[0], io.BytesIO(tables.turkish(30)), "x.csv")
        done(job)
        assert predictions.job_file(job.id).rows == 30


def test_a_viewer_has_few_jobs_waiting(trained, monkeypatch):
    """As each keeps its rows, one more is refused, before its rows are stored."""
    monkeypatch.setattr(shares, "MOST_OF_A_VIEWER", 1)
    vera = people.add("vera", Role.viewer, None)
    with actors.acting(Actor("vera", Role.viewer, "page", person_id=vera.id)):
        job = predictions.predict_later(trained[0], io.BytesIO(tables.turkish(30)), "x.csv")
        with refuses(TooManyError, match="1 workflow waiting"):
            predictions.predict_later(trained[0], io.BytesIO(tables.turkish(31)), "y.csv")
        assert stored.versions("y to predict") == []
        done(job)
        predictions.predict_later(trained[0], io.BytesIO(tables.turkish(31)), "y.csv")


def test_not_every_file_called_predictions_is_a_jobs(home, monkeypatch):
    """A pipeline of people's own may leave a file of that name, or a result with such words: that is no job's."""
    monkeypatch.setattr(predictions, "PREDICTIONS", "greeting")
    made = cast.play()
    step = done(workflows.get(made), 0)
    assert "greeting" in steps.artifacts_of(step.id) and not predictions.leaves_file([step])
    with refuses(NotFoundError, match="no file with predictions"):
        predictions.job_file(made)
    says_so = replace(step, result={"rows": 1, "suffix": ".csv", "media_type": "text/csv"})
    assert predictions.leaves_file([says_so])
    assert not predictions.leaves_file([replace(says_so, result={**says_so.result, "suffix": "/../x"})])
    monkeypatch.setattr(predictions, "PREDICTIONS", "predictions")
    assert not predictions.leaves_file([says_so])


def test_programs_and_commands_have_jobs(trained, tmp_path, capsys):
    """A request is answered with the workflow, and its file is one address further; the command saves it."""
    number, model = trained
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    rows = tables.turkish(40, seed=4)
    path = f"/api/workflows/{number}/predict"
    answer = client.post(path, params={"name": "x.csv", "job": "true"}, content=rows)
    job = workflows.get(answer.json()["id"])
    assert answer.status_code == 202 and answer.headers["location"] == f"/api/workflows/{job.id}"
    assert client.get(f"/api/workflows/{job.id}/predictions").status_code == 404
    done(job)
    sent = client.get(f"/api/workflows/{job.id}/predictions")
    assert sent.headers["x-total-count"] == "40" and "x-predictions.csv" in sent.headers["content-disposition"]
    after = pd.read_csv(io.BytesIO(sent.content), sep=";", encoding="cp1254")
    assert after["prediction"].tolist() == expected(model, rows)
    out = tmp_path / "out.csv"
    assert main(["predictions", str(job.id), "-o", str(out)]) == 0 and "40 rows, saved" in capsys.readouterr().out
    assert out.read_bytes() == sent.content


def test_pages_show_jobs(trained):
    """The tab Predict lists the jobs of a model; the page of a job offers its file."""
    number, _model = trained
    job = predictions.predict_later(number, io.BytesIO(tables.turkish(40)), "x.csv")
    done(job)
    seen = page(id=number)
    seen = seen.button_group(key="workflow-view-predict").set_value(":material/online_prediction: Predict").run()
    assert not seen.exception and "Big files" in text(seen)
    links = [each.proto.url for each in seen.get("link_button")]
    assert links == [f"http://127.0.0.1:8501/api/workflows/{job.id}/predictions"]
    seen = page(id=job.id)
    assert [each.proto.url for each in seen.get("link_button")] == links
    assert "40 rows predicted" in text(seen) and "Media type" not in text(seen)
