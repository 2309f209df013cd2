"""Free text: recognised, counted by its words, learned from, and explained; the model needs none of this project."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import tables
from helpers.refusals import refuses

from jobs.language import sentence, sentence_of
from jobs.tabular import fitness, matrix
from jobs.tabular.column import Column
from jobs.tabular.matrix import Matrix, RowLayout, Shuffle
from jobs.tabular.prepare import encoder
from jobs.tabular.prepare.fit import _is_turkish
from jobs.tabular.prepare.pack import Packer
from jobs.tabular.sparse import ENDS, ENTRY, SparseRows
from jobs.verbs import datasets, predictions, workflows
from store.tables import Status

ROOT = Path(__file__).parent.parent
GOOD = ["harika", "güzel", "sağlam", "ucuz", "hızlı", "memnun", "İYİ", "IŞIL"]
BAD = ["kötü", "bozuk", "yavaş", "pahalı", "kırık", "pişman", "iade", "ÇIRKİN"]
COMMON = [f"söz{number}lük" for number in range(60)]


def reviews(rows=600, seed=0):
    """Reviews in Turkish: one word of two tells whether people were content; a number says nothing."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        content = random.random() < 0.5
        words = [*random.choice(GOOD if content else BAD, 2), *random.choice(COMMON, random.integers(4, 12))]
        random.shuffle(words)
        text = " ".join(words)
        text = "" if random.random() < 0.02 else text.lower() if random.random() < 0.3 else text
        lines.append({"yorum": text, "puan": random.integers(1, 6), "memnun mu": "evet" if content else "hayır"})
    return pd.DataFrame(lines)


def add(frame, name="t.csv"):
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), name)


def completed(ended):
    assert all(step.status is Status.completed for step in ended.values()), [
        sentence(step.error) for step in ended.values() if step.error
    ]
    return ended


ROWS = 120
CELLS = {
    "sentences": (lambda i: f"the {i}th order arrived rather late number {i * 7}", "free_text", "feature"),
    "names": (lambda i: f"Customer {i}", "text", "leave_out"),
    "uuids": (lambda i: f"af25bce0-4f8a-bbd3-9a0c-{i:012d}", "text", "leave_out"),
    "addresses": (lambda i: f"https://www.shop.com/of/all/things?number={i}", "text", "leave_out"),
    "dates in words": (lambda i: f"{i % 27 + 1} March 20{i % 90 + 10} 10:{i % 60:02}", "text", "leave_out"),
    "groups": (lambda i: ["sent by post today", "sent by courier today"][i % 2], "text", "feature"),
    "odd dates": (lambda i: f"{i % 27 + 1:02}.03.2024" if i % 2 else f"2024/03/{i % 27 + 1:02}", "text", "feature"),
    "times": (lambda i: f"{i % 24:02}:{i % 60:02}", "date", "feature"),
}


@pytest.mark.parametrize("name", CELLS)
def test_texts_are_recognised(home, name):
    """Cells of several words, most of them different, are texts; ids, names and groups are not."""
    cell, kind, role = CELLS[name]
    frame = pd.DataFrame({"x": [cell(i) for i in range(ROWS)], "y": ["a", "b"] * (ROWS // 2)})
    column = add(frame).columns[0]
    assert (column["kind"], column["role"]) == (kind, role)
    assert bool(column["words"]) is (kind == "free_text")


@pytest.mark.parametrize("algorithm", ["LR", "SVM", "PER", "PA", "mlp", "hist_gradient_boosting"])
def test_texts_are_learned_from(home, algorithm):
    """Every algorithm learns what the words of a text say."""
    ended = completed(tables.run(add(reviews()), "memnun mu", algorithm))
    assert ended["evaluate"].result["scores"]["accuracy"] > 0.93
    importance = ended["evaluate"].result["importance"]
    assert importance[0]["column"] == "yorum" and importance[0]["value"] > 0.3
    done = {each["column"]: sentence_of(each["did"]) for each in ended["preprocess"].result["columns"]}
    assert "most frequent words are counted" in done["yorum"] and "texts without words" in done["yorum"]


CLEAN = """
import json, sys, joblib, pandas
model, rows = joblib.load(sys.argv[1]), pandas.read_csv(sys.argv[2])
said = model.predict(rows).tolist()
assert not [name for name in sys.modules if name.split(".")[0] in ("jobs", "store", "pages", "streamlit")]
print(json.dumps(said))
"""


def test_the_model_needs_no_code_of_ours(home, tmp_path):
    """A downloaded model counts the words of raw rows where nothing of this project can be imported."""
    frame = reviews()
    ended = completed(tables.run(add(frame), "memnun mu", "LR"))
    model, rows = tables.file_of(ended["train"], "model"), tmp_path / "rows.csv"
    frame.to_csv(rows, index=False)
    answer = subprocess.run(
        [sys.executable, "-I", "-c", CLEAN, str(model), str(rows)], cwd=tmp_path, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert (np.array(json.loads(answer.stdout)) == frame["memnun mu"]).mean() > 0.95
    made, tested = joblib.load(model)[:-1].transform(frame), tables.matrix_of(ended, "test_X")
    assert all((made == row).all(axis=1).any() for row in tested), "what is tested is what the model makes, to the bit"


CHOICES = encoder.Choices("median", "most_frequent", "standard", 4, ".", "", 40)


def fitted(frame, kinds, turkish=(), choices=CHOICES):
    columns = [Column(name, kind) for name, kind in kinds.items()]
    built = encoder.build(columns, {}, choices, encoder.Found(turkish=turkish))
    encoder.fit(built, frame)
    return built


@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_packed_texts_are_what_the_encoder_makes(tmp_path, monkeypatch, scaling):
    """Texts among other columns go to disk as their words, in any order and in parts, and come back to the last bit."""
    monkeypatch.setattr(matrix, "BUCKET_BYTES", 1 << 12)
    monkeypatch.setattr(matrix, "IN_MEMORY", 1 << 10)
    frame = reviews(500).assign(other=lambda table: table["yorum"].str.split().str[::-1].str.join(" "))
    frame.loc[::7, "other"] = None
    kinds = {"yorum": "free_text", "puan": "number", "memnun mu": "yes_no", "other": "free_text"}
    way = fitted(frame[:300], kinds, choices=encoder.Choices("median", "most_frequent", scaling, 4, ".", "", 40))
    packer, table = Packer(way), pa.Table.from_pandas(frame, preserve_index=False)
    shuffle = Shuffle(tmp_path, 500, packer.form, np.dtype(np.int16), np.random.default_rng(0))
    for start, count in ((0, 200), (200, 0), (200, 200), (400, 100)):
        part = packer.pack(table.slice(start, count))
        shuffle.add(part, np.arange(start, start + count, dtype=np.int16))
    shuffle.write(tmp_path / "x.npy", tmp_path / "y.npy")
    x, y = Matrix(tmp_path / "x.npy"), Matrix(tmp_path / "y.npy").part(0, 500)
    expected = way.transform(frame)[y]
    assert sorted(y) == list(range(500)) and x.shape == expected.shape
    assert np.array_equal(np.concatenate(list(x.blocks())), expected)
    assert np.array_equal(x.part(123, 321), expected[123:321]) and np.array_equal(x.part(499, 600), expected[499:])
    assert (tmp_path / "x.npy").stat().st_size < expected.nbytes / 2
    assert {path.name for path in tmp_path.iterdir()} == {"x.npy", "y.npy"}


def test_what_texts_take_on_disk_is_known_before(tmp_path):
    """The weights of words say how many of them a row has, so that room and buckets are estimated right."""
    frame = reviews(1_000)
    form = (packer := Packer(fitted(frame[:500], {"yorum": "free_text"}))).form
    packed = packer.pack(pa.Table.from_pandas(frame, preserve_index=False))
    assert packed.rows.nbytes + packed.entries.nbytes == pytest.approx(1_000 * form.row_bytes, rel=0.1)


def test_sparse_rows_keep_their_entries():
    """Rows that are chosen and joined keep their own entries, also where some have none."""
    form = RowLayout([0], [], np.empty((0, 256), np.float32), [], sparse=5)
    rows, entries = np.zeros(3, form.dtype), np.array([(1, 1.0), (5, 2.0), (3, 4.0)], ENTRY)
    rows["numbers"][:, 0], rows[ENDS] = [7, 8, 9], [2, 2, 3]
    sparse = SparseRows(rows, entries)
    expected = np.array([[7, 1, 0, 0, 0, 2], [8, 0, 0, 0, 0, 0], [9, 0, 0, 4, 0, 0]], np.float32)
    assert np.array_equal(form.unpacked(sparse), expected)
    assert np.array_equal(form.unpacked(sparse[np.array([2, 0, 1, 2])]), expected[[2, 0, 1, 2]])
    assert np.array_equal(
        form.unpacked(SparseRows.joined([sparse, sparse[np.array([1, 0])]])), expected[[0, 1, 2, 1, 0]]
    )
    assert len(sparse[np.array([], int)]) == 0


@pytest.mark.parametrize(
    ("texts", "same", "different"),
    [
        (["ışık çok IYI", "bir ılık gün", "iki ılık gün"], ("IŞIK", "ışık"), ("IŞIK", "işik")),
        (["ışık çok İYİ", "bir ılık gün", "iki ılık gün"], ("İYİ", "iyi"), ("iyi", "ıyı")),
        (["this is info", "more INFO here", "a light day"], ("INFO", "info"), ("info", "ınfo")),
        (["çok güzel şey", "bir ılık gün", "iki ılık gün"], ("gu\u0308zel", "güzel"), ("guzel", "güzel")),
    ],
)
def test_turkish_letters(texts, same, different):
    """In Turkish texts I is the capital of ı, elsewhere of i; İ is always that of i; letters may be composed."""
    frame = pd.DataFrame({"t": texts})
    way = fitted(frame, {"t": "free_text"}, ["t"] if _is_turkish(frame["t"]) else [])
    one, other, third, fourth = way.transform(pd.DataFrame({"t": [*same, *different]}))
    assert one.any() and np.array_equal(one, other) and not np.array_equal(third, fourth)


def test_a_table_without_texts_is_as_before():
    """Where there is no text, nothing of a text is in the model."""
    way = fitted(pd.DataFrame({"a": [1.0, 2.0]}), {"a": "number"})
    assert Packer(way).form.plain and not Packer(way).form.sparse


def test_texts_by_hand(home, command):
    """A column is a text, or a category, where people say so, in the workflow and in the model."""
    cells = [f"{['red', 'blue'][i % 2]} car {i % 50}" for i in range(ROWS)]
    dataset = add(pd.DataFrame({"x": cells, "y": ["a", "b"] * (ROWS // 2)}))
    ended = completed(tables.run(dataset, "y", "LR", kinds={"x": "text"}))
    assert ended["upload"].result["columns_profile"][0]["kind"] == "free_text"
    model = joblib.load(tables.file_of(ended["train"], "model"))
    assert model.predict(pd.DataFrame({"x": ["a Red one", "BLUE"]})).tolist() == ["a", "b"]
    code, out, err = command(
        "submit", "--input", f"data={dataset.id}", "--target", "y", "--set", "kinds=x=text", "--json"
    )
    assert code == 0 and json.loads(out)["params"]["kinds"] == {"x": "text"}, err
    texts = add(reviews(), "r.csv")
    ended = completed(tables.run(texts, "memnun mu", "LR", kinds={"yorum": "category"}))
    assert ended["upload"].result["columns_profile"][0]["kind"] == "text"


def test_reasons_name_words(home):
    """Why a row is predicted so names the text and its words; effects of words add up to that of their text."""
    ended = completed(tables.run(add(reviews()), "memnun mu", "LR"))
    number = ended["train"].workflow_id
    assert [each.kind for each in predictions.needed(number).columns] == ["text", "number"]
    rows = [
        {"yorum": "Çok HARİKA bir ürün söz1lük", "puan": 3},
        {"yorum": "zzz qqq", "puan": 3},
        {"yorum": "", "puan": 3},
    ]
    made = predictions.predict_rows(number, rows, explain=True)
    assert made.predictions[0] == "evet"
    first = made.reasons[0].effects[0]
    assert (first.column, first.words[0].word, first.usual) == ("yorum", "harika", None)
    assert first.words[0].effect > 0
    assert sum(each.effect for each in first.words) == pytest.approx(first.effect, abs=1e-4)
    told = {notice.message.code: notice.message.values for notice in made.notices}
    assert told["predict_unknown_words"] == {"column": "yorum", "examples": ["zzz qqq"], "count": 1}
    assert told["predict_texts_missing"]["count"] == 1


def test_reasons_of_trees_name_words(home):
    """Where columns act together, a word's effect is what the row is without it."""
    ended = completed(tables.run(add(reviews()), "memnun mu", "hist_gradient_boosting"))
    made = predictions.predict_rows(ended["train"].workflow_id, [{"yorum": "kötü kırık", "puan": 3}], explain=True)
    words = made.reasons[0].effects[0].words
    assert made.predictions == ["hayır"] and {each.word for each in words} == {"kötü", "kırık"}


def test_folds_and_other_settings(home):
    """Texts are tested in folds, without scaling, and with few words."""
    ended = completed(tables.run(add(reviews(200)), "memnun mu", "LR", folds=3, scaling="none", max_words=10))
    assert ended["preprocess"].result["matrix_columns"] == 11


def test_many_texts_share_the_columns():
    """However many texts a table has, their words are bounded together."""
    frame = pd.DataFrame({f"t{number}": [f"word{number} other{number} third"] * 30 for number in range(20)})
    choices = encoder.Choices("median", "most_frequent", "standard", 4, ".", "", 10_000)
    built = encoder.build([Column(name, "free_text") for name in frame], {}, choices)
    most = [
        part.named_steps["words"].max_features for _label, part, _names in built.named_steps["columns"].transformers
    ]
    assert sum(most) <= encoder.MOST_WORDS


def test_what_has_no_words_is_said(home):
    """A column that was called a text and has no word ends in a sentence."""
    frame = pd.DataFrame({"x": [f"{i % 9}" for i in range(ROWS)], "y": ["a", "b"] * (ROWS // 2)})
    ended = tables.run(add(frame), "y", "LR", kinds={"x": "text"})
    assert "x has a word of two letters" in sentence(ended["preprocess"].error)


@pytest.mark.parametrize(
    ("cell", "chosen", "words"),
    [
        (lambda i: f"id-{i}", {}, "Every column besides y is left out, .*: x."),
        (lambda i: "always", {}, "Every column besides y is left out"),
        (lambda _: "", {"features": ["x"]}, "Every chosen column is empty"),
    ],
)
def test_a_table_of_nothing_usable_is_refused_at_the_start(home, cell, chosen, words):
    """What cannot be learned from is refused before anything is started, with the field that mends it."""
    dataset = add(pd.DataFrame({"x": [cell(i) for i in range(ROWS)], "y": ["a", "b"] * (ROWS // 2)}))
    with refuses(match=words):
        workflows.start("tabular", {"target": "y", "algorithm": "LR", **chosen}, {"data": dataset.id})
    usable = {"target": "y", "algorithm": "LR", "features": ["x"]}
    if not chosen:
        assert fitness.check(usable, {"data": dataset}) == []


@pytest.mark.rare
def test_a_story_of_reviews(tmp_path):
    """Reviews are submitted, learned from by the workers, and new ones predicted, all by commands."""

    def command(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "jobs", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"TRAINYARD_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    reviews(2_000).to_csv(tmp_path / "yorumlar.csv", index=False)
    new = reviews(300, seed=1)
    new.drop(columns="memnun mu").to_csv(tmp_path / "yeni.csv", index=False)
    made = json.loads(command("submit", tmp_path / "yorumlar.csv", "--target", "memnun mu", "--wait", "--json"))
    assert made["status"] == "completed" and made["scores"]["accuracy"] > 0.95
    command("predict", made["id"], tmp_path / "yeni.csv", "--out", tmp_path / "out.csv")
    predicted = pd.read_csv(tmp_path / "out.csv")
    assert (predicted["prediction"] == new["memnun mu"]).mean() > 0.95
