"""Preparation keeps what validation rows hold as counts, against which later rows can be compared; no row is kept."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import tables

from jobs.tabular import sketch
from jobs.tabular.prepare import reference
from jobs.verbs import datasets


def prepared(content, target, algorithm="LR", until="preprocess", **params):
    given = datasets.add(io.BytesIO(content), "t.csv")
    ended = tables.run(given, target, algorithm, until=until, **params)
    assert ended[until].status == "completed", ended[until].error
    return ended


def reference_of(ended):
    return json.loads(tables.file_of(ended["preprocess"], "reference").read_text())


def mixed(rows, seed=0):
    """A table with every kind of column: numbers, gaps, dates, few and many values, yes and no, texts and an id."""
    random = np.random.default_rng(seed)
    words = np.array([f"word{number}" for number in range(500)])
    frame = pd.DataFrame(
        {
            "id": [f"C-{number:07d}" for number in range(rows)],
            "amount": np.where(random.random(rows) < 0.1, np.nan, random.lognormal(3, 1, rows)).round(4),
            "few": random.integers(0, 3, rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 400, rows), unit="D"),
            "city": random.choice(["Ankara", "İzmir", "Muş"], rows, p=[0.6, 0.399, 0.001]),
            "member": random.choice(["yes", "no"], rows),
            "remark": [" ".join(random.choice(words, 6)) for _ in range(rows)],
            "left": random.choice(["Evet", "Hayır"], rows),
        }
    )
    return frame.to_csv(index=False).encode()


def test_every_kind_of_column_is_counted(home):
    """Each column has bins with all its rows and its gaps; values of a few rows, texts and ids are not named."""
    content = mixed(3_000)
    ended = prepared(content, "left", features=["id", "amount", "few", "day", "city", "member", "remark"])
    kept = reference_of(ended)
    rows = ended["preprocess"].result["validation_rows"]
    assert (kept["version"], kept["part"], kept["rows"], kept["sketched"]) == (2, "validation", rows, rows)
    columns = kept["columns"]
    assert list(columns) == ended["preprocess"].result["features"]
    assert {name: columns[name]["kind"] for name in columns} == {
        "id": "text",
        "amount": "number",
        "few": "number",
        "day": "date",
        "city": "category",
        "member": "category",
        "remark": "text",
    }
    for column in columns.values():
        parts = column.get("counts") or column.get("months") or [count for _value, count in column["top"]]
        assert sum(parts) + column.get("others", 0) + column["gaps"] == rows
    assert len(columns["amount"]["counts"]) == 10 and 0.05 < columns["amount"]["gaps"] / rows < 0.15
    assert max(columns["amount"]["counts"]) - min(columns["amount"]["counts"]) <= 2
    assert columns["few"]["edges"] == [0, 1] and len(columns["few"]["counts"]) == 3
    assert {value for value, _count in columns["city"]["top"]} == {"Ankara", "İzmir"}, "values of few rows are no names"
    assert sum(columns["day"]["weekdays"]) == rows and columns["day"]["low"].startswith("2024-0")
    assert {value for value, _count in kept["target"]["top"]} == {"Evet", "Hayır"}
    text = tables.file_of(ended["preprocess"], "reference").read_text()
    assert "C-00" not in text and "word" not in text


def test_numbers_are_compared_on_the_rows_that_choose(home):
    """The deciles are those of validation rows, not of training rows; a number to predict has its own."""
    ended = prepared(tables.numbers(900), "price", "sgd_regressor")
    kept, target = reference_of(ended), tables.matrix_of(ended, "val_y")
    assert kept["target"]["kind"] == "number" and sum(kept["target"]["counts"]) == len(target)
    ends = kept["target"]["low"], kept["target"]["high"]
    assert ends == pytest.approx(tuple(np.percentile(target, (1, 99))))
    assert target.min() < ends[0] and ends[1] < target.max(), "the ends are no cells of one row"
    for edge, below in zip(kept["target"]["edges"], np.cumsum(kept["target"]["counts"]), strict=False):
        assert (target <= edge).sum() == below


def test_the_same_rows_give_the_same_reference(home):
    """Preparing again gives the same bytes; another seed draws other rows."""
    first = prepared(mixed(400), "left")
    again = prepared(mixed(400), "left", scaling="minmax")
    assert reference_of(first) == reference_of(again)
    assert reference_of(prepared(mixed(400), "left", random_state=7)) != reference_of(first)


def test_it_is_as_small_for_a_million_rows():
    """However many rows there are, 20,000 are counted, and a column takes less than a kilobyte."""
    work = SimpleNamespace(
        context=SimpleNamespace(params={"random_state": 42}),
        names=["amount", "city", "remark"],
        validation=1_000_000,
        target=SimpleNamespace(labels=np.array(["no", "yes"], dtype=object)),
    )
    kept = reference.Reference(work)
    random = np.random.default_rng(0)
    for start in range(0, 1_000_000, 100_000):
        rows = pa.table(
            {
                "amount": random.normal(size=100_000),
                "city": random.choice(["Ankara", "İzmir"], 100_000),
                "remark": pa.array(np.arange(start, start + 100_000)).cast(pa.string()),
            }
        )
        kept.add(rows, np.arange(100_000), random.integers(0, 2, 100_000))
    document = kept.as_json()
    assert (document["rows"], document["sketched"]) == (1_000_000, 20_000)
    assert len(json.dumps(document)) < 3 * 1_000 and sum(document["columns"]["amount"]["counts"]) == 20_000
    work.names = [f"c{number}" for number in range(5_000)]
    assert len(reference.Reference(work)._chosen) == reference.MOST_CELLS // 5_000


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([None, None], pa.float64()), {"kind": "number", "gaps": 2, "counts": [0], "edges": []}),
        (pa.array([5.0] * 9), {"kind": "number", "gaps": 0, "counts": [9], "edges": [], "low": 5.0}),
        (pa.array([0.0] * 80 + [1.0] * 20), {"counts": [80, 20], "edges": [0.0]}),
        (pa.array([1, 2, None]), {"kind": "number", "gaps": 1, "low": 1.01, "high": 1.99}),
        (pa.array([float(number) for number in range(101)]), {"low": 1.0, "high": 99.0}),
        (
            pa.array(np.datetime64("2024-01-01", "us") + np.arange(201) * np.timedelta64(1, "D")),
            {"low": "2024-01-03", "high": "2024-07-17"},
        ),
        (pa.array([None], pa.string()), {"kind": "category", "gaps": 1, "top": [], "others": 0}),
        (pa.array(["a"] * 6 + ["b"] * 4), {"kind": "category", "top": [["a", 6]], "others": 4}),
        (pa.array(["x" * 300] * 50 + ["y"] * 50), {"kind": "category", "top": [["y", 50]], "others": 50}),
        (pa.array(["b", "a"] * 5), {"top": [["a", 5], ["b", 5]]}),
        (pa.array([], pa.timestamp("us")), {"kind": "date", "gaps": 0, "low": None, "months": [0] * 12}),
        (pa.array([True, False, None]), {"kind": "category", "gaps": 1}),
    ],
)
def test_odd_columns_have_a_sketch(cells, expected):
    """Columns of gaps, of one value, of long values and without rows are counted like others."""
    made = sketch.of_cells(cells)
    assert {name: made[name] for name in expected} == expected
    json.dumps(made, allow_nan=False)


@pytest.mark.parametrize("target", ["abone mi", "gelir"])
def test_evaluate_keeps_what_is_predicted(home, target):
    """Of the rows that are reported on: how often each class is predicted and how likely the second is; or the
    numbers."""
    algorithm = "LR" if target == "abone mi" else "sgd_regressor"
    ended = prepared(tables.turkish(), target, algorithm, until="evaluate", epochs=2)
    kept, rows = ended["evaluate"].result["predicted"], ended["evaluate"].result["rows"]
    if target == "abone mi":
        counts = np.array(ended["evaluate"].result["confusion"]["counts"]).sum(axis=0).tolist()
        assert kept["values"]["top"] == [["Evet", counts[0]], ["Hayır", counts[1]]]
        assert sum(kept["beliefs"]["counts"]) == rows and 0 <= kept["beliefs"]["low"] <= kept["beliefs"]["high"] <= 1
    else:
        assert kept["values"]["kind"] == "number" and sum(kept["values"]["counts"]) == rows
