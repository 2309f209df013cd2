"""Leaks: columns that give the target away, alone or two together, are found before training, and nothing else is."""

import io
import time

import numpy as np
import pandas as pd
import pytest
from helpers import tables
from sklearn import datasets as public

from jobs.language import sentence, sentence_of
from jobs.tabular import leaks as search
from jobs.tabular.leak_sample import balanced
from jobs.tabular.leaks import Feature, Sample, leaks_in
from jobs.verbs import datasets
from store.messages import Message

ROWS = 2_000
RANDOM = np.random.default_rng(0)
NOISE = {f"noise {n}": RANDOM.normal(size=ROWS) for n in range(12)} | {
    f"text {n}": RANDOM.integers(-1, 6 + 10 * n, ROWS) for n in range(8)
}
A, B = RANDOM.normal(50, 10, ROWS), RANDOM.normal(50, 10, ROWS)
FIRST, SECOND = RANDOM.integers(0, 5, ROWS), RANDOM.integers(0, 4, ROWS)
COUNTS = RANDOM.integers(0, 300, ROWS).astype(float), RANDOM.integers(0, 3_000, ROWS).astype(float)
LEFT = (RANDOM.random(ROWS) < 0.3).astype(int)
THREE = RANDOM.integers(0, 3, ROWS)


def found(answers, columns, classes):
    """The codes and columns of what is found in a sample of these columns among others that are only noise."""
    features = [Feature(name, values) for name, values in (NOISE | columns).items()]
    weights = np.ones(len(answers)) if classes else None
    leaks = leaks_in(Sample("y", answers, features, weights))
    return {(leak.code, tuple(sorted(leak.values["columns"]))) for leak in leaks}


@pytest.mark.parametrize(
    ("answers", "columns", "expected"),
    [
        (LEFT, {"alive": 1 - LEFT}, {("leak_alone", ("alive",))}),
        (LEFT, {"fee": LEFT + RANDOM.normal(0, 0.05, ROWS)}, {("leak_alone", ("fee",))}),
        (THREE, {"code": THREE * 2.0 + RANDOM.normal(0, 0.1, ROWS)}, {("leak_alone", ("code",))}),
        ((A > 62).astype(int), {"a": A}, {("leak_alone", ("a",))}),
        (LEFT, {"left on": np.where(LEFT == 1, A, np.nan)}, {("leak_alone", ("left on",))}),
        (FIRST % 2 ^ SECOND % 2, {"a": FIRST, "b": SECOND}, {("leak_pair", ("a", "b"))}),
        ((A > B).astype(int), {"a": A, "b": B}, {("leak_pair", ("a", "b"))}),
        ((A / B > 1.3).astype(int), {"a": A, "b": B}, {("leak_pair", ("a", "b"))}),
    ],
)
def test_columns_that_give_classes_away(answers, columns, expected):
    """One column, a column with gaps, two categories, or the difference or ratio of two numbers."""
    assert found(answers, columns, classes=True) == expected


@pytest.mark.parametrize(
    ("answers", "columns", "expected"),
    [
        (A, {"in euros": A * 1.1}, {("leak_alone_number", ("in euros",))}),
        (A, {"squared": A**2 + 3}, {("leak_alone_number", ("squared",))}),
        (COUNTS[0] + COUNTS[1], {"a": COUNTS[0], "b": COUNTS[1]}, {("leak_sum", ("a", "b"))}),
        (COUNTS[1] - COUNTS[0], {"a": COUNTS[0], "b": COUNTS[1]}, {("leak_difference", ("a", "b"))}),
        (A * B, {"a": A, "b": B}, {("leak_product", ("a", "b"))}),
        (B / A, {"a": A, "b": B}, {("leak_ratio", ("a", "b"))}),
        (2 * A + B, {"a": A, "b": B}, {("leak_pair_number", ("a", "b"))}),
        (FIRST * 10.0 + SECOND**3 * 7, {"a": FIRST, "b": SECOND}, {("leak_pair_number", ("a", "b"))}),
    ],
)
def test_columns_that_give_a_number_away(answers, columns, expected):
    """One column, or two by their sum, difference, product, ratio, another line, or the pair of their values."""
    assert found(answers, columns, classes=False) == expected


def test_what_only_helps_is_no_leak():
    """Strong columns of honest tables, and tables too small to tell luck from a leak, are not accused."""
    assert not found((A + RANDOM.normal(0, 5, ROWS) > 50).astype(int), {"a": A}, classes=True)
    assert not found(3 * A + B + RANDOM.normal(0, 8, ROWS), {"a": A, "b": B}, classes=False)
    for load in (public.load_iris, public.load_wine, public.load_breast_cancer, public.load_diabetes):
        table = load()
        order = RANDOM.permutation(len(table.target))
        features = [Feature(f"c{n}", values.astype(float)) for n, values in enumerate(table.data[order].T)]
        classes = load is not public.load_diabetes
        answers = table.target[order].astype(int if classes else float)
        assert leaks_in(Sample("y", answers, features, np.ones(len(order)) if classes else None)) == [], load.__name__
    few = np.arange(60) % 2
    assert leaks_in(Sample("y", few, [Feature("same", few)], np.ones(60))) == []


def test_gaps_and_constants_break_nothing():
    """Columns without a value, with one value, and infinite differences are passed over."""
    columns = {"empty": np.full(ROWS, np.nan), "one": np.full(ROWS, 3.0), "none": np.full(ROWS, -1), "zero": A * 0}
    assert not found(LEFT, columns, classes=True) and not found(A, columns, classes=False)


def test_rare_classes_are_in_the_sample():
    """A class of one row in a hundred has its share of a sample, and the weights make up for it."""
    codes = (np.arange(50_000) % 100 == 0).astype(np.int8)
    chosen, weights = balanced(codes, 2_000, np.random.default_rng(1))
    assert len(chosen) == len(set(chosen)) == 2_000 and (codes[chosen] == 1).sum() == 500
    assert weights[codes[chosen] == 1].sum() == pytest.approx(500) and weights.sum() == pytest.approx(50_000)


@pytest.mark.parametrize("classes", [0, 2, 7])
def test_no_grid_is_passed_over_that_gives_the_answer_away(monkeypatch, classes):
    """All grids are first looked at together: what they are found to say at most is never less than each of them says
    alone, and as much where no cell is empty, however many are looked at together."""
    random = np.random.default_rng(classes)
    answers = random.integers(0, classes, 900) if classes else random.normal(5, 3, 900)
    weights = random.choice([1.0, 2.7], 900) if classes else None
    sample = Sample("y", answers, [], weights)
    cells, others = random.integers(0, 17, 900), random.integers(0, 16, (9, 900))
    others[:4] %= 2
    others[0] = cells * 0
    alone = [search._share_of_cells(sample, cells * (int(each.max()) + 1) + each) for each in others]
    for at_once in (search.CELLS_AT_ONCE, 1):
        monkeypatch.setattr(search, "CELLS_AT_ONCE", at_once)
        bounds = search._bounds_of_grids(sample, cells, others)
        assert bounds[:4] == pytest.approx(alone[:4], abs=search.ROUNDING)
        assert all(bounds >= np.array(alone) - search.ROUNDING)


def test_the_first_look_misses_no_leak(monkeypatch):
    """Most tables are only looked at briefly; what is found is the same as if every one was searched through."""
    count, samples = 300, []
    for seed in range(24):
        random = np.random.default_rng(seed)
        a, b = random.normal(50, 10, count), random.exponential(20, count)
        first, second = random.integers(0, 5, count), random.integers(0, 300, count).astype(float)
        answers = [a + b, a * b, second, (a + b > 60) * 1.0, (a > 50) * 2.0 + (b > 10), first % 2 + 0.0][seed % 6]
        answers = np.where(random.random(count) < 0.01 * (seed % 3), random.permutation(answers), answers)
        given = [Feature("a", a), Feature("b", b), Feature("first", first), Feature("second", second)]
        samples.append(Sample("y", answers, given))
        codes = (
            np.unique(answers, return_inverse=True)[1] if seed % 6 > 2 else (answers > np.median(answers)).astype(int)
        )
        samples.append(Sample("y", codes, given, np.ones(count)))
    found = [[leak.as_json() for leak in leaks_in(sample)] for sample in samples]
    monkeypatch.setattr(search, "_are_suspected", lambda _sample, _sure: True)
    assert found == [[leak.as_json() for leak in leaks_in(sample)] for sample in samples]
    assert 5 < sum(map(bool, found)) < 30


def test_leaks_take_a_fraction_of_a_second():
    """Twenty columns are looked at, alone and in pairs, in less than 0.3 s of computing."""
    before = time.process_time()
    assert not found(LEFT, {}, classes=True) and len(NOISE) == 20
    assert time.process_time() - before < 0.3


def bikes(rows=800):
    random = np.random.default_rng(3)
    casual, registered = random.integers(0, 300, rows), random.integers(0, 900, rows)
    frame = pd.DataFrame(
        {
            "temp": random.normal(15, 8, rows).round(2),
            "casual": casual,
            "registered": registered,
            "holiday": random.choice(["yes", "no"], rows),
            "cnt": casual + registered,
        }
    )
    return io.BytesIO(frame.to_csv(index=False).encode())


def test_reading_and_preparing_tell_of_a_leak(home):
    """When a file is read, and before training on any algorithm, the leak is a fact with its columns."""
    dataset = datasets.add(bikes(), "bikes.csv")
    assert dataset.proposal["target"] == "cnt"
    said = [sentence_of(notice) for notice in dataset.notices if notice["code"] == "leak_sum"]
    assert said == ["cnt is registered + casual. If they are only known once cnt is, leave them out."] or said == [
        "cnt is casual + registered. If they are only known once cnt is, leave them out."
    ]
    prepared = tables.run(dataset, "cnt", "sgd_regressor", until="preprocess")["preprocess"].result
    (leak,) = [notice for notice in prepared["notices"] if notice["code"] == "leak_sum"]
    assert leak["level"] == "warning" and set(leak["values"]["columns"]) == {"casual", "registered"}
    honest = tables.run(dataset, "cnt", "sgd_regressor", until="preprocess", features=["temp", "casual", "holiday"])
    assert not [notice for notice in honest["preprocess"].result["notices"] if notice["code"].startswith("leak_")]


def test_a_leak_of_classes_is_told_whatever_the_algorithm(home):
    """A date that only one class has gives the class away to every algorithm alike."""
    random = np.random.default_rng(5)
    left = random.random(600) < 0.2
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, 600),
            "ended": np.where(left, "2024-03-01", None),
            "reason": np.where(left, random.choice(["price", "moved"], 600), "none given"),
            "churned": np.where(left, "yes", "no"),
        }
    )
    dataset = datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "left.csv")
    for algorithm in ("LR", "hist_gradient_boosting"):
        prepared = tables.run(dataset, "churned", algorithm, until="preprocess")["preprocess"].result
        assert [notice["values"]["columns"] for notice in prepared["notices"] if notice["code"] == "leak_alone"] == [
            ["reason"]
        ]


@pytest.mark.parametrize("code", ["leak_sum", "leak_difference", "leak_product", "leak_ratio", "leak_pair"])
def test_every_leak_has_its_sentence(code):
    """What to do is said with what was found."""
    values = {"first": "a", "second": "b", "target": "y", "columns": ["a", "b"]}
    assert sentence(Message(code, values)).endswith("leave them out.")
