"""Numbers with a unit beside them, and numbers below one: read as what they are, by the profile and by the model."""

import io

import numpy as np
import pytest
from helpers import tables

from jobs.language import sentence_of
from jobs.tabular.predict.marks import Marks, rewritten
from jobs.tabular.profile.cells import numbers_of
from jobs.verbs import datasets, predictions
from store.tables import Status

ROWS = 200


def bills(rows=ROWS):
    """A Turkish export whose shares have a percent sign and whose amounts a lira sign, before or behind."""
    random = np.random.default_rng(0)
    lines = ["oran;indirim;tutar;ücret;ayrıldı"]
    for _ in range(rows):
        share, amount = random.integers(1, 100), random.uniform(100, 4_000)
        grouped = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
        left = "Evet" if share + random.normal(0, 5) > 50 else "Hayır"
        lines.append(f"%{share};{random.integers(1, 100)} %;₺{grouped};{grouped} TL;{left}")
    return "\n".join(lines).encode()


def added(content, name="bills.csv"):
    dataset = datasets.add(io.BytesIO(content), name)
    return dataset, {column["name"]: column for column in dataset.columns}


def test_units_leave_numbers_numbers(home):
    """Percent and lira signs, before a number or behind it, do not make a category of it, and are told."""
    dataset, columns = added(bills())
    assert [columns[name]["kind"] for name in ("oran", "indirim", "tutar", "ücret")] == ["number"] * 4
    assert [columns[name]["unit"] for name in ("oran", "indirim", "tutar", "ücret")] == ["%", "%", "₺", "₺"]
    assert columns["tutar"]["max"] == columns["ücret"]["max"] > 3_000
    assert all(columns[name]["role"] == "feature" and not columns[name]["missing"] for name in columns)
    assert "oran: its numbers are read without the % beside them." in list(map(sentence_of, dataset.notices))


def test_a_model_reads_units(home):
    """What is learned from such columns is applied to new rows, with the unit and without it."""
    dataset, _columns = added(bills())
    ended = tables.run(dataset, "ayrıldı", "logistic_regression")
    assert {step.status for step in ended.values()} == {Status.completed}
    row = {"indirim": "5 %", "tutar": "₺557,50", "ücret": "1.557,50 TL"}
    given = [{**row, "oran": oran} for oran in ("%95", "95", "3 %", "yok")]
    said = predictions.predict_rows(ended["train"].workflow_id, given)
    assert said.predictions[:3] == ["Evet", "Evet", "Hayır"]
    assert said.probabilities[0] == said.probabilities[1]
    assert [notice.column for notice in said.notices] == ["oran"]  # "yok" alone is no number


def test_several_units_are_no_numbers(home):
    """₺5 and $5 are not the same, so they stay texts, and why is told."""
    lines = ["price,y"] + [f"{'₺$'[row % 2]}{row % 30},{row % 2}" for row in range(60)]
    dataset, columns = added("\n".join(lines).encode())
    assert columns["price"]["kind"] == "text"
    assert any("several units: $, ₺" in sentence_of(notice) for notice in dataset.notices)


def test_a_kind_that_fits_no_cell_is_told(home):
    """A column that is set to number and has none is left out for that reason, not as if it were empty."""
    lines = ["word,size,y"] + [f"{'abc'[row % 3]},{row % 7},{row % 2}" for row in range(60)]
    dataset, _columns = added("\n".join(lines).encode())
    ended = tables.run(dataset, "y", "logistic_regression", kinds={"word": "number"})
    said = [notice for notice in ended["upload"].result["notices"] if notice["column"] == "word"]
    assert [notice["level"] for notice in said] == ["warning"]
    assert "no cell of it can be read as a number" in sentence_of(said[0])


@pytest.mark.parametrize("quoted", ['"5,0"', '"3,5"'])
def test_a_leading_zero_is_no_thousands_mark(home, quoted):
    """0.510 beside a quoted 5,0 is a half, not 510."""
    lines = ["mixed,share,y"] + [f"{(quoted, 'dört', '?')[row % 3]},0.{100 + row},{row % 2}" for row in range(60)]
    _dataset, columns = added("\n".join(lines).encode())
    assert (columns["share"]["min"], columns["share"]["max"]) == (0.1, 0.159)


def test_zeros_group_nothing():
    """With a point for thousands, 0.510 is no number; the model that learned so agrees with the profile."""
    import pyarrow as pa

    cells = pa.array(["1.510", "0.510"])
    assert numbers_of(cells, Marks(",", ".")).unread == 1
    assert rewritten(cells, Marks(",", "."), ".").to_pylist() == ["1510", "0.510"]
