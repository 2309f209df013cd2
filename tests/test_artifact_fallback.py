"""What no format knows: pickles that say so, formats of one's own, and several values at once."""

import json
import threading
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.kept import kept, read, words
from scipy import sparse
from sklearn.feature_extraction import DictVectorizer

from jobs import artifacts
from jobs.artifacts import ArtifactError, HTMLString, MarkdownString, materializer, own_formats


class Thing:
    def __init__(self, name):
        self.name = name


class Sub(Thing):
    pass


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(own_formats, "_by_type", {})
    monkeypatch.setattr(own_formats, "_by_name", {})


def test_what_no_format_knows_is_pickled_with_a_notice():
    """The value comes back; its row says that it is code, and the log how to avoid that."""
    saved, loaded = kept(Thing("a"))
    assert saved.format == "cloudpickle" and saved.executable and loaded.name == "a"
    assert saved.preview == {"kind": "none"}
    assert words(saved)[0].startswith(f"A value of type {__name__}.Thing is stored as a pickle, since no other format")


def test_a_pickle_that_was_asked_for_needs_no_notice():
    """materializer="pickle" is an answer to the notice, whatever the value is."""
    saved, loaded = kept({"a": 1}, materializer="pickle")
    assert saved.format == "cloudpickle" and saved.notices == () and loaded == {"a": 1}


def test_functions_and_local_classes_are_pickled_whole():
    """What a notebook defines comes back without the notebook."""

    class Local:
        size = 3

    assert kept(lambda x: x + 1)[1](2) == 3
    assert kept(Local())[1].size == 3


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ((x for x in [1]), "Return list(...)"),
        (map(str, [1]), "Return list(...)"),
        (zip([1], [2], strict=True), "Return list(...)"),
        (threading.Lock(), "cannot be stored"),
    ],
    ids=["generator", "map", "zip", "lock"],
)
def test_what_cannot_be_kept_is_refused_with_a_way_out(value, advice):
    """One sentence names the type and says what to return instead."""
    with pytest.raises(ArtifactError) as told:
        kept(value)
    assert advice in str(told.value) and type(value).__name__ in str(told.value)


def test_an_open_file_is_no_value(tmp_path):
    """Pickled, an open file would become a text; its Path is what to return."""
    (tmp_path / "f").write_text("x")
    with (tmp_path / "f").open() as stream, pytest.raises(ArtifactError, match=r"return its pathlib\.Path"):
        kept(stream)


def test_a_coroutine_is_to_be_awaited():
    """What was not awaited has no result yet."""

    async def later():
        return 1

    coroutine = later()
    with pytest.raises(ArtifactError, match="Await it first"):
        kept(coroutine)
    coroutine.close()


def test_a_pickle_whose_code_is_gone_says_so(tmp_path):
    """The reason is told in one sentence."""
    (tmp_path / "p").write_bytes(b"cno_such_module\nThing\n.")
    with pytest.raises(ArtifactError, match=r"A stored shop\.Thing cannot be read back: No module named"):
        artifacts.load("cloudpickle", Any, file=tmp_path / "p", type="shop.Thing")


def test_formats_that_are_code_are_known_by_name():
    """Who may read what is decided by the format, and an unknown one is code."""
    assert [name for name in ("json", "parquet", "npy", "folder", "parts") if artifacts.is_executable(name)] == []
    assert all(map(artifacts.is_executable, ["joblib", "cloudpickle", "keras", "parts-code", "shop.OrderFormat", ""]))


def a_format(**options):
    @materializer(Thing, **options)
    class ThingFormat:
        def save(self, value, folder):
            (folder / "name.txt").write_text(value.name)
            (folder / "more").mkdir()
            (folder / "more" / "x").write_text("y")

        def load(self, folder, kind):
            return kind((folder / "name.txt").read_text())

    return ThingFormat


def test_a_class_is_a_format():
    """A class with save and load is the format of a type and of those below it, and reads as the type asked for."""
    a_format()
    saved, loaded = kept(Thing("a"))
    assert saved.format.endswith("a_format.<locals>.ThingFormat") and saved.executable and saved.notices == ()
    assert type(loaded) is Thing and loaded.name == "a"
    assert type(kept(Sub("b"), Sub)[1]) is Sub
    assert saved.preview["entries"] == [("more", 0), ("more/x", 1), ("name.txt", 1)]


def test_two_functions_are_a_format():
    """So are a function that saves and one that loads, under a name of their own."""

    @materializer(Thing, name="things", preview=lambda thing: f"**{thing.name}**")
    def thing_format(value, folder):
        (folder / "n").write_text(value.name)

    @thing_format.load
    def load_thing(folder, kind):
        return kind((folder / "n").read_text() + "!")

    saved, loaded = kept(Thing("a"))
    assert saved.format == "things" and loaded.name == "a!"
    assert saved.preview == {"kind": "markdown", "text": "**a**", "length": 5, "cut": False}


def test_a_format_can_be_chosen_for_one_output():
    """`materializer=` names a format that counts for this value alone, also of a type that has another."""
    chosen = a_format()
    own_formats._by_type.clear()
    assert kept(Thing("a"))[0].format == "cloudpickle"
    assert kept(Thing("a"), materializer=chosen)[1].name == "a"
    with pytest.raises(ArtifactError, match="is no format"):
        kept(Thing("a"), materializer=int)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("# a", "markdown"),
        (MarkdownString("a"), "markdown"),
        (HTMLString("<b>"), "html"),
        (pd.DataFrame({"a": [1]}), "table"),
        ({"kind": "text", "text": "a", "length": 1, "cut": False}, "text"),
        ({"kind": "text", "text": "a" * 10**6}, "none"),
        ({"kind": "text", "text": float("nan")}, "none"),
        ({"a": 1}, "tree"),
        (None, "tree"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_an_author_decides_what_is_shown(made, kind):
    """A preview function returns a text, HTML, a table, a preview or any value; what does not fit is left out."""
    a_format(preview=lambda thing: made)
    assert kept(Thing("a"))[0].preview["kind"] == kind


def test_formats_that_are_written_wrongly_say_how():
    """Each mistake has its sentence."""
    with pytest.raises(ArtifactError, match=r"such as @materializer\(Order\)"):
        materializer("Thing")
    with pytest.raises(ArtifactError, match="it has no load"):
        materializer(Thing)(type("Half", (), {"save": lambda self, value, folder: None}))
    with pytest.raises(ArtifactError, match="a name of Trainyard's own"):
        materializer(Thing, name="parquet")(lambda value, folder: None)

    @materializer(Thing)
    def half(value, folder):
        (folder / "x").write_text("")

    with pytest.raises(ArtifactError, match="it has no load"):
        kept(Thing("a"))
    half.load(lambda folder, kind: None)
    half._save = lambda value, folder: None
    with pytest.raises(ArtifactError, match="saved no file"):
        kept(Thing("a"))


def test_a_format_that_is_not_loaded_says_what_to_import():
    """A value of a format whose module was not imported is told by its name."""
    a_format(name="things")
    saved, _ = kept(Thing("a"))
    own_formats._by_name.clear()
    with pytest.raises(ArtifactError, match=r"The format things is not known here\. Import the module"):
        read(saved)


def test_several_values_are_each_kept_in_their_own_format():
    """A tuple of matrices, tables and a model comes back as it was; it is code only since the model is."""
    matrix = sparse.csr_matrix(np.eye(3))
    value = (matrix, pd.DataFrame({"a": [1]}), np.arange(3), {"f1": 0.5}, DictVectorizer().fit([{"a": 1}]))
    annotation = tuple([sparse.csr_matrix, pd.DataFrame, np.ndarray, dict, DictVectorizer])  # noqa: C409 - as people write it
    saved, loaded = kept(value, annotation)
    assert (saved.format, saved.executable, saved.notices) == ("parts-code", True, ())
    assert saved.type.startswith("tuple[scipy.sparse.csr_matrix, pandas.DataFrame, ")
    assert [type(each) for each in loaded] == [type(each) for each in value] and type(loaded) is tuple
    assert saved.preview["value"]["0"] == "scipy.sparse.csr_matrix 3 x 3" and saved.preview["value"]["3"] == {"f1": 0.5}


def test_parts_that_are_no_code_are_none_together():
    """A dict of tables and numbers needs no pickle, also one in another."""
    value = {"train": pd.DataFrame({"a": [1]}), "more": [np.arange(2), {"deep": pd.Series([1])}], "n": 3, "none": None}
    saved, loaded = kept(value, dict[str, Any])
    assert (saved.format, saved.executable) == ("parts", False)
    assert list(loaded) == list(value) and loaded["n"] == 3 and loaded["none"] is None
    assert loaded["more"][1]["deep"].tolist() == [1] and loaded["more"][0].tolist() == [0, 1]


def test_code_does_not_hide_in_parts():
    """An archive that is said to be safe and has a pickle in it is refused before the pickle is read."""
    saved, _ = kept({"a": pd.DataFrame({"a": [1]}), "b": Thing("x")})
    assert saved.format == "parts-code" and len(saved.notices) == 1
    with pytest.raises(ArtifactError, match="a part of it is code"):
        artifacts.load("parts", Any, file=saved.file, type="dict")


def test_a_compressed_archive_of_parts_is_refused():
    """What unpacks to more than it is, is none of ours."""
    saved, _ = kept({"a": np.arange(3), "b": [1]})
    with zipfile.ZipFile(saved.file) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved.file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    with pytest.raises(ArtifactError, match="it is compressed"):
        read(saved)


def test_things_without_a_format_are_pickled_together():
    """What one pickle holds keeps what its parts share."""
    thing = Thing("a")
    saved, loaded = kept([thing, thing])
    assert saved.format == "cloudpickle" and loaded[0] is loaded[1]


def test_equal_parts_are_equal_files():
    """The archive holds no times."""
    value = {"a": np.arange(3), "b": [1]}
    assert kept(value)[0].file.read_bytes() == kept(value)[0].file.read_bytes()
    with zipfile.ZipFile(kept(value)[0].file) as archive:
        assert json.loads(archive.read("parts.json"))["keys"] == ["a", "b"]
