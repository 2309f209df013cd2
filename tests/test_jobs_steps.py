"""Upload, preprocess, train, evaluate: from bytes to a model that predicts on raw rows, anywhere."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import tables
from helpers.tiers import seldom

from jobs.engine import runner
from jobs.language import sentence, sentence_of, text_of
from jobs.pipelines import StepError, context
from jobs.tabular.algorithms import ALGORITHMS
from jobs.tabular.column import Column
from jobs.tabular.matrix import Matrix, RowLayout, Shuffle
from jobs.tabular.prepare import encoder, fit, pack, table
from jobs.tabular.prepare.step import _choose_features
from jobs.verbs import datasets
from store import datasets as stored
from store import files, logs, metrics, steps
from store.messages import Message
from store.tables import Status

CLASSIFIERS = [key for key, algorithm in ALGORITHMS.items() if algorithm.task == "classification"]
REGRESSORS = [key for key, algorithm in ALGORITHMS.items() if algorithm.task == "regression"]

CLEAN = """
import sys, json, warnings
warnings.simplefilter("error")
import joblib, pandas
model = joblib.load(sys.argv[1])
told = {}
for name, options in json.loads(sys.argv[3]).items():
    told[name] = model.predict(pandas.read_csv(sys.argv[2], **options)).tolist()
assert not [name for name in sys.modules if name.split(".")[0] in ("jobs", "store", "tables", "pyarrow.ours")]
print(json.dumps(told))
"""


@pytest.fixture
def turkish(home):
    return datasets.add(io.BytesIO(tables.turkish()), "müşteriler.csv")


@pytest.fixture
def prices(home):
    return datasets.add(io.BytesIO(tables.numbers()), "prices.csv")


def add(frame, name="t.csv"):
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), name)


def completed(ended, name="evaluate"):
    for step in ended.values():
        assert step.status in (Status.completed, Status.pending), step.traceback or sentence(step.error)
    return ended[name].result


def predict_elsewhere(model, content, folder, ways):
    """What a model says in a clean Python elsewhere, for rows read in several ways."""
    rows = folder / "rows.csv"
    rows.write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-I", "-c", CLEAN, str(model), str(rows), json.dumps(ways)],
        cwd=folder,
        text=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


TURKISH = {"encoding": "cp1254", "sep": ";"}
WAYS = {
    "numbers": {**TURKISH, "decimal": ","},
    "commas as text": TURKISH,
    "all text": {**TURKISH, "dtype": "str"},
    "all text, gaps empty": {**TURKISH, "dtype": "str", "keep_default_na": False},
    "objects": {**TURKISH, "dtype": "object"},
    "dates": {**TURKISH, "decimal": ",", "parse_dates": ["kayıt tarihi"], "date_format": "%d.%m.%Y"},
    "fewer columns": {
        **TURKISH,
        "decimal": ",",
        "usecols": ["gelir", "yaş", "puan", "şehir", "posta kodu", "kayıt tarihi"],
    },
}


@pytest.mark.parametrize("key", CLASSIFIERS)
def test_a_turkish_file_trains_with_every_algorithm(turkish, key, tmp_path):
    """A Turkish export with gaps, texts and a constant trains, and the saved model predicts raw rows elsewhere."""
    ended = tables.run(turkish, "abone mi", key, epochs=8)
    scores = completed(ended)["scores"]
    assert scores["accuracy"] > scores["baseline_accuracy"] + 0.1
    content = tables.turkish(seed=77)
    told = predict_elsewhere(tables.file_of(ended["train"], "model"), content, tmp_path, WAYS)
    actual = pd.read_csv(io.BytesIO(content), **TURKISH)["abone mi"]
    first = told["numbers"]
    for name, answers in told.items():
        assert answers == first, name
    assert (np.array(first) == actual).mean() > actual.value_counts(normalize=True).max() + 0.1
    assert set(first) == {"Evet", "Hayır"}


@pytest.mark.parametrize("key", REGRESSORS)
def test_a_number_is_predicted_with_every_algorithm(prices, key, tmp_path):
    """A number is predicted in its own unit, better than by the mean, also by the saved model elsewhere."""
    params = {"learning_rate": 0.05} if key == "mlp_regressor" else {}
    ended = tables.run(prices, "price", key, epochs=20, **params)
    scores = completed(ended)["scores"]
    assert scores["r2"] > 0.8
    assert scores["rmse"] < scores["baseline_rmse"] / 2
    content = tables.numbers(seed=6)
    told = predict_elsewhere(
        tables.file_of(ended["train"], "model"), content, tmp_path, {"usual": {}, "all text": {"dtype": "str"}}
    )
    actual = pd.read_csv(io.BytesIO(content))["price"]
    assert np.sqrt(((np.array(told["usual"]) - actual) ** 2).mean()) < actual.std() / 2
    assert told["usual"] == told["all text"]


def test_rows_read_anyhow_give_the_same_answers(home):
    """Names with blanks or none, codes, truth values, dates, gaps: however pandas reads them, the answers are equal."""
    random = np.random.default_rng(4)
    lines = [" age ,,ok,code,when,mixed,y"]
    for number in range(200):
        age, code = random.integers(20, 60), random.choice(["007", "012", "100", ""])
        cells = [
            str(age),
            f"{random.normal():.3f}",
            random.choice(["True", "False", ""]),
            code,
            f"2024-{random.integers(1, 13):02d}-11",
            random.choice(["1", "2", "n/a", "x"]),
            "a" if age + 15 * (code == "007") > 42 else "b",
        ]
        lines.append(",".join(cells if number else [*cells[:5], "x", *cells[6:]]))
    content = ("\n".join(lines) + "\n").encode()
    ended = tables.run(datasets.add(io.BytesIO(content), "odd.csv"), "y", "LR", epochs=5)
    assert completed(ended)["scores"]["accuracy"] > 0.8
    assert "code" in ended["preprocess"].result["features"]
    model = joblib.load(tables.file_of(ended["train"], "model"))
    usual = pd.read_csv(io.BytesIO(content))
    assert usual["code"].dtype == float, "pandas reads the codes as numbers, which is what is tested"
    expected = model.decision_function(usual)
    for options in (
        {"dtype": "str"},
        {"dtype": "str", "keep_default_na": False},
        {"parse_dates": ["when"]},
        {"dtype_backend": "numpy_nullable"},
    ):
        assert np.array_equal(model.decision_function(pd.read_csv(io.BytesIO(content), **options)), expected), options
    assert model.decision_function(usual.iloc[7:8])[0] == pytest.approx(expected[7], abs=1e-5)
    assert model.predict(usual[usual.columns[::-1]].drop(columns="y")).tolist() == model.predict(usual).tolist()


def test_a_class_that_was_never_seen_is_not_only_tested(home):
    """Every class is among the rows to learn from, however the rows are drawn."""
    labels = ["a", "b"] * 60 + ["c"]
    for seed in range(6):
        for key in ("hist_gradient_boosting", "mlp"):
            ended = tables.run(add(frame_of(labels, 121)), "y", key, epochs=1, random_state=seed, test_size=0.8)
            assert completed(ended)["confusion"]["labels"] == ["a", "b", "c"]


def test_a_batch_bigger_than_the_table(prices):
    """A batch may be bigger than the table."""
    completed(tables.run(prices, "price", "mlp_regressor", epochs=1, batch_size=5_000))


def test_results_have_the_agreed_shape(turkish):
    """Every step tells what the pages and the API show."""
    ended = tables.run(turkish, "abone mi", "LR", epochs=3)
    upload, preprocess, train, found = (ended[name].result for name in ("upload", "preprocess", "train", "evaluate"))
    assert (upload["rows"], upload["columns"], upload["columns_profile"]) == (240, 9, turkish.columns)
    assert preprocess["task"] == "classification"
    assert preprocess["classes"] == ["Evet", "Hayır"]
    parts = [preprocess[f"{part}_rows"] for part in ("train", "validation", "test")]
    assert sum(preprocess["class_counts"].values()) == sum(parts) == 240 and min(parts) > 0
    assert preprocess["features"] == ["yaş", "şehir", "kayıt tarihi", "gelir", "puan", "posta kodu"]
    assert {entry["column"] for entry in preprocess["left_out"]} == {"müşteri no", "ülke"}
    did = {entry["column"]: sentence_of(entry["did"]) for entry in preprocess["columns"]}
    assert "gaps filled with the median" in did["yaş"]
    assert "gaps filled with the most frequent value" in did["şehir"]
    assert did["kayıt tarihi"] == "split into days, month, weekday, day, day of year; scaled to mean 0 and spread 1"
    assert train["epochs_run"] == 3
    assert train["main_metric"] == "val_accuracy"
    assert train["model_size"] == tables.file_of(ended["train"], "model").stat().st_size
    curves = metrics.curves(ended["train"].id)
    assert set(curves) == {"train_accuracy", "val_accuracy", "train_loss", "val_loss"}
    assert [point.epoch for point in curves["val_loss"]] == [1, 2, 3]
    assert train["best"] == max(point.value for point in curves["val_accuracy"])
    assert found["scores"]["validation_accuracy"] == train["best"]
    low, high = found["intervals"]["accuracy"]
    assert low <= found["scores"]["accuracy"] <= high
    assert found["confusion"]["labels"] == ["Evet", "Hayır"]
    assert (found["part"], np.sum(found["confusion"]["counts"])) == ("test", preprocess["test_rows"])
    assert found["roc"]["points"][0] == [0, 0]
    assert found["roc"]["points"][-1] == [1, 1]
    assert len(found["curves"]) == 2
    assert sentence_of(found["baseline"]["answer"]).startswith('always answering "')
    assert {entry["column"] for entry in found["importance"]} == set(preprocess["features"])
    assert json.loads(json.dumps([upload, preprocess, train, found], allow_nan=False))


def test_importance_finds_the_columns_that_matter(prices):
    """The columns that make the price come out on top."""
    ended = tables.run(prices, "price", "hist_gradient_boosting_regressor")
    found = completed(ended)
    assert found["importance"][0]["column"] in ("size", "rooms")
    assert len(found["residuals"]["actual"]) == ended["preprocess"].result["test_rows"]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [([0, 1], int), ([10, 20, 30], int), (["evet", "hayır"], str), (["b", "a", "c", "d"], str), ([0.5, 1.5], float)],
)
@pytest.mark.parametrize("key", seldom(["logistic_regression", "mlp", "hist_gradient_boosting"]))
def test_labels_come_back_as_they_were(home, labels, kind, key):
    """A model answers with the labels of the file: whole numbers, numbers, texts."""
    random = np.random.default_rng(0)
    codes = np.arange(160) % len(labels)
    frame = pd.DataFrame(
        {
            "x": codes % 2 + random.normal(0, 0.1, 160),
            "z": codes // 2 + random.normal(0, 0.1, 160),
            "y": [labels[code] for code in codes],
        }
    )
    ended = tables.run(add(frame), "y", key, epochs=6)
    assert completed(ended)["scores"]["accuracy"] > 0.6
    predicted = joblib.load(tables.file_of(ended["train"], "model")).predict(frame)
    assert {type(value) for value in predicted.tolist()} == {kind}
    assert set(predicted.tolist()) <= set(labels)


def told(step):
    """A training's result; the size of the file may differ by a few bytes, as it depends on which texts are shared."""
    return {name: value for name, value in step.result.items() if name != "model_size"}


class Stop(Exception):  # noqa: N818 - what happens, not what went wrong
    """An attempt ends here, and may be repeated."""

    retryable = True


@pytest.mark.parametrize("key", seldom(ALGORITHMS, always=3))
def test_a_stopped_training_goes_on_as_if_nothing_had_happened(home, key, monkeypatch):
    """Training that is stopped half-way and goes on ends with the same model and the same curve."""
    monkeypatch.setattr(context, "CHECKPOINT_SECONDS", 0.0)
    target = "price" if ALGORITHMS[key].task == "regression" else "kind"
    dataset = datasets.add(io.BytesIO(tables.numbers(200)), "prices.csv")
    undisturbed = tables.run(dataset, target, key, epochs=7, until="train")
    written = tables.workflow(dataset, target, key, epochs=7)
    for name in ("upload", "preprocess"):
        runner.run_step(written[name].id, 1)
    step = written["train"]
    from store import db
    from store.tables import steps as rows

    with db.writing() as connection:  # otherwise the finished training would be reused
        connection.execute(rows.update().where(rows.c.id == step.id).values(fresh=True))
    usual = context.Recorder.metric

    def stop(self, epoch, **values):
        if epoch == 5:
            raise Stop("power cut")
        usual(self, epoch, **values)

    monkeypatch.setattr(context.Recorder, "metric", stop)
    with pytest.raises(runner.StepFailedError):
        runner.run_step(step.id, 1)
    monkeypatch.setattr(context.Recorder, "metric", usual)
    measured = []
    training = sys.modules["jobs.tabular.train.step"]
    judge = training._judge
    monkeypatch.setattr(training, "_judge", lambda run, *rest: (measured.append(run.epoch), judge(run, *rest)))
    runner.run_step(step.id, 2)
    assert measured == [5, 6, 7], "epochs 1 to 4 must not be trained again"
    ended = steps.get(step.id)
    assert ended.status is Status.completed
    assert told(ended) == told(undisturbed["train"])
    assert metrics.curves(step.id) == metrics.curves(undisturbed["train"].id)
    frame = pd.read_csv(io.BytesIO(tables.numbers(50, seed=1)))
    answers = [joblib.load(tables.file_of(which, "model")).predict(frame) for which in (ended, undisturbed["train"])]
    assert np.array_equal(*answers)


KILLED = """
import os, signal, sys
from jobs.engine import runner
from jobs.pipelines import StepError, context
context.CHECKPOINT_SECONDS = 0.0
usual = context.Recorder.metric
def die(self, epoch, **values):
    if epoch == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    usual(self, epoch, **values)
context.Recorder.metric = die
runner.run_step(int(sys.argv[1]), 1)
"""


def test_a_killed_training_goes_on(turkish):
    """After SIGKILL the next attempt continues from the checkpoint and ends with the same curve."""
    undisturbed = tables.run(turkish, "abone mi", "mlp", epochs=6, until="train")
    written = tables.workflow(turkish, "abone mi", "mlp", epochs=6, batch_size=31)
    reference = tables.run(turkish, "abone mi", "mlp", epochs=6, batch_size=31, until="train")
    assert metrics.curves(reference["train"].id) != metrics.curves(undisturbed["train"].id)
    from store import db
    from store.tables import steps as rows

    step = written["train"]
    with db.writing() as connection:
        connection.execute(rows.update().where(rows.c.id == step.id).values(fresh=True))
    for name in ("upload", "preprocess"):
        runner.run_step(written[name].id, 1)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(step.id)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert steps.lose(steps.get(step.id), Message("worker_lost", {"text": "The worker was lost."}))
    runner.run_step(step.id, 2)
    assert metrics.curves(step.id) == metrics.curves(reference["train"].id)
    assert told(steps.get(step.id)) == told(reference["train"])


def refused(frame, target, algorithm="logistic_regression", **params):
    """The sentence with which a workflow fails, and at which step."""
    with tables.unchecked():
        ended = tables.run(add(frame), target, algorithm, **params)
    failed = next(step for step in ended.values() if step.status is Status.failed)
    assert failed.error_code != "error" and not failed.traceback, failed.traceback
    return failed.name, sentence(failed.error)


def frame_of(y, rows=100):
    return pd.DataFrame({"x": np.random.default_rng(0).normal(size=rows), "y": y})


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (["a"] * 100, "y has only one value; there is nothing to predict."),
        ([f"v{i % 51}" for i in range(100)], "y has more than 50 different values; choose a target with fewer."),
        (
            np.arange(100) * 1.5,
            "y has many different numbers; choose an algorithm that predicts a number, such as boosting (numbers).",
        ),
        (
            np.arange(100),
            "y has more than 50 different values; choose a target with fewer or an algorithm that predicts a number.",
        ),
        (
            [None] * 60 + ["a", "b"] * 20,
            "y is missing in 60 of 100 rows; more than half, so there is too little to learn from.",
        ),
        (["2024-01-01", "2024-01-02"] * 50, "y holds dates; choose another column to predict."),
        ([None] * 100, "y holds nothing; choose another column to predict."),
    ],
)
def test_targets_that_are_refused(home, y, sentence):
    """A target that cannot be learned is refused before training, in plain words."""
    assert refused(frame_of(y), "y") == ("preprocess", sentence)


def test_a_number_algorithm_on_texts_is_refused(home):
    """Predicting a number needs a number column."""
    name, sentence = refused(frame_of(["a", "b"] * 50), "y", "sgd_regressor")
    assert (name, sentence) == (
        "preprocess",
        "y is not a number column; choose an algorithm for classes, such as logistic regression.",
    )


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"target": "z", "features": None}, "There is no column z; choose the target from x, y."),
        ({"target": "y", "features": ["q"]}, "There is no column q to learn from."),
        ({"target": "y", "features": ["y"]}, "There is no column left to learn from; choose at least one besides the"),
    ],
)
def test_columns_that_do_not_exist_are_refused(params, words):
    """A target or feature that is not in the table is named by the step, too: the whole file may have others."""
    columns = {"x": Column("x", "number"), "y": Column("y", "text")}
    with pytest.raises(StepError) as refused:
        _choose_features(columns, params)
    assert sentence(refused.value.message).startswith(words)


def test_diverging_training_says_what_to_do(home):
    """Numbers that grow without limit end training with advice."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 4)) * 1e30, columns=list("abcd")).assign(y=random.normal(size=200))
    name, sentence = refused(frame, "y", "sgd_regressor", scaling="none", learning_rate=1.0)
    assert name == "train"
    assert sentence.startswith("Training diverged. Choose a smaller learning rate than 1")


def test_rare_classes_and_missing_labels(home):
    """Rows without a label are dropped and counted; a class with one member does not stop anything."""
    labels = ["a", "b"] * 48 + ["c"] + [None] * 3
    ended = tables.run(add(frame_of(labels)), "y", "LR")
    found = completed(ended, "preprocess")
    assert found["rows_dropped"] == 3
    assert [sentence_of(entry) for entry in found["notices"]][:2] == [
        "3 rows were dropped because y is missing.",
        "No test row is c, so the scores say nothing about it.",
    ]


def test_the_split_is_repeatable(home):
    """The same seed gives the same split, another one another."""
    dataset = add(frame_of((["a"] * 9 + ["b"]) * 20, 200))

    def tested(seed):
        ended = tables.run(dataset, "y", "LR", until="preprocess", random_state=seed, test_size=0.25)
        return tables.matrix_of(ended, "test_X")

    first = tested(1)
    assert np.array_equal(first, tested(1)) and not np.array_equal(first, tested(2))


def test_of_very_many_rows_some_are_fitted_on(home, monkeypatch):
    """With very many rows the rows to fit gaps and scaling on are drawn, and that is told."""
    monkeypatch.setattr(fit, "FITTED_ROWS", 300)
    found = completed(tables.run(add(frame_of(["a", "b"] * 2_000, 4_000)), "y", "LR"), "preprocess")
    assert found["train_rows"] + found["validation_rows"] + found["test_rows"] == 4_000
    assert 700 < found["test_rows"] < 900
    assert "of the 2," in sentence_of(found["notices"][0])


def test_only_training_rows_are_learned_from(home):
    """A value that occurs only in rows held out leaves no trace in how columns are prepared."""
    frame = frame_of(["a", "b"] * 100, 200)
    dataset = add(frame)
    ended = tables.run(dataset, "y", "LR", until="preprocess", gaps="mean")
    way = joblib.load(tables.file_of(ended["preprocess"], "transformer"))["way"]
    learned = tables.matrix_of(ended, "train_X")
    assert learned.mean() == pytest.approx(0, abs=1e-6)
    assert learned.std() == pytest.approx(1, abs=1e-5)
    assert way.transform(frame).mean() != pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"gaps": "mean"}, "filled with the mean "),
        ({"gaps": "zero"}, "filled with 0"),
        ({"scaling": "minmax"}, "scaled to 0 to 1"),
        ({"scaling": "none"}, "filled with the median 1"),
        ({"text_gaps": "own_category"}, "became a category of their own"),
        ({"max_categories": 3}, "most frequent of 4 values"),
    ],
)
def test_choices_of_preparation_are_done_and_said(home, params, words):
    """Every choice about gaps, scaling and categories is carried out and told."""
    frame = pd.DataFrame(
        {
            "row": range(120),
            "n": [1.0, 1.0, 4.0, np.nan] * 30,
            "t": ["a", "a", "b", "b", "b", "c", "d", None] * 15,
            "y": ["yes", "no"] * 60,
        }
    )
    found = completed(tables.run(add(frame), "y", "LR", until="preprocess", **params), "preprocess")
    assert any(words in sentence_of(entry["did"]) for entry in found["columns"]), found["columns"]


def test_warnings_about_leaks_and_imbalance(home):
    """A column that gives the answer away, and a rare class, are warned about."""
    random = np.random.default_rng(0)
    y = random.random(600) < 0.08
    frame = pd.DataFrame(
        {
            "leak": y * 1.0 + random.normal(0, 0.01, 600),
            "a": random.normal(size=600),
            "b": random.normal(size=600),
            "y": np.where(y, "bad", "good"),
        }
    )
    found = completed(tables.run(add(frame), "y", "hist_gradient_boosting"))
    said = " ".join(sentence_of(entry) for entry in found["warnings"])
    assert "The score is almost perfect" in said
    assert '"bad" is rare' in said


def test_no_better_than_guessing_is_said(home):
    """A model that has learned nothing is called that."""
    found = completed(tables.run(add(frame_of(["a", "a", "b"] * 100, 300)), "y", "LR"))
    assert any("no better than always answering" in sentence_of(entry) for entry in found["warnings"])


def test_a_gap_between_training_and_validation_gets_no_advice(home):
    """What was seen is told; a penalty is not praised, which makes boosting worse as often as better."""
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=300), "y": ["p", "q"] * 150})
    found = completed(tables.run(add(frame), "y", "hist_gradient_boosting"))
    (told,) = [entry for entry in found["warnings"] if entry["code"] == "overfitted"]
    assert told["level"] == "info" and "Expect of new rows what the test score says." in sentence_of(told)
    assert not any(word in sentence_of(told) for word in ("penalty", "help", "noise"))


def test_a_big_file_is_read_in_parts_and_corrected(home, monkeypatch):
    """A column that turns out to be text after the profiled part is text in the end, and the profile is exact."""
    monkeypatch.setattr(datasets, "PROFILED_WHOLE", 1 << 16)
    long = "x" * 90
    body = "".join(f"{i % 97 if i < 70_000 else f'v{i % 5}'},{i % 2},{long}\n" for i in range(100_000))
    dataset = datasets.add(io.BytesIO(("code,y,long\n" + body).encode()), "big.csv")
    assert (dataset.exact, dataset.columns[0]["kind"]) == (False, "number")
    ended = tables.run(dataset, "y", "LR", until="upload")
    result = completed(ended, "upload")
    assert (result["rows"], result["columns_profile"][0]["kind"]) == (100_000, "text")
    assert stored.get(dataset.id).exact
    said = "Later rows showed that code is of another kind than the first ones; reading again."
    assert said in [text_of(line.text, line.message) for line in logs.tail(ended["upload"].id)]


def test_changed_columns_are_listed():
    """One column, some, or the first of many: the log line names them."""
    from jobs.tabular.upload import _kinds_changed

    lines = [sentence(_kinds_changed(names)) for names in (["a"], ["a", "b"], list("abcdefg"))]
    listed = ("a is of", "a, b are of", "a, b, c, d and 3 more columns are of")
    for line, words in zip(lines, listed, strict=True):
        assert line == f"Later rows showed that {words} another kind than the first ones; reading again."


def packed_rows(random, count):
    """Rows in which everything occurs that a form can hold, as they lie on disk, beside their form."""
    form = RowLayout([0, 1, 8], [2, 7], random.normal(size=(2, 256)).astype(np.float32), [(3, 4), (9, 300)])
    rows = np.empty(count, form.dtype)
    rows["numbers"] = np.column_stack([np.arange(count), random.normal(size=(count, 2))])
    rows["looked_up"] = random.integers(0, 256, (count, 2))
    rows["marked"] = np.column_stack([random.integers(0, 5, count), random.integers(0, 301, count)])
    return form, rows


@pytest.mark.parametrize("plain", [True, False])
def test_matrices_in_many_buckets_keep_rows_together(tmp_path, monkeypatch, plain):
    """Rows larger than memory are shuffled on disk: none is lost or changed, and labels stay with their rows."""
    from jobs.tabular import matrix

    monkeypatch.setattr(matrix, "BUCKET_BYTES", 1 << 10)
    monkeypatch.setattr(matrix, "IN_MEMORY", 1 << 10)
    monkeypatch.setattr(matrix, "BLOCK_ROWS", 100)
    form, rows = packed_rows(np.random.default_rng(1), 1_000)
    if plain:
        form, rows = RowLayout(range(3), [], np.empty((0, 256), np.float32), []), rows["numbers"]
    shuffle = Shuffle(tmp_path, 1_000, form, np.dtype(np.int16), np.random.default_rng(0))
    for start in range(0, 1_000, 300):
        shuffle.add(rows[start : start + 300], np.arange(start, min(start + 300, 1_000), dtype=np.int16))
    shuffle.write(tmp_path / "x.npy", tmp_path / "y.npy")
    x, y = Matrix(tmp_path / "x.npy"), Matrix(tmp_path / "y.npy")
    labels = np.concatenate(list(y.blocks()))
    assert sorted(labels) == list(range(1_000))
    assert not np.array_equal(labels, np.arange(1_000))
    assert x.shape == (1_000, form.width) and x.dtype == np.float32
    assert np.array_equal(np.concatenate(list(x.blocks())), form.unpacked(rows[labels]))
    assert np.array_equal(x.part(990, 1_100), form.unpacked(rows[labels[990:]]))
    monkeypatch.setattr(matrix, "IN_MEMORY", 1 << 30)
    assert np.array_equal(Matrix(tmp_path / "x.npy").part(0, 1_000), form.unpacked(rows[labels]))


def test_packed_rows_come_back_as_they_were():
    """Numbers stand at their places, looked-up ones as their tables say, and of the marked ones at most one is 1."""
    form, rows = packed_rows(np.random.default_rng(2), 50)
    found = form.unpacked(rows)
    assert found.shape == (50, 309)
    for row, packed in zip(found, rows, strict=True):
        assert row[[0, 1, 8]].tolist() == packed["numbers"].tolist()
        assert row[[2, 7]].tolist() == [form._tables[place, packed["looked_up"][place]] for place in (0, 1)]
        for (start, width), place in zip(((3, 4), (9, 300)), packed["marked"], strict=True):
            assert row[start : start + width].tolist() == [float(number == place) for number in range(width)]


@pytest.mark.parametrize("width", [1, 255, 256, 1_000])
def test_none_may_be_marked(width):
    """However many places there are, a row may have its mark at the last one, or none."""
    form = RowLayout([], [], np.empty((0, 256), np.float32), [(0, width)])
    rows = np.empty(2, form.dtype)
    rows["marked"] = [[width - 1], [width]]
    assert form.unpacked(rows).tolist() == [[0.0] * (width - 1) + [1.0], [0.0] * width]


def test_an_odd_file_that_upload_refuses(home, monkeypatch):
    """What only the whole file shows is refused by the upload step with its line, and the search for it moves on."""
    told = []
    monkeypatch.setattr(context.Recorder, "progress", lambda _self, *said: told.append(said))
    monkeypatch.setattr(datasets, "PROFILED_WHOLE", 1 << 10)
    content = b"a,b\n" + b"1,000000000000000000000000000002\n" * 250_000 + b"1,2,3\n"
    dataset = datasets.add(io.BytesIO(content), "big.csv")
    ended = tables.run(dataset, "b", "LR")["upload"]
    assert sentence(ended.error).startswith("Line 250002 has 3 fields, more than the 2")
    searching = "a line of the file is malformed; searching for it"
    search = [done for done, _size, message in told if sentence(message) == searching]
    assert search == sorted(search)
    assert len(content) * 1.9 < search[-1] <= 2 * len(content)


def test_a_disk_too_small_for_the_prepared_rows_is_said_first(home, monkeypatch):
    """Rows that would fill the disk when they are prepared are refused before anything is written."""
    dataset = add(frame_of(["a", "b"] * 150, 300))
    monkeypatch.setattr(files, "room", lambda: 300 * 4 - 1)
    ended = tables.run(dataset, "y", "LR", until="preprocess")["preprocess"]
    assert sentence(ended.error).startswith(
        "Prepared, the rows take 0.0 GB, and the disk of the server has 0.0 GB free. Make"
    )
    assert (ended.error_code, ended.error.code) == ("refused", "no_room_for_matrices")


def test_upload_is_the_step_that_reads_the_dataset():
    """Only what reads the file or its dialect depends on the dataset; training alone repeats on restart."""
    from jobs.tabular.builtin import PIPELINE

    assert [step.name for step in PIPELINE.steps if step.reads_dataset] == ["upload", "preprocess"]
    assert [step.name for step in PIPELINE.steps if step.repeats_on_restart] == ["train"]


def built_way(frame, **chosen):
    """An unfitted way for a table of these kinds of columns."""
    described = [
        Column(name, kind, format="ISO8601" if kind == "date" else None)
        for name, kind in zip(frame.columns, ("number", "number", "number", "text", "yes_no", "date"), strict=True)
    ]
    choices = encoder.Choices(
        **{
            "gaps": "median",
            "text_gaps": "most_frequent",
            "scaling": "standard",
            "max_categories": 4,
            "decimal": ".",
            "thousands": "",
            **chosen,
        }
    )
    return encoder.build(described, {}, choices)


def fitted_way(frame, table, **chosen):
    """A way fitted on a table."""
    return built_way(frame, **chosen).fit(table.to_pandas())


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (700, {}),
        (1, {}),
        (0, {}),
        (700, {"decimal": ",", "thousands": "."}),
        (0, {"gaps": "mean", "scaling": "minmax"}),
        (700, {"gaps": "zero", "scaling": "none", "text_gaps": "own_category"}),
    ],
)
def test_a_way_is_fitted_as_scikit_learn_would(present, chosen):
    """Fitting sooner leaves the very same state, byte by byte, also where a column has no value."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "a": random.normal(size=1_000),
            "b": random.integers(0, 4, 1_000).astype(float),
            "c": np.full(1_000, np.nan),
            "t": random.choice(["x", "y", None], 1_000),
            "ok": random.choice(["yes", "no"], 1_000),
            "d": pd.Timestamp("2024-02-28") + pd.to_timedelta(random.integers(0, 900, 1_000), "D"),
        }
    )
    frame.loc[random.random(1_000) < 0.3, ["a", "b", "d"]] = None
    frame.loc[random.permutation(1_000)[:present], "c"] = random.normal(size=present)
    quick, slow = built_way(frame, **chosen), built_way(frame, **chosen).fit(frame)
    encoder.fit(quick, frame)
    assert quick.transform(frame).tobytes() == slow.transform(frame).tobytes()
    assert pickle.dumps(quick) == pickle.dumps(slow)


@pytest.mark.parametrize(
    "chosen",
    [{}, {"gaps": "mean", "scaling": "minmax"}, {"gaps": "zero", "scaling": "none", "text_gaps": "own_category"}],
)
def test_the_short_way_gives_what_the_pipeline_gives(monkeypatch, chosen):
    """Matrices hold, to the last bit, what the fitted scikit-learn Pipeline makes of the same rows, part by part."""
    from jobs.tabular import matrix

    monkeypatch.setattr(matrix, "UNPACKED_BYTES", 1 << 12)
    monkeypatch.setattr(pack, "MADE_BYTES", 1 << 7)
    random = np.random.default_rng(1)
    count = 4_000
    frame = pd.DataFrame(
        {
            "a": random.normal(1e6, 3, count),
            "b": random.integers(-3, 252, count).astype(float),
            "c": np.full(count, 7.5),
            "t": random.choice(["x", "y", " z", "w", "v", "u", None], count),
            "ok": random.choice(["yes", "No", None], count),
            "d": pd.Timestamp("2020-02-28") + pd.to_timedelta(random.integers(0, 900, count), "D"),
        }
    )
    frame.loc[random.random(count) < 0.1, ["a", "b", "d"]] = None
    frame.loc[count - 1, "ok"] = "never seen before"
    table = pa.Table.from_pandas(frame, preserve_index=False)
    way = fitted_way(frame, table.slice(0, 1_000), **chosen)
    ready = pack.Packer(way, [Column("b", "number", whole=True, missing=1, min=-3, max=251)])
    packed = np.concatenate([ready.pack(table.slice(start, 700)) for start in range(0, count, 700)])
    made, expected = ready.form.unpacked(packed), way.transform(table.to_pandas())
    assert ready.form.width == expected.shape[1]
    assert packed.itemsize == (1 + 1 + 2) * 4 + 1 + 3 + 2
    assert (made.dtype, made.tobytes()) == (expected.dtype, np.ascontiguousarray(expected).tobytes())


def test_very_many_different_values_are_forgotten_again(monkeypatch):
    """A column with more values than are remembered is prepared all the same."""
    monkeypatch.setattr(pack, "MOST_KNOWN", 50)
    frame = pd.DataFrame({"a": [1.0], "b": [1.0], "c": [1.0], "t": ["x"], "ok": ["no"], "d": [pd.Timestamp(0)]})
    frame = pd.concat([frame] * 600, ignore_index=True).assign(t=[f"v{number % 150}" for number in range(600)])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    way = fitted_way(frame, table)
    ready = pack.Packer(way)
    made = np.concatenate([ready.pack(table.slice(start, 40)) for start in range(0, 600, 40)])
    assert np.array_equal(ready.form.unpacked(made), way.transform(table.to_pandas()))
    assert len(ready._known["t"][0]) < 100


def test_a_file_sorted_by_its_label_is_mixed(home):
    """Rows to learn from come in random order, however the file is sorted, and each keeps its label."""
    count = 3_000
    frame = pd.DataFrame({"x": np.arange(count, dtype=float), "y": np.where(np.arange(count) < 1_500, "a", "b")})
    ended = tables.run(add(frame), "y", "LR", until="preprocess", scaling="none", features=["x"])
    x, y = (tables.matrix_of(ended, name) for name in ("train_X", "train_y"))
    assert np.array_equal(y, (x.ravel() >= 1_500).astype(np.int16))
    thirds = [third.mean() for third in np.array_split(y, 3)]
    assert max(thirds) - min(thirds) < 0.1


@pytest.mark.parametrize("target", ["kind", "price"])
def test_rows_drawn_in_parts_are_the_same_rows(home, monkeypatch, target):
    """How many rows are counted or prepared at once changes nothing."""
    dataset = datasets.add(io.BytesIO(tables.numbers(500)), "prices.csv")
    key = "LR" if target == "kind" else "sgd_regressor"
    whole = tables.run(dataset, target, key, until="preprocess", random_state=3)["preprocess"]
    monkeypatch.setattr(table, "COUNTED_ROWS", 7)
    monkeypatch.setattr(table, "PART_ROWS", 90)
    parts = tables.run(dataset, target, key, until="preprocess", random_state=3, gaps="mean")["preprocess"]
    for name in ("train_y", "val_y", "test_y"):
        assert tables.file_of(whole, name).read_bytes() == tables.file_of(parts, name).read_bytes()


@pytest.mark.parametrize("damage", [b"1", b'"', b"\xff"])
def test_a_damaged_upload_is_noticed_while_it_is_read(home, damage):
    """A stored file that changed on disk is told to be damaged, whether it can still be read or not."""
    dataset = datasets.add(io.BytesIO(tables.numbers(5_000)), "prices.csv")
    path = files.verified(dataset.file)
    with path.open("r+b") as stream:
        stream.seek(dataset.size // 2)
        stream.write(damage)
    ended = tables.run(dataset, "price", "sgd_regressor", until="upload")["upload"]
    assert ended.status is Status.failed
    assert "was changed on disk" in sentence(ended.error)


def test_a_label_that_comes_late_does_not_make_a_big_file_read_twice(home, monkeypatch):
    """In a file sorted by yes and no the first part shows one of them; both are stored alike, so once is enough."""
    monkeypatch.setattr(datasets, "PROFILED_WHOLE", 1 << 16)
    body = "".join(f"{i * 7 % 1000},{'no' if i < 800_000 else 'yes'}\n" for i in range(900_000))
    dataset = datasets.add(io.BytesIO(("x,y\n" + body).encode()), "big.csv")
    assert (dataset.exact, dataset.columns[1]["kind"]) == (False, "text")
    ended = tables.run(dataset, "y", "LR", until="upload")["upload"]
    assert completed({"upload": ended}, "upload")["columns_profile"][1]["kind"] == "yes_no"
    assert not [
        text_of(line.text, line.message)
        for line in logs.tail(ended.id)
        if "reading again" in text_of(line.text, line.message)
    ]
