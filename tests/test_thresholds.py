"""The threshold between two classes: what becomes of rows at each place is measured, and where a person sets it, every
prediction and the model file follow."""

import io
import json
import shlex

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables
from helpers.refusals import refuses
from helpers.tiers import seldom
from pydantic import TypeAdapter
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from api.wall import limits
from jobs.cli.app import main
from jobs.engine import runner
from jobs.pipelines.thresholds import Costs, Counted, Thresholds
from jobs.tabular import threshold_counts
from jobs.tabular.predict import predictor
from jobs.tabular.sandbox_client import Places
from jobs.tabular.train import step as training
from jobs.verbs import datasets, models, predictions
from jobs.verbs import thresholds as verbs
from jobs.verbs import workflows as workflow_verbs
from jobs.verbs.threshold_documents import ThresholdsOut
from pages.parts import commands
from store import actors, audit, db, steps, workflows
from store import thresholds as stored
from store.actors import Actor, Role
from store.errors import ConflictError, ForbiddenError, NotFoundError, RequestError
from store.tables import steps as step_table

ALGORITHMS = ["LR", "SVM", "perceptron", "mlp", "hist_gradient_boosting"]
READING = {"sep": ";", "encoding": "cp1254"}


def trained(algorithm="LR", content=None, target="abone mi", **params):
    """The number of a workflow that has really learned, and its steps."""
    given = datasets.add(io.BytesIO(tables.turkish() if content is None else content), "t.csv")
    ended = tables.run(given, target, algorithm, **{"epochs": 3, **params})
    assert ended["evaluate"].status == "completed", ended["evaluate"].error
    return ended["train"].workflow_id, ended


def belief_of(model, rows, label):
    """How much a model is for a label: its chance, or its score."""
    place = list(map(str, model.classes_)).index(label)
    if hasattr(model, "predict_proba"):
        return model.predict_proba(rows)[:, place]
    return model.decision_function(rows) * (1 if place else -1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_becomes_of_rows_is_what_the_model_does(home, algorithm):
    """At each place, as many test rows are found and are false alarms as the model gives that chance, or score."""
    number, ended = trained(algorithm)
    known = verbs.of(number)
    model = joblib.load(tables.file_of(ended["train"], "model")).named_steps["model"]
    belief = belief_of(model, tables.matrix_of(ended, "test_X", algorithm.startswith("hist")), "Evet")
    own = model.classes_[tables.matrix_of(ended, "test_y")] == "Evet"
    assert known.label == "Evet" and known.other == "Hayır" and 3 < len(known.values) <= 200
    assert list(known.values) == sorted(known.values) and known.usual in known.values
    assert known.of == ("chance" if hasattr(model, "predict_proba") else "score")
    for place in known.places():
        reached = belief >= place.value
        assert (place.found, place.missed) == ((reached & own).sum(), (~reached & own).sum())
        assert (place.alarms, place.passed) == ((reached & ~own).sum(), (~reached & ~own).sum())
    assert (known.chosen_on.part, known.reported_on.part) == ("validation", "test")
    assert known.chosen_on.wanted + known.chosen_on.others == len(tables.matrix_of(ended, "val_y"))


@pytest.mark.parametrize("algorithm", seldom(ALGORITHMS))
def test_every_prediction_follows_the_threshold(home, algorithm):
    """A file, rows and the downloaded model answer alike with the threshold that was set; the chance that stands beside
    a prediction is that of the predicted class; and after a reset all is as it was."""
    number, ended = trained(algorithm)
    content, frame = tables.turkish(300, seed=9), pd.read_csv(io.BytesIO(tables.turkish(300, seed=9)), **READING)
    before = predictions.predict_file(number, io.BytesIO(content), "a.csv").read()
    plain = models.model_file(number)
    assert plain.path == tables.file_of(ended["train"], "model")
    known = verbs.of(number)
    value = 0.2 if known.of == "chance" else known.values[len(known.values) // 4]
    verbs.set_threshold(number, value)
    made = models.model_file(number)
    model = joblib.load(io.BytesIO(made.read()))
    assert made.path is None and made.size == len(made.read()) and model.named_steps["model"].threshold == value
    expected = np.where(belief_of(joblib.load(plain.path), frame, "Evet") >= value, "Evet", "Hayır")
    assert model.predict(frame).tolist() == expected.tolist() and len(set(expected)) == 2
    predicted = predictions.predict_file(number, io.BytesIO(content), "a.csv")
    after = pd.read_csv(io.BytesIO(predicted.read()), **READING, dtype=str)
    assert after["prediction"].tolist() == expected.tolist()
    assert after["prediction"].tolist() != pd.read_csv(io.BytesIO(before), **READING)["prediction"].tolist()
    if known.of == "chance":
        chances = model.predict_proba(frame)
        own = chances[np.arange(len(chances)), (expected == model.classes_[1]).astype(int)]
        assert np.allclose([float(cell.replace(",", ".")) for cell in after["probability"]], own, atol=1e-6)
    rows = frame.drop(columns=["abone mi"]).astype(object).where(frame.drop(columns=["abone mi"]).notna(), None)
    answered = predictions.predict_rows(number, rows.head(40).to_dict("records"))
    assert answered.predictions == expected.tolist()[:40]
    assert any(notice.message.code.startswith("predict_from_") for notice in answered.notices)
    verbs.reset_threshold(number)
    assert predictions.predict_file(number, io.BytesIO(content), "a.csv").read() == before
    assert models.model_file(number).sha256 == plain.sha256


def test_the_first_class_can_be_the_one_to_find(home):
    """Without a yes among the classes the rarer one is found, also where it is the first and a whole number."""
    lines = [f"{i % 10},{10 if i % 10 < 3 else 20}\n" for i in range(400)]
    number, ended = trained("SVM", ("x,y\n" + "".join(lines)).encode(), "y")
    known = verbs.of(number)
    assert (known.label, known.other) == ("10", "20")
    verbs.set_threshold(number, known.values[-1])
    model = joblib.load(io.BytesIO(models.model_file(number).read()))
    frame = pd.DataFrame({"x": range(10)})
    belief = -joblib.load(tables.file_of(ended["train"], "model")).decision_function(frame)
    expected = np.where(belief >= stored.get(number).value, 10, 20).tolist()
    assert model.predict(frame).tolist() == expected
    assert predictions.predict_rows(number, frame.to_dict("records")).predictions == expected


def known_of(found, alarms, values=(0.1, 0.3, 0.5, 0.7), of="chance"):
    counted = Counted("validation", 10, 90, found, alarms)
    return Thresholds("yes", "no", of, 0.5 if of == "chance" else 0.0, values, counted, counted)


def test_the_best_place_gains_most_on_the_rows_that_choose():
    """It follows the costs; of places that gain alike, the one where a row of that chance neither wins nor loses."""
    known = known_of((10, 9, 6, 2), (60, 20, 5, 0))
    assert known.best(Costs(1, 100)) == 0.1 and known.best(Costs(1, 10)) == 0.3
    assert known.best(Costs(1, 1)) == 0.7 and known.best(Costs(100, 1)) == 0.7
    alike = known_of((5, 5, 5, 5), (5, 5, 5, 5))
    assert alike.best(Costs(1, 9)) == 0.1 and alike.best(Costs(1, 1)) == 0.5 and alike.best(Costs(7, 3)) == 0.7
    assert known_of((5, 5), (5, 5), (-2.0, 0.0), "score").best(Costs(1, 99)) == 0.0
    assert known.nearest(0.61) == 0.7 and known.nearest(0.4) == 0.5 and known.at(0.29).alarms == 20


@pytest.mark.parametrize(("most", "same"), [(0, True), (5_000, False)])
def test_rows_that_choose_were_not_learned_from(home, monkeypatch, most, same):
    """The model of a small table learns from validation rows in the end; the best threshold is chosen by the one that
    had not. Otherwise both are the same model."""
    monkeypatch.setattr(training, "MOST_ROWS_LEARNED_ANEW", most)
    _number, ended = trained("LR", epochs=8)
    assert (ended["train"].result["chosen_on"] is None) is same
    chosen = ended["evaluate"].result["thresholds"]["chosen_on"]
    model = joblib.load(tables.file_of(ended["train"], "model")).named_steps["model"]
    counter = threshold_counts.Counter(ended["evaluate"].result["thresholds"]["values"], 0)
    counter.add(model.predict_proba(tables.matrix_of(ended, "val_X")), tables.matrix_of(ended, "val_y"))
    assert model.classes_[0] == "Evet"
    assert ({name: chosen[name] for name in counter.counts()} == counter.counts()) is same


def test_folds_and_two_parts_are_told(home):
    """With folds every row is counted, by a model that has not seen it; without a validation part the rows that choose
    are those that are reported on."""
    number, ended = trained("LR", folds=3)
    reported = verbs.of(number).reported_on
    assert reported.part == "all" and reported.wanted + reported.others == ended["evaluate"].result["rows"] == 240
    number, ended = trained("LR", validation_size=0.0)
    known = verbs.of(number)
    assert known.chosen_on == known.reported_on and known.chosen_on.part == "validation"


def test_there_are_never_many_places():
    """A million rows have 200 places at most, a hundred of them whole percents, and are counted exactly."""

    class Sure:
        def predict_proba(self, rows):
            return np.column_stack([1 - rows, rows])

    chances = np.random.default_rng(0).beta(0.05, 8, 1_000_000).astype(np.float32)
    actual = (np.random.default_rng(1).random(1_000_000) < chances).astype(np.int16)
    blocks = [(chances[at : at + 65_536], actual[at : at + 65_536]) for at in range(0, 1_000_000, 65_536)]
    chosen = threshold_counts.counted(Sure(), blocks, 1)
    assert len(chosen["values"]) <= 200 and set(threshold_counts.PERCENT) <= set(chosen["values"])
    assert min(chosen["values"]) < 1e-3, "rare classes have places below one percent"
    assert len(json.dumps(chosen)) < 8_000 and chosen["wanted"] + chosen["others"] < 270_000
    counter = threshold_counts.Counter(chosen["values"], 1)
    for rows, codes in blocks:
        counter.add(Sure().predict_proba(rows), codes)
    reached = chances >= np.float32(chosen["values"][3])
    assert counter.counts()["found"][3] == (reached & (actual == 1)).sum()


def test_what_has_no_threshold_says_why(home):
    """Numbers and more classes have none; a workflow of a release before says what to do, and that does it."""
    numbers, _ended = trained("sgd_regressor", tables.numbers(), "price")
    with refuses(NotFoundError, match="does not tell two classes apart"):
        verbs.of(numbers)
    number, ended = trained("LR")
    older = {name: value for name, value in ended["evaluate"].result.items() if name != "thresholds"}
    with db.writing() as connection:
        which = step_table.c.id == ended["evaluate"].id
        connection.execute(update(step_table).where(which).values(result=older, fingerprint="of before"))
    with refuses(ConflictError, match="Run it again from the step evaluate"):
        verbs.set_threshold(number, 0.3)
    again = workflow_verbs.rerun_from(number, "evaluate", {})
    for step in steps.of_workflow(again.id):
        runner.run_step(step.id, step.attempt)
    done = {step.name: step for step in steps.of_workflow(again.id)}
    assert done["train"].reused_from is not None and done["evaluate"].reused_from is None
    assert verbs.set_threshold(again.id, 0.3).id == again.id
    pending = tables.workflow(datasets.sample(), "churned", "LR")["train"].workflow_id
    with refuses(ConflictError, match="pending"):
        verbs.of(pending)


def test_what_is_no_threshold_is_refused(home):
    """A value that is no chance, half of the costs, and costs that say nothing are refused in words."""
    number, _ended = trained("LR")
    for value in (0.0, 1.0, 30.0, -1.0, float("nan")):
        with refuses(RequestError, match="above 0 and below 1"):
            verbs.set_threshold(number, value)
    with refuses(RequestError, match="Give a threshold"):
        verbs.set_threshold(number)
    with refuses(RequestError, match="Give both"):
        verbs.costs_from(1.0, None)
    with refuses(RequestError, match="not both 0"):
        verbs.costs_from(0.0, 0.0)
    with refuses(NotFoundError):
        verbs.set_threshold(number + 99, 0.3)
    assert stored.get(number) is None


def test_who_set_it_is_kept_and_viewers_may_not(home):
    """It is kept with the person, the time and the costs, in the audit trail too; a viewer sees it and cannot move it;
    it goes with the workflow."""
    number, _ended = trained("LR")
    with actors.acting(Actor("ayşe", Role.analyst, "page")):
        verbs.set_threshold(number, 0.333, Costs(5, 100))
    kept = stored.get(number)
    assert (kept.label, kept.set_by, kept.alarm_cost, kept.found_gain) == ("Evet", "ayşe", 5, 100)
    assert abs(kept.value - 0.333) <= 0.004 and kept.value in verbs.of(number).values
    assert audit.find()[0].message.code == "deed_set_threshold_of_workflow"
    with actors.acting(Actor("vera", Role.viewer, "page")):
        assert verbs.of(number).label == "Evet" and models.model_file(number).size
        with pytest.raises(ForbiddenError):
            verbs.set_threshold(number, 0.4)
        with pytest.raises(ForbiddenError):
            verbs.reset_threshold(number)
    verbs.set_threshold(number, None, Costs(5, 100))
    assert stored.get(number).value == verbs.of(number).best(Costs(5, 100))
    workflow_verbs.remove([number])
    assert stored.get(number) is None


def test_another_model_begins_with_the_usual_threshold(home):
    """Restart makes another model, which has no threshold; the costs that were said are offered again."""
    number, _ended = trained("LR")
    verbs.set_threshold(number, 0.3, Costs(5, 100))
    again = workflow_verbs.restart(number)
    assert stored.get(again.id) is None and verbs.costs_said(again.id) == Costs(5, 100)
    assert verbs.costs_said(number) == Costs(5, 100)
    verbs.set_threshold(number, 0.3)
    assert verbs.costs_said(again.id) is None


def test_jobs_keep_the_threshold_of_their_start(home):
    """A job predicts with the threshold of when it was started, and the same rows with another one are not reused."""
    number, ended = trained("LR")
    content = tables.turkish(200, seed=9)
    frame = pd.read_csv(io.BytesIO(content), **READING)
    belief = belief_of(joblib.load(tables.file_of(ended["train"], "model")), frame, "Evet")
    rows = datasets.add(io.BytesIO(content), "rows.csv")

    def said(job):
        (step,) = steps.of_workflow(job.id)
        runner.run_step(step.id, step.attempt)
        left = tables.file_of(steps.get(step.id), "predictions")
        return pd.read_csv(left, **READING)["prediction"].tolist()

    def expected(value):
        return np.where(belief >= value, "Evet", "Hayır").tolist()

    usual = said(predictions.predict_dataset(number, rows.id))
    verbs.set_threshold(number, 0.2)
    low = predictions.predict_dataset(number, rows.id)
    verbs.set_threshold(number, 0.8)
    assert said(low) == expected(0.2) != usual
    high = said(predictions.predict_dataset(number, rows.id))
    assert high == expected(0.8) != expected(0.2)
    params = workflow_verbs.propose("predict_table", {"data": rows.id}, {"trained_by": str(number)})
    assert said(workflow_verbs.start("predict_table", params, {"data": rows.id})) == expected(0.8)
    with refuses(RequestError, match="is not one of two classes"):
        wrong = {"trained_by": number, "positive_class": "Belki", "decision_threshold": 0.3}
        workflow_verbs.start("predict_table", wrong, {"data": rows.id})


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create())])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


def test_programs_move_the_threshold(client):
    """The API shows every place with what it gains, moves the threshold, sends the model with it, and resets it."""
    number, _ended = trained("LR")
    path = f"/api/workflows/{number}/threshold"
    document = TypeAdapter(ThresholdsOut).validate_python(client.get(path).json(), strict=True)
    assert document["threshold"] is None and document["now"]["value"] == 0.5 and document["best"] is None
    asked = client.get(path, params={"false_alarm_cost": 1, "found_gain": 20}).json()
    known = verbs.of(number)
    assert asked["best"]["value"] == known.best(Costs(1, 20)) and len(asked["places"]) == len(known.values)
    assert asked["now"]["gain"] == known.at(0.5).gain(Costs(1, 20))
    moved = client.put(path, json={"value": 0.3})
    assert moved.status_code == 200 and moved.json()["now"] == {**moved.json()["now"], "value": 0.3}
    assert client.get(f"/api/workflows/{number}").json()["threshold"]["value"] == 0.3
    assert client.get("/api/workflows").json()[0]["threshold"]["label"] == "Evet"
    sent = client.get(f"/api/workflows/{number}/model")
    assert joblib.load(io.BytesIO(sent.content)).named_steps["model"].threshold == 0.3
    assert sent.headers["content-length"] == str(len(sent.content)) and ".joblib" in sent.headers["content-disposition"]
    best = client.put(path, json={"false_alarm_cost": 1, "found_gain": 20}).json()
    assert best["threshold"]["value"] == known.best(Costs(1, 20)) and best["threshold"]["found_gain"] == 20
    assert client.delete(path).json()["threshold"] is None and workflows.get(number).status == "completed"
    for body, code in (
        ({}, "threshold_not_given"),
        ({"value": 7}, "threshold_out_of_range"),
        ({"found_gain": 1}, "threshold_costs_incomplete"),
    ):
        refused = client.put(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    for body in ('{"value": NaN}', '{"value": -Infinity}', '{"false_alarm_cost": NaN, "found_gain": 1}'):
        refused = client.put(path, content=body, headers={"content-type": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (422, "field_not_number")
    assert client.get(path, params={"false_alarm_cost": "nan", "found_gain": 1}).status_code == 422


def test_a_model_with_a_threshold_waits_for_no_place_of_others(client, monkeypatch):
    """Writing it waits in a thread and for a place of those that write files, so that rows are predicted meanwhile."""
    number, ended = trained("LR")
    verbs.set_threshold(number, 0.3)
    threads, predicting = [], limits.predicting

    async def counted(function, *given):
        threads.append(getattr(function, "__name__", "rows"))
        return await predicting(function, *given)

    monkeypatch.setattr(limits, "predicting", counted)
    monkeypatch.setattr(predictor, "FILES", Places(1, 0.1))
    path = f"/api/workflows/{number}"
    with predictor.FILES.taken():
        refused = client.get(f"{path}/model")
        assert (refused.status_code, refused.json()["code"]) == (503, "predict_busy")
        row = dict.fromkeys(ended["preprocess"].result["features"])
        assert client.post(f"{path}/predict", json={"rows": [row]}).status_code == 200
    assert client.get(f"{path}/model").status_code == 200 and threads.count("model_file") == 2


def test_the_command_shows_and_moves_it(home, tmp_path, capsys):
    """Without a value it shows what is found where; with one, or with costs, it moves; --reset is the way back."""
    number, _ended = trained("LR")
    assert main(["threshold", str(number)]) == 0
    shown = capsys.readouterr().out
    assert "Evet is predicted from 50 % on, where the model decides by itself." in shown and "False alarms" in shown
    assert main(["threshold", str(number), "30%"]) == 0 and "from 30 % on, as it was set" in capsys.readouterr().out
    assert main(["threshold", str(number), "--false-alarm-cost", "1", "--found-gain", "20", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["threshold"]["value"] == document["best"]["value"] == stored.get(number).value
    out = tmp_path / "model.joblib"
    assert main(["model", str(number), "--out", str(out)]) == 0
    assert joblib.load(out).named_steps["model"].threshold == stored.get(number).value
    capsys.readouterr()
    assert main(["threshold", str(number), "--reset"]) == 0 and stored.get(number) is None
    assert main(["threshold", str(number), "--rest"]) == 2 and "No such option: --rest" in capsys.readouterr().err
    assert main(["threshold", str(number), "much"]) == 2 and "is not a number" in capsys.readouterr().err
    assert main(["threshold", str(number), "30"]) == 1 and "above 0 and below 1" in capsys.readouterr().err


def test_a_score_below_zero_is_a_value(home, capsys):
    """Models with scores have thresholds below 0; the command takes one as the page shows it."""
    number, _ended = trained("SVM")
    words = shlex.split(commands.threshold(number, -0.5, (1.0, 3.0)).command)
    words = words[words.index("threshold") :]
    assert words[2] == "-0.5" and main(words) == 0 and stored.get(number).value < 0
    assert main(["threshold", str(number), "-0.5", "--json"]) == 0
