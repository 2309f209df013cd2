"""Which rows train, which choose the epoch and which are reported on: by what they hold, by time or by group."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jobs.pipelines.errors import StepError
from jobs.tabular.column import Column
from jobs.tabular.prepare.split import TEST, TRAINING, UNUSED, VALIDATION, Rows, split
from jobs.tabular.prepare.target import NO_LABEL, Target
from jobs.tabular.row_hash import Duplicates, hashes_of, share_of

PARAMS = {"test_size": 0.2, "validation_size": 0.15, "random_state": 42, "split": "random", "split_column": ""}


def batch_of(**columns):
    return pa.RecordBatch.from_pydict(columns)


def table_of(tmp_path, **columns):
    """A typed table on disk, as the upload leaves it."""
    batch = batch_of(**columns)
    path = tmp_path / "table.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    return path, batch


def target_of(codes, labels=("no", "yes")):
    codes = np.asarray(codes, dtype=np.int8)
    counts = [int((codes == code).sum()) for code in range(len(labels))]
    return Target(codes, np.array(labels, dtype=object), counts)


def parts_of(tmp_path, codes, params, **columns):
    """The part of each row of a table with these columns."""
    path, batch = table_of(tmp_path, **columns)
    hashes = hashes_of(batch)
    column = Column(params["split_column"], "date") if params.get("split_column") else None
    done = split(Rows(target_of(codes), hashes.__getitem__, path, column), params)
    return done.use, done.notices


def shares(use):
    return [float((use == part).mean()) for part in (TRAINING, VALIDATION, TEST)]


def test_the_parts_have_the_shares_that_were_asked_for(tmp_path):
    """Of many different rows 65 % train, 15 % validate and 20 % are tested, give or take chance."""
    values = np.random.default_rng(0).normal(size=20_000)
    use, notices = parts_of(tmp_path, values > 0, PARAMS, a=values)
    assert shares(use) == pytest.approx([0.65, 0.15, 0.2], abs=0.015) and notices == []


def test_equal_rows_are_in_one_part(tmp_path):
    """A row and its copies, wherever they stand, train together or are tested together."""
    values = np.tile(np.arange(500.0), 4)
    use, _ = parts_of(tmp_path, values % 2, PARAMS, a=values, b=[f"text {v:g}" for v in values])
    assert (use.reshape(4, 500) == use[:500]).all()


def test_a_row_keeps_its_part_when_the_table_grows(tmp_path):
    """More rows, in another order, with another column: what was tested before is tested again."""
    values = np.random.default_rng(1).normal(size=3_000)
    before, _ = parts_of(tmp_path, values > 0, PARAMS, a=values)
    more = np.concatenate([np.random.default_rng(2).normal(size=1_000), values[::-1]])
    path, batch = table_of(tmp_path, new=np.arange(4_000.0), a=more)
    hashes = hashes_of(batch, ["a"])
    after = split(Rows(target_of(more > 0), hashes.__getitem__, path, None), PARAMS).use
    assert (after[1_000:][::-1] == before).all()


def test_another_seed_splits_otherwise(tmp_path):
    """The seed decides which rows are tested."""
    values = np.arange(2_000.0)
    first, _ = parts_of(tmp_path, values % 2, PARAMS, a=values)
    second, _ = parts_of(tmp_path, values % 2, PARAMS | {"random_state": 7}, a=values)
    assert 0.4 < (first == second).mean() < 0.6


SAME = [
    ([1.0, np.nan, -0.0], [1.0, np.nan, 0.0]),
    (["7", "00.50", "x", None], ["7.0", "0.5", "x", None]),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_cell_counts_by_its_value(one, other):
    """How a number is written makes no difference, nor in which batch it comes."""
    assert (hashes_of(batch_of(a=one)) == hashes_of(batch_of(a=other))).all()


def test_a_number_read_as_text_is_the_same_row():
    """A column of numbers that a later version reads as texts, since one cell is none, keeps its rows' hashes."""
    numbers, texts = hashes_of(batch_of(a=[1.0, 20.5])), hashes_of(batch_of(a=["1", "20.5", "none"]))
    assert (numbers == texts[:2]).all()


def test_columns_and_rows_are_told_apart():
    """Values in other columns, rows that differ in one cell, and rows with a gap have other hashes."""
    rows = batch_of(a=[1.0, 2.0, 1.0, np.nan], b=[2.0, 1.0, 1.0, 1.0])
    assert len(set(hashes_of(rows))) == 4
    one, other = batch_of(a=[1.0], b=[2.0]), batch_of(b=[2.0], a=[1.0])
    assert hashes_of(one) == hashes_of(other), "in whichever order the columns stand"


def test_a_group_is_never_divided(tmp_path):
    """All rows of a customer are in one part; rows without a customer are groups of their own."""
    random = np.random.default_rng(3)
    customers = [None if n % 10 == 0 else f"c{n % 97}" for n in range(4_000)]
    params = PARAMS | {"split": "group", "split_column": "customer"}
    use, _ = parts_of(tmp_path, random.integers(0, 2, 4_000), params, customer=customers, a=random.normal(size=4_000))
    by_customer = pd.Series(use).groupby(pd.Series(customers)).nunique()
    assert (by_customer == 1).all() and len(set(use[::10])) == 3


def test_the_last_rows_are_tested_when_split_by_time(tmp_path):
    """Training rows come before validation rows, and these before test rows; equal times are not divided."""
    random = np.random.default_rng(4)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, 3_000), "D")
    params = PARAMS | {"split": "time", "split_column": "day"}
    use, _ = parts_of(
        tmp_path, random.integers(0, 2, 3_000), params, day=pa.array(days).cast(pa.timestamp("us")), a=np.arange(3e3)
    )
    spans = [(days[use == part].min(), days[use == part].max()) for part in (TRAINING, VALIDATION, TEST)]
    assert spans[0][1] < spans[1][0] and spans[1][1] < spans[2][0]
    assert shares(use) == pytest.approx([0.65, 0.15, 0.2], abs=0.02)


def test_rows_of_one_time_cannot_be_split_by_time(tmp_path):
    """A constant column orders nothing, and that is said."""
    params = PARAMS | {"split": "time", "split_column": "a"}
    with pytest.raises(StepError) as refused:
        parts_of(tmp_path, np.arange(40) % 2, params, a=np.ones(40))
    assert refused.value.message.code == "one_time_only"


def test_rows_without_a_target_are_in_no_part(tmp_path):
    """They are neither learned from nor tested."""
    codes = np.arange(1_000) % 3 - 1
    use, _ = parts_of(tmp_path, codes, PARAMS, a=np.arange(1e3))
    assert ((use == UNUSED) == (codes == NO_LABEL)).all()


@pytest.mark.parametrize("seed", range(20))
def test_small_tables_have_every_part_and_train_every_class(tmp_path, seed):
    """Twenty rows are enough for three parts, and each class is learned; a class that is not tested is named."""
    codes = np.array([0] * 17 + [1] * 2 + [2])
    path, batch = table_of(tmp_path, a=np.arange(20.0))
    target = target_of(codes, ("a", "b", "c"))
    rows = Rows(target, hashes_of(batch).__getitem__, path, None)
    done = split(rows, PARAMS | {"random_state": seed})
    use, notices = done.use, done.notices
    assert {TRAINING, VALIDATION, TEST} <= set(use) and set(codes[use == TRAINING]) == {0, 1, 2}
    untested = {"a", "b", "c"} - {"abc"[code] for code in codes[use == TEST]}
    named = {label for notice in notices for label in notice.message.values["labels"]}
    assert named == untested


def test_rows_that_are_all_equal_are_refused(tmp_path):
    """Twenty copies of one row cannot be split, and that is said."""
    with pytest.raises(StepError) as refused:
        parts_of(tmp_path, np.zeros(20), PARAMS, a=np.ones(20))
    assert refused.value.message.code == "too_few_different_rows"


def test_without_a_validation_share_the_test_rows_choose_too(tmp_path):
    """So it was before there were three parts, and so old workflows stay."""
    use, _ = parts_of(tmp_path, np.arange(1_000) % 2, PARAMS | {"validation_size": 0.0}, a=np.arange(1e3))
    assert shares(use) == pytest.approx([0.8, 0.2, 0], abs=0.04)


@pytest.mark.parametrize("most", [100, 10_000_000])
def test_copies_are_counted_in_bounded_memory(monkeypatch, most):
    """With few rows exactly; with more than are held at once, about."""
    monkeypatch.setattr("jobs.tabular.row_hash.SORTED_ROWS", most)
    values = np.concatenate([np.arange(6_000.0), np.arange(2_000.0)])
    duplicates = Duplicates()
    for part in np.array_split(values, 7):
        duplicates.add(hashes_of(batch_of(a=part)))
    assert duplicates.count() == 2_000 if most > 8_000 else 500 < duplicates.count() < 4_500


def test_shares_are_even():
    """Hashes of a tenth of all numbers fall into each tenth."""
    placed = share_of(hashes_of(batch_of(a=np.arange(100_000.0))), 42)
    assert np.histogram(placed, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)
