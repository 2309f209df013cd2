"""What a model says of raw rows is what was measured, however cells are written; memory and refusals stay bounded."""

import io
import os
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables

from jobs.language import sentence
from jobs.tabular import reader
from jobs.tabular.csv import lines as csv_lines
from jobs.verbs import datasets
from store.tables import Status


def lines(header, cell, rows=200):
    random = np.random.default_rng(0)
    body = "".join(f"{random.normal():.3f},{cell(i)},{'ab'[i % 2]}\n" for i in range(rows))
    return f"{header}\n{body}".encode()


def prepared(content, **params):
    ended = tables.run(datasets.add(io.BytesIO(content), "t.csv"), "y", "LR", epochs=1, **params)
    assert all(step.status is Status.completed for step in ended.values()), [
        sentence(step.error) for step in ended.values()
    ]
    model = joblib.load(tables.file_of(ended["train"], "model"))
    return model[:-1].transform(pd.read_csv(io.BytesIO(content))), tables.matrix_of(ended, "test_X")


@pytest.mark.parametrize(
    "cell",
    [
        lambda i: f" {10 + i % 19}.0{1 + i % 9}.2024 ",
        lambda i: f"{10 + i % 19}/0{1 + i % 9}/2024 ",
        lambda i: f"\xa0{i % 7}" if i % 40 == 0 else i % 7,
        lambda i: '"1234,567"' if i % 40 == 0 else f'"{1_000 + 7_777 * i:,}"',
        lambda i: f"2024-01-{10 + i % 19}T00:00:00.123456789",
    ],
    ids=["blanks around dates", "blank after a date", "no-break space", "wrong thousands", "nanoseconds"],
)
def test_raw_cells_mean_what_they_meant_in_training(home, cell):
    """A model makes the same numbers of raw cells as training did."""
    found, tested = prepared(lines("x,z,y", cell))
    places = [np.isclose(found, row, atol=1e-5).all(axis=1).any() for row in tested]
    assert all(places), f"{places.count(False)} rows to test on are not what the model makes of the file"


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_whole_numbers_are_kept_exactly(home, scaling):
    """Whole numbers of any spread, with gaps or without, are to the last bit what the model makes of them."""
    random = np.random.default_rng(1)
    edges = [(low, low + most) for low in (-300, -1, 0, 7, 2**40) for most in (0, 1, 253, 254, 255, 256)]
    frame = pd.DataFrame({"x": random.normal(size=600)})
    for number, (low, high) in enumerate(edges):
        for gaps in (False, True):
            whole = np.append([low, high], random.integers(low, high + 1, 598)).astype(object)
            whole[random.permutation(600)[: 50 * gaps]] = ""
            frame[f"c{number}{gaps}"] = whole
    frame["y"] = random.choice(["a", "b"], 600)
    found, tested = prepared(frame.to_csv(index=False).encode(), scaling=scaling, features=list(frame.columns[:-1]))
    assert all((found[np.argmin(abs(found[:, 0] - row[0]))] == row).all() for row in tested)


@pytest.mark.parametrize("cell", [lambda i: i % 7, lambda i: 5], ids=["used", "constant"])
def test_names_that_differ_by_blanks(home, cell):
    """Two columns whose names differ by blanks alone are two columns, in training and in the model."""
    prepared(lines("a ,a,y", cell))


def test_the_accuracy_told_is_the_models(home):
    """Where chances are all but certain, the accuracy told is still that of the model's own answers."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        x = random.normal(size=(600, 4)) * [300, 50, 1, 1]
        y = np.argmax(x @ random.normal(size=(4, 4)) + random.normal(size=(600, 4)) * 5, axis=1)
        frame = pd.DataFrame(x.round(3), columns=list("abcd")).assign(y=[f"k{code}" for code in y])
        ended = tables.run(
            datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv"), "y", "LR", epochs=5, scaling="none"
        )
        model = joblib.load(tables.file_of(ended["train"], "model"))
        tested, labels = (tables.matrix_of(ended, name) for name in ("test_X", "test_y"))
        right = (model[-1].predict(tested) == model.classes_[labels]).mean()
        assert ended["evaluate"].result["scores"]["accuracy"] == right


def test_a_number_too_large_to_test_on_is_told(home):
    """A number beyond float32 among the rows to test on is refused in a sentence."""
    for seed in range(8):
        ended = tables.run(
            datasets.add(io.BytesIO(lines("x,z,y", lambda i: "1e90" if i == 50 else i % 7)), "t.csv"),
            "y",
            "SVM",
            epochs=1,
            scaling="none",
            random_state=seed,
        )
        failed = [step for step in ended.values() if step.status is Status.failed]
        assert all(step.error_code == "refused" for step in failed), sentence(failed[0].error)


def test_twenty_fractions_are_classes_however_many_batches(home, monkeypatch):
    """A target of twenty different fractions can be learned from a file of several batches."""
    monkeypatch.setattr(csv_lines, "BLOCK", 2_000)
    content = "x,y\n" + "".join(f"{i % 97},{i % 20}.5\n" for i in range(1_000))
    ended = tables.run(datasets.add(io.BytesIO(content.encode()), "t.csv"), "y", "LR", until="preprocess")
    assert ended["preprocess"].status is Status.completed, sentence(ended["preprocess"].error)


def test_figures_of_cells_written_in_two_ways(home):
    """60 is 60.0, and blanks are gaps, also in columns with very many values."""
    content = lines("x,z,y", lambda i: f"{i % 60}{'.0' if i % 7 else ''}", 2_000)
    assert datasets.add(io.BytesIO(content), "t.csv").columns[1]["distinct"] == 60
    content = lines("x,t,y", lambda i: " " if i % 4 == 0 else " NA " if i % 4 == 1 else f"v{i}", 20_000)
    assert datasets.add(io.BytesIO(content), "t.csv").columns[1]["missing"] == 10_000


def test_a_line_end_in_a_text_stays_whole(home, monkeypatch):
    """A quoted text keeps both signs of its line end where a block ends between them."""
    path = home / "t.csv"
    texts = [f"v{i}\r\nw" for i in range(60)]
    path.write_bytes(("x,t\n" + "".join(f'{i},"{text}"\n' for i, text in enumerate(texts))).encode())
    for block in range(60, 90):
        monkeypatch.setattr(csv_lines, "BLOCK", block)
        found = [text for batch in reader.inspect(path).batches() for text in batch.columns[1].to_pylist()]
        assert found == texts


MEASURED = """
import io, resource, sys
import numpy as np
from helpers import tables
from jobs.verbs import datasets
from store import actors
actors.recognise_by(actors.operator)
from store import schema
schema.prepare()
random = np.random.default_rng(0)
cells = random.integers(0, 20_000, (40_000, 4))
body = "".join(f"{','.join(map('k{}'.format, row))},{'ab'[i % 2]}\\n" for i, row in enumerate(cells))
ended = tables.run(datasets.add(io.BytesIO(("a,b,c,d,y\\n" + body).encode()), "t.csv"), "y", "LR", until="preprocess",
                   features=list("abcd"), max_categories=1000)
assert ended["preprocess"].status == "completed", sentence(ended["preprocess"].error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


@pytest.mark.slow
def test_texts_of_many_values_are_prepared_in_little_memory(tmp_path):
    """A file of 1 MB whose texts become 4,000 columns is prepared in less than a gigabyte."""
    import subprocess

    run = subprocess.run(
        [sys.executable, "-c", MEASURED],
        capture_output=True,
        text=True,
        env=os.environ | {"TRAINYARD_HOME": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 1024, run.stdout
