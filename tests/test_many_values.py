"""Categories of many values: each says what it can, and none says what it was learned from."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import tables
from helpers.tiers import seldom

from jobs.language import sentence
from jobs.tabular.column import Column
from jobs.tabular.matrix import Matrix, MatrixFile
from jobs.tabular.predict.reasons import reasons_of
from jobs.tabular.prepare import categories, encoder
from jobs.tabular.prepare.encoder import Choices, Found
from jobs.tabular.prepare.pack import Packer
from jobs.verbs import datasets, predictions
from store.messages import Message
from store.tables import Status


def shops(rows=3_000, count=300, seed=0, signal=True):
    """A shop of many, of which each has an own share of yes, and a number that says a little."""
    random = np.random.default_rng(seed)
    shop = random.integers(0, count, rows)
    share = random.beta(0.5, 0.5, count)
    frame = pd.DataFrame({"shop": [f"shop {number}" for number in shop], "x": random.normal(size=rows).round(4)})
    chance = np.clip(share[shop] + 0.05 * frame.x, 0, 1) if signal else np.full(rows, 0.5)
    frame["y"] = np.where(random.random(rows) < chance, "yes", "no")
    frame["amount"] = (100 * share[shop] + random.normal(0, 5, rows) if signal else random.normal(size=rows)).round(3)
    return frame


def run(frame, algorithm, target="y", until="evaluate", **params):
    features = [name for name in frame if name not in ("y", "amount")]
    given = datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv")
    ended = tables.run(given, target, algorithm, until=until, **{"features": features, **params})
    assert all(step.status is Status.completed for name, step in ended.items() if until in (name, "evaluate")), [
        step.error and sentence(step.error) for step in ended.values()
    ]
    return ended


def scores(ended):
    return ended["evaluate"].result["scores"]


def table(rows=4_000, seed=1):
    """Categories of 3, 300 and 400 values with gaps, of which one holds codes, and a number."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": random.normal(size=rows),
            "few": random.choice(["a", "b", None], rows),
            "many": [f"v{int(value)}" for value in random.exponential(60, rows)],
            "code": [f"{value:04d}" for value in random.integers(0, 400, rows)],
            "ok": random.choice(["yes", "no", None], rows),
        }
    )
    frame.loc[random.random(rows) < 0.05, ["many", "code"]] = None
    frame.loc[rows - 1, ["few", "many", "code", "ok"]] = "never seen"
    return frame


COLUMNS = [
    Column("x", "number"),
    Column("few", "text", distinct=2),
    Column("many", "text", distinct=300),
    Column("code", "text", distinct=400, codes=True),
    Column("ok", "yes_no", distinct=2),
]


def fitted(frame, target, text_gaps, classes=True):
    """Both encoders, fitted on all but the last row, and what is packed."""
    rows = frame[:-1]
    many = categories.many_of(rows, COLUMNS, 50, text_gaps == "own_category")
    assert many == ["many", "code"]
    choices = Choices("median", text_gaps, "standard", 50, ".", "")
    made = encoder.build(COLUMNS, {}, choices, Found({}, many, classes))
    encoder.fit(made, rows, target)
    native = categories.native_of(made, rows)
    folds = np.arange(len(rows)) % categories.CROSSED
    return made, native, categories.packed_of(made, native, rows, target, folds)


@pytest.mark.parametrize("text_gaps", ["most_frequent", "own_category"])
@pytest.mark.parametrize("classes", [2, 3, 0])
def test_packed_rows_are_what_both_encoders_make_of_them(tmp_path, text_gaps, classes):
    """A row that was not learned from is, to the last bit, what the model makes of it, with columns for values and as
    categories; values that are rare or unknown, and gaps, too."""
    frame = table()
    random = np.random.default_rng(2)
    target = random.integers(0, classes, len(frame) - 1) if classes else random.normal(size=len(frame) - 1)
    made, native, many = fitted(frame, target, text_gaps, classes > 0)
    packer = Packer(made, COLUMNS, many)
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    packed = np.concatenate([packer.pack(rows.slice(start, 700)) for start in range(0, len(frame), 700)])
    assert packed.itemsize == 4 + 1 + 1 + 2 + 2
    written = MatrixFile(tmp_path / "x.npy", len(packed), packer.form)
    written.write(packed)
    written.close()
    for compact, model in ((False, made), (True, native)):
        found, expected = Matrix(tmp_path / "x.npy", compact), model.transform(frame)
        assert found.shape == expected.shape
        assert found.part(0, len(frame)).tobytes() == np.ascontiguousarray(expected).tobytes()
    # few, ok, many and its means, code and its means
    places = encoder.category_places(native)
    assert places == [1, 2, 3, 4 + (classes if classes > 2 else 1)]
    taken = native.transform(frame)[:, places]
    assert np.nanmax(taken) == 254 and np.isnan(taken[-1]).all()
    assert dict(encoder.widths(made))["many"] == 50 + (classes if classes > 2 else 1)


def test_no_row_is_shown_its_own_answer():
    """What a row that is learned from is shown of its value does not depend on what its own answer is."""
    frame = table(2_000)
    target = np.random.default_rng(3).integers(0, 2, len(frame) - 1)
    other = target.copy()
    other[0] = 1 - other[0]  # a row of part 0
    before, after = (fitted(frame, answers, "most_frequent")[2] for answers in (target, other))
    for name, each in before.items():
        shown = [many.numbers[:, 0].reshape(-1, many.count).astype(float) for many in (each, after[name])]
        # All is scaled by figures of all rows, so that it can differ by a factor and a difference.
        alike = [np.corrcoef(first, second)[0, 1] for first, second in zip(*shown, strict=True)]
        assert alike[0] == pytest.approx(1, abs=1e-9) and max(alike[1:]) < 1 - 1e-7, name


@pytest.mark.parametrize("key", ["LR", "linear_svm", "mlp", "hist_gradient_boosting"])
def test_each_value_says_what_it_can(home, key):
    """Of 300 shops, those beyond the 50 most frequent are told apart, which together they are not."""
    frame = shops()
    apart, together = (scores(run(frame, key, many_values=choice)) for choice in ("encode", "together"))
    assert apart["auc"] > 0.75 and apart["auc"] > together["auc"] + 0.07, (apart, together)


@pytest.mark.parametrize("key", ["SGDR", "hist_gradient_boosting_regressor"])
def test_each_value_says_what_it_can_of_a_number(home, key):
    """So it is where a number is predicted."""
    frame = shops()
    apart, together = (scores(run(frame, key, "amount", many_values=choice)) for choice in ("encode", "together"))
    assert apart["r2"] > 0.8 > together["r2"] + 0.3


@pytest.mark.parametrize("key", ["LR", "linear_svm", "mlp"])
def test_values_that_say_nothing_are_not_followed(home, key):
    """300 values at random raise no score beyond chance, and training does not chase them."""
    reached, trained = [], []
    for seed in range(3):
        ended = run(shops(2_000, seed=seed, signal=False), key)
        reached.append(scores(ended)["accuracy"])
        trained.append(ended["train"].result["best_train"])
    assert abs(np.mean(reached) - 0.5) < 0.04
    if key != "mlp":  # a network learns 50 marks by heart, with or without the others
        assert np.mean(trained) < 0.62


def test_the_score_of_validation_rows_is_honest(home):
    """Where nothing can be learned, rows that choose the epoch and rows that test it are at chance alike."""
    frame = shops(4_000, 600, signal=False)
    for key in ("LR", "hist_gradient_boosting"):
        found = scores(run(frame, key))
        assert abs(found["auc"] - 0.5) < 0.05 and abs(found["validation_accuracy"] - 0.5) < 0.06


@pytest.mark.parametrize("target", seldom(["y", "amount", "kind"]))
def test_folds_show_no_row_its_own_answer(home, target):
    """Tested in folds, values say what they can, also where a class is missing in a part of the rows."""
    frame = shops(1_200, 100)
    frame["kind"] = np.where(frame.amount > 60, "high", np.where(frame.amount > 30, "middle", "low"))
    frame.loc[5, "kind"] = "once"
    features = ["shop", "x"]
    key = "SGDR" if target == "amount" else "LR"
    found = scores(run(frame, key, target, folds=3, epochs=20, features=features))
    chance = {"y": 0.62, "amount": 0.7, "kind": 0.6}[target]
    assert next(iter(found.values())) > chance, found
    random = shops(1_200, 300, signal=False)
    found = scores(run(random, "LR", folds=3, epochs=20))
    assert abs(found["accuracy"] - 0.5) < 0.05


def test_what_was_done_is_said_and_offered(home):
    """The cell says how many values have a column, the model needs no code of ours, and the form lists every value."""
    frame = shops()
    ended = run(frame, "LR", epochs=3)
    done = {each["column"]: each for each in ended["preprocess"].result["columns"]}["shop"]
    assert "; ".join(sentence(Message.from_json(each)) for each in done["did"]) == (
        "one column for each of the 49 most frequent of 300 values; one that says what the target is with each of 300 "
        "values, as other rows show; boosting takes 254 values as they are"
    )
    assert len(done["values"]) == 300 and done["values"] == sorted(done["values"])
    model = joblib.load(tables.file_of(ended["train"], "model"))
    assert b"jobs." not in pickle.dumps(model)
    form = predictions.needed(ended["train"].workflow_id)
    (shop,) = (column for column in form.columns if column.name == "shop")
    assert set(shop.values) == set(frame.shop) and shop.values[0] == frame.shop.mode()[0]


@pytest.mark.parametrize("key", ["LR", "hist_gradient_boosting"])
def test_new_rows_with_values_of_any_kind(home, key):
    """Unknown values and, where they are not told apart, rare ones are counted; each row has its reasons."""
    frame = shops()
    ended = run(frame, key, epochs=3)
    rows = [{"shop": frame.shop[0], "x": 0.5}, {"shop": "shop of tomorrow", "x": 0.5}, {"x": 1}]
    made = predictions.predict_rows(ended["train"].workflow_id, rows, explain=True)
    codes = {notice.message.code: notice.message.values for notice in made.notices}
    assert codes["predict_unseen_values"] == {"column": "shop", "count": 1, "examples": ["shop of tomorrow"]}
    assert codes["predict_gaps"]["count"] == 1
    assert {effect.column for effect in made.reasons[0].effects} == {"shop", "x"}
    rare = frame.shop.value_counts().index[-1]
    made = predictions.predict_rows(ended["train"].workflow_id, [{"shop": rare, "x": 0}])
    assert made.notices == []
    model = joblib.load(tables.file_of(ended["train"], "model"))
    assert b"jobs." not in pickle.dumps(model)
    assert (model[-1].n_features_in_ == 3) == (key == "hist_gradient_boosting")
    if key == "LR":
        features = [{"name": "shop", "usual": frame.shop.mode()[0]}, {"name": "x", "usual": "0"}]
        why = reasons_of(model, features, {"shop": frame.shop[0], "x": "1"}, "yes")
        assert sum(each["effect"] for each in why["effects"]) == pytest.approx(why["total"] - why["base"])
    important = ended["evaluate"].result["importance"]
    assert [each["column"] for each in important] == ["shop", "x"]


def test_the_score_is_that_of_the_model_on_raw_rows(home):
    """What is reported of boosting with categories as such is what the downloaded model reaches on its test rows."""
    frame = shops()
    ended = run(frame, "hist_gradient_boosting", split="time", split_column="x")
    model = joblib.load(tables.file_of(ended["train"], "model"))
    last = frame[frame.x >= frame.x.sort_values().iloc[int(len(frame) * 0.8)]]
    assert (model.predict(last) == last.y).mean() == pytest.approx(scores(ended)["accuracy"], abs=1e-9)


def test_few_rows_of_memory_are_counted_by_what_is_held(home):
    """An algorithm that takes categories as such holds a number of each row for them, not one for each value."""
    ended = run(shops(), "hist_gradient_boosting", epochs=2)
    x = Matrix(tables.file_of(ended["preprocess"], "train_X"), compact=True)
    assert x.shape[1] == 3 and Matrix(tables.file_of(ended["preprocess"], "train_X")).shape[1] == 52


def test_what_was_prepared_before_is_still_learned_from(home, monkeypatch):
    """A workflow whose rows were prepared by an older release, which left no categories as such, goes on."""
    ended = run(shops(), "hist_gradient_boosting", many_values="together", epochs=2)
    kept = joblib.load(tables.file_of(ended["preprocess"], "transformer"))
    assert kept["native"] is None
    assert ended["evaluate"].status is Status.completed
