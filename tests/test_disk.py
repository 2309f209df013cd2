"""How much of the disk a workflow takes, next to the file it learns from."""

import contextlib
import io
import threading

import numpy as np
import pytest
from helpers import tables
from helpers.tiers import seldom

from jobs.tabular import matrix
from jobs.tabular.prepare import matrices
from jobs.verbs import datasets
from store.tables import Status
from tests.bench.bigger import used

ROWS = 60_000


def digits(random):
    return [random.integers(0, 10, ROWS).astype(str) for _ in range(12)]


def pixels(random):
    return [np.where(random.random(ROWS) < 0.8, 0, random.integers(0, 256, ROWS)).astype(str) for _ in range(12)]


def signed(random):
    return [random.integers(-120, 121, ROWS).astype(str) for _ in range(12)]


def counts(random):
    return [random.integers(0, 1_000, ROWS).astype(str) for _ in range(12)]


def letters(random):
    return [np.array(list("abcdefghijklmnopqrstuvwxyz"))[random.integers(0, 26, ROWS)] for _ in range(12)]


def words(random):
    known = np.array([f"{word}{number or ''}" for number in range(12) for word in ("flat", "Monthly", "İzmir", "web")])
    return [known[random.integers(0, len(known), ROWS)] for _ in range(12)]


def many_words(random):
    known = np.array([f"street {number}" for number in range(3_000)])
    return [known[random.integers(0, len(known), ROWS)] for _ in range(6)]


def yes_no(random):
    return [np.array(["Yes", "No"])[random.integers(0, 2, ROWS)] for _ in range(12)]


def days(random):
    first = np.datetime64("2015-01-01")
    return [np.datetime_as_string(first + random.integers(0, 4_000, ROWS)) for _ in range(6)]


def prices(random):
    return [random.integers(0, 10_000, ROWS) / 100 for _ in range(12)]


def gaps(random):
    return [np.where(random.random(ROWS) < 0.7, "", random.normal(size=ROWS).round(4).astype(str)) for _ in range(12)]


@contextlib.contextmanager
def watched(home):
    """The most that the home has held beyond what it holds now, in bytes, as the only entry of a list."""
    before, most, over = used(home), [0], threading.Event()

    def look():
        while not over.wait(0.005):
            with contextlib.suppress(FileNotFoundError):  # a folder that was listed went away
                most[0] = max(most[0], used(home) - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "make",
    seldom([digits, many_words, gaps, pixels, signed, counts, letters, words, yes_no, days, prices], always=3),
    ids=lambda make: make.__name__,
)
def test_a_workflow_takes_three_times_its_file_at_most(home, monkeypatch, make):
    """Whatever the cells hold, the file and all that is made of it take three times its bytes at the worst moment, and
    at most 0.6 of the file more where most cells are gaps between long numbers, which take a byte there and four in a
    matrix."""
    monkeypatch.setattr(matrix, "BUCKET_BYTES", 1 << 18)  # as with files that are larger than memory
    monkeypatch.setattr(matrices, "SAMPLE_ROWS", 200)  # of a big file it is next to nothing
    random = np.random.default_rng(0)
    columns = [random.integers(0, 2, ROWS), *make(random)]
    lines = zip(*(np.asarray(column).astype(str) for column in columns), strict=True)
    content = "\n".join([",".join(["y", *(f"c{number}" for number in range(1, len(columns)))]), *map(",".join, lines)])
    with watched(home) as most:
        dataset = datasets.add(io.BytesIO(content.encode()), f"{make.__name__}.csv")
        ended = tables.run(dataset, "y", "LR", epochs=1)
    assert {step.status for step in ended.values()} == {Status.completed}
    assert most[0] <= (3.6 if make is gaps else 3) * dataset.size
