"""Models: scikit-learn by joblib with a card, other libraries by formats of their own, checked with stand-ins."""

import json
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers.kept import kept, read, words
from sklearn.base import BaseEstimator
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from jobs import artifacts
from jobs.artifacts import ArtifactError
from jobs.language import sentence


@pytest.fixture(scope="module")
def model():
    frame = pd.DataFrame({"age": [1.0, 2, 3, 4], "visits": [4.0, 3, 2, 2]})
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(frame, [0, 0, 1, 1])


def test_a_pipeline_comes_back_and_predicts_the_same(model):
    """An estimator is a joblib file, which is code, and which joblib alone loads."""
    saved, loaded = kept(model)
    assert (saved.type, saved.format, saved.executable) == ("sklearn.pipeline.Pipeline", "joblib", True)
    rows = pd.DataFrame({"age": [1.5], "visits": [2.0]})
    assert (loaded.predict_proba(rows) == model.predict_proba(rows)).all()
    assert isinstance(joblib.load(saved.file), type(model))


def test_the_card_says_what_a_model_is(model):
    """Class, steps or params, features and versions are shown without loading it."""
    shown = kept(model)[0].preview
    assert (shown["kind"], shown["title"]) == ("card", "sklearn.pipeline.Pipeline")
    assert shown["groups"]["params"][1] == ("logisticregression", "sklearn.linear_model.LogisticRegression")
    assert shown["groups"]["feature names"] == [("1", "age"), ("2", "visits")]
    assert ("sklearn", sklearn.__version__) in shown["groups"]["versions"]
    groups = kept(model[-1])[0].preview["groups"]
    assert ("C", "0.5") in groups["params"] and ("coef_", "float64 [1, 2]") in groups["learned"]


def test_a_vectorizer_of_the_text_of_dicts_comes_back():
    """A DictVectorizer and what it makes pass from step to step."""
    vectorizer = DictVectorizer().fit([{"PU_DO": "43_151", "distance": 1.5}])
    _, loaded = kept(vectorizer, DictVectorizer)
    assert loaded.transform([{"PU_DO": "43_151"}]).toarray().tolist() == [[1.0, 0.0]]


def test_a_model_of_another_version_is_told(model, monkeypatch, tmp_path):
    """scikit-learn notes its version in each object; the log says once that this is another one."""
    import sklearn.base

    monkeypatch.setattr(sklearn.base, "__version__", "1.2.0")
    saved = artifacts.save(model, Any, tmp_path)
    monkeypatch.undo()
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(saved, notify=told.append)
    assert [sentence(each) for each in told] == [
        f"This sklearn.pipeline.Pipeline was saved with scikit-learn 1.2.0 and is loaded with {sklearn.__version__}. "
        "It may not work or give other results; run the step that made it again."
    ]
    with pytest.warns(UserWarning, match=r"saved with scikit-learn 1\.2\.0"):
        read(saved)


class Own(BaseEstimator):
    """An estimator of an author, in which scikit-learn notes no version."""


def test_an_estimator_of_ones_own_is_told_by_what_was_noted(monkeypatch):
    """For classes outside of scikit-learn the row says with which version they were saved."""
    saved, _ = kept(Own())
    saved.metadata["versions"]["sklearn"] = "1.2.0"
    told = []
    read(saved, notify=told.append)
    assert [each.values["saved"] for each in told] == ["1.2.0"]


def test_a_model_whose_code_is_gone_says_so(monkeypatch):
    """The reason is told in one sentence."""
    saved, _ = kept(Own())
    monkeypatch.delattr(sys.modules[__name__], "Own")
    with pytest.raises(ArtifactError, match=r"cannot be read back: .*Own"):
        read(saved)


def test_a_model_of_this_version_is_loaded_without_a_word(model):
    """Nothing is told where nothing differs."""
    told = []
    read(kept(model)[0], notify=told.append)
    assert told == []


def test_what_joblib_does_not_take_is_pickled_and_told():
    """A lambda in a transformer needs cloudpickle; the card is there all the same."""
    saved, loaded = kept(FunctionTransformer(lambda values: values * 2))
    assert saved.format == "cloudpickle" and saved.preview["kind"] == "card" and "joblib" in words(saved)[0]
    assert loaded.transform(np.array([[2]])).tolist() == [[4]]


def test_an_estimator_that_breaks_the_rules_has_a_card():
    """A class without readable params is saved like any other."""

    class Odd(BaseEstimator):
        def __init__(self, *, a):
            self.b = a

    saved, loaded = kept(Odd(a=3))
    assert loaded.b == 3 and saved.preview["title"].endswith("Odd")


class StandIn:
    """A model with the public calls of XGBoost and CatBoost. No such library is installed where this is tested."""

    def __init__(self, weights=None, model_file=None):
        self.weights = json.loads(Path(model_file).read_text()) if model_file else weights

    def save_model(self, path):
        if self.weights == "refused":
            raise RuntimeError("not fitted")
        Path(path).write_text(json.dumps(self.weights))

    def load_model(self, path):
        assert Path(path).suffix  # as those libraries tell their formats
        self.weights = json.loads(Path(path).read_text())

    def num_boosted_rounds(self):
        return 7

    feature_names = ("a", "b")


@pytest.fixture
def library(monkeypatch):
    def library(package, *names):
        module = types.ModuleType(package)
        module.__version__ = "9.9"
        for name in names:
            kind = type(name, (StandIn,), {"__module__": f"{package}.core"})
            setattr(module, name, kind)
        monkeypatch.setitem(sys.modules, package, module)
        return module

    return library


@pytest.mark.parametrize(
    ("package", "name"),
    [("xgboost", "Booster"), ("lightgbm", "Booster"), ("catboost", "CatBoostClassifier"), ("catboost", "CatBoost")],
)
def test_a_library_writes_its_own_format(library, package, name):
    """A booster is saved by its library's calls, without code, and read as its class, from a file without suffix."""
    names = {"catboost": ("CatBoostClassifier", "CatBoostRegressor", "CatBoost")}.get(package, (name,))
    module = library(package, *names)
    value = getattr(module, name)([1, 2])
    saved, loaded = kept(value)
    assert (saved.format, saved.executable, saved.type) == (package, False, f"{package}.{name}")
    assert type(loaded) is type(value) and loaded.weights == [1, 2]
    assert saved.metadata["versions"] == {package: "9.9"}
    assert saved.preview["groups"]["model"] == [("rounds", 7)] and saved.preview["groups"]["feature names"][0] == (
        "1",
        "a",
    )
    stored = saved.file.rename(saved.file.with_suffix(""))
    assert artifacts.load(package, type(value), file=stored).weights == [1, 2]


def test_what_its_library_refuses_is_pickled_and_told(library):
    """A model that cannot be written in its own format is not lost."""
    module = library("xgboost", "Booster")
    module.Booster.__module__ = "__main__"  # so that cloudpickle takes the stand-in whole
    saved, loaded = kept(module.Booster("refused"))
    assert saved.format == "cloudpickle" and "not fitted" in words(saved)[0] and loaded.weights == "refused"


def test_a_model_without_its_library_says_what_to_install(library, monkeypatch):
    """Where the library is missing, one sentence names it."""
    module = library("xgboost", "Booster")
    saved, _ = kept(module.Booster([1]))
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ArtifactError, match="A stored xgboost needs the package xgboost, which is not installed here"):
        read(saved)


def test_keras_is_loaded_by_keras(monkeypatch):
    """A stand-in with Keras's calls: save to .keras, and load_model. Its files may hold code."""
    keras, saving = types.ModuleType("keras"), types.ModuleType("keras.saving")

    class Model:
        def save(self, path):
            Path(path).write_text("layers")

    Model.__module__, Model.__qualname__ = "keras.src", "Model"
    keras.Model = Model
    saving.load_model = lambda path: (Path(path).suffix, Path(path).read_text())
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, "keras.saving", saving)
    saved, loaded = kept(Model())
    assert (saved.type, saved.format, saved.executable) == ("keras.Model", "keras", True)
    assert loaded == (".keras", "layers")


def test_tensors_are_stored_without_pickles(monkeypatch):
    """Stand-ins with the calls of torch and safetensors: a tensor or a state_dict is tensors, and no pickle."""
    torch, package = types.ModuleType("torch"), types.ModuleType("safetensors")
    functions = types.ModuleType("safetensors.torch")

    class Tensor:
        dtype, shape = "float32", (2,)

        def contiguous(self):
            return self

    torch.Tensor = Tensor
    kept_tensors = {}

    def save_file(tensors, path):
        kept_tensors.update(tensors)
        Path(path).write_text("tensors")

    functions.save_file, functions.load_file = save_file, lambda path: dict(kept_tensors)
    for name, module in {"torch": torch, "safetensors": package, "safetensors.torch": functions}.items():
        monkeypatch.setitem(sys.modules, name, module)
    saved, loaded = kept({"layer.weight": Tensor()})
    assert (saved.format, saved.executable) == ("safetensors", False) and list(loaded) == ["layer.weight"]
    kept_tensors.clear()
    assert isinstance(kept(Tensor())[1], Tensor)
