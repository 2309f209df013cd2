"""Train: epochs with live numbers; the best epoch is kept, and a killed training goes on where it was."""

import copy
import pickle
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from jobs.pipelines.context import Recorder, StepError
from jobs.pipelines.registry import Param, Params, step
from jobs.tabular import algorithms
from jobs.tabular.algorithms import TREES_PER_EPOCH, Algorithm
from jobs.tabular.matrix import BLOCK_BYTES, BLOCK_ROWS, Matrix

SCORED_ROWS = 20_000
# So much is learned from at once: rows are visited in random order, which is slow where they are not in the cache.
LEARNED_BYTES = 3 << 19
FEWEST_LEARNED = 1_024
# An r2 this low means errors a thousand times the spread of the target.
HOPELESS = -1e6
SAID_EPOCHS = 20
# What loading something that another version wrote may raise.
UNREADABLE = (
    OSError,
    EOFError,
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
)


def _params(chosen: Params) -> Sequence[Param]:
    algorithm = algorithms.chosen(chosen)
    which = Param(
        "algorithm", "choice", algorithm.key, "Algorithm", algorithm.sentence, choices=tuple(algorithms.ALGORITHMS)
    )
    return (which, *algorithm.params)


@step("train", needs=("preprocess",), params=_params, repeats_on_restart=True, version=3)
def train(recorder: Recorder) -> dict[str, Any]:
    """Learn, epoch by epoch."""
    import joblib

    algorithm = algorithms.get(recorder.params["algorithm"])
    prepared = joblib.load(recorder.file("preprocess", "transformer"))
    data = _Data.load(recorder, algorithm, prepared["labels"])
    run = _begin(recorder, algorithm)
    _learn(recorder, algorithm, data, run)
    if run.best_score < HOPELESS:
        raise _diverged(recorder)
    return _finish(recorder, algorithm, data, run, prepared)


@dataclass
class _Data:
    """What is learned from and tested on; a numeric target is centred and scaled."""

    x: Matrix
    y: Matrix
    val_x: Matrix
    val_y: np.ndarray
    sample_x: np.ndarray
    sample_y: np.ndarray
    labels: np.ndarray | None
    weights: np.ndarray | None
    middle: float = 0.0
    spread: float = 1.0

    @classmethod
    def load(cls, recorder: Recorder, algorithm: Algorithm, labels: np.ndarray | None) -> "_Data":
        x, y, val_x, val_y = (
            Matrix(recorder.file("preprocess", name)) for name in ("train_X", "train_y", "val_X", "val_y")
        )
        if (labels is None) is not (algorithm.task == "regression"):
            raise StepError(f"{algorithm.label} cannot predict this target.")
        # Training rows are in random order already, so the first ones are a fair sample.
        scored = min(SCORED_ROWS, BLOCK_BYTES // (x.shape[1] * x.dtype.itemsize))
        data = cls(x, y, val_x, val_y.part(0, val_y.rows), x.part(0, scored), y.part(0, scored), labels, None)
        if labels is None:
            data._measure_target()
        elif recorder.params.get("class_weight") == "balanced":
            data._weigh_classes()
        return data

    def _measure_target(self) -> None:
        rows = self.y.rows
        self.middle = sum(float(block.sum()) for block in self.y.blocks()) / rows
        around = sum(float(((block - self.middle) ** 2).sum()) for block in self.y.blocks())
        self.spread = (around / rows) ** 0.5 or 1.0

    def _weigh_classes(self) -> None:
        assert self.labels is not None
        counts = np.zeros(len(self.labels))
        for block in self.y.blocks():
            counts += np.bincount(block, minlength=len(counts))
        self.weights = counts.sum() / (len(counts) * np.maximum(counts, 1))

    def goal(self, y: np.ndarray) -> np.ndarray:
        """What an estimator is shown."""
        return y if self.labels is not None else (y - self.middle) / self.spread

    def weight(self, y: np.ndarray) -> np.ndarray | None:
        return None if self.weights is None else self.weights[y]


@dataclass
class _Run:
    """Everything that training needs to go on from an epoch border."""

    estimator: Any
    random: np.random.RandomState
    epoch: int = 0
    best_epoch: int = 0
    best_rank: tuple[float, float] = (-np.inf, -np.inf)
    best_score: float = 0.0
    best_train: float = 0.0
    first_score: float = 0.0
    best: Any = None
    stopped: bool = field(default=False)

    def over(self, params: Params) -> bool:
        return self.stopped or self.epoch >= params["epochs"]


def _begin(recorder: Recorder, algorithm: Algorithm) -> _Run:
    if (run := _kept(recorder)) and recorder.continue_from(run.epoch):
        return run
    random = np.random.RandomState(recorder.params.get("random_state", 42))
    return _Run(algorithm.make(recorder.params, random), random)


def _kept(recorder: Recorder) -> _Run | None:
    """Where an earlier attempt was, unless other versions of the code or of scikit-learn wrote it down."""
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    if not (path := recorder.last_checkpoint()):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            run = joblib.load(path)
        except (*UNREADABLE, InconsistentVersionWarning):
            run = None
    if isinstance(run, _Run) and set(vars(run)) == {each.name for each in fields(_Run)}:
        return run
    recorder.log("What the attempt before kept is of another version; training begins anew.", "warning")
    return None


Scores = dict[str, float]


def _learn(recorder: Recorder, algorithm: Algorithm, data: _Data, run: _Run) -> None:
    """Epoch by epoch, until all are done or it gets no better."""
    import joblib

    while not run.over(recorder.params):
        with _quiet():
            _fit(recorder, algorithm, data, run)
            seen, tested = _test(recorder, algorithm, data, run)
        _judge(run, seen, tested, recorder.params)
        recorder.checkpoint(run.epoch, lambda path: joblib.dump(run, path))


def _test(recorder: Recorder, algorithm: Algorithm, data: _Data, run: _Run) -> tuple[Scores, Scores]:
    """How good the estimator is now, on rows it has seen and on those it has not."""
    epochs = recorder.params["epochs"]
    with _unchecked():
        seen = measure(algorithm, run.estimator, [(data.sample_x, data.goal(data.sample_y))], data.spread)
        tested = measure(algorithm, run.estimator, _validation(data), data.spread)
    if not all(np.isfinite([*seen.values(), *tested.values()])):
        raise _diverged(recorder)
    run.epoch += 1
    recorder.metric(
        run.epoch,
        **{f"train_{name}": value for name, value in seen.items()},
        **{f"val_{name}": value for name, value in tested.items()},
    )
    if run.epoch % max(1, epochs // SAID_EPOCHS) == 0:
        said = ", ".join(f"{name} {value:.4g}" for name, value in tested.items())
        recorder.log(f"Epoch {run.epoch:,} of {epochs:,}: validation {said}.")
    return seen, tested


@contextmanager
def _quiet() -> Iterator[None]:
    with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
        # Said about blocks with few rows of many classes; the target was checked before.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        yield


def _unchecked(finite: bool = True) -> Any:
    """Let scikit-learn not look again at params, nor at numbers, that it has looked at before."""
    from sklearn import config_context

    return config_context(assume_finite=finite, skip_parameter_validation=True)


def _diverged(recorder: Recorder) -> StepError:
    rate = recorder.params.get("learning_rate")
    words = f"a smaller learning rate than {rate:g}" if rate else "a smaller C"
    return StepError(f"The numbers grew without limit; choose {words}, or scaling standard.")


def _fit(recorder: Recorder, algorithm: Algorithm, data: _Data, run: _Run) -> None:
    """One epoch."""
    recorder.check()
    parts = _grow(recorder, data, run) if algorithm.in_memory else _walk(recorder, data, run)
    epochs = recorder.params["epochs"]
    try:
        # That it looks over every block brings the block into the cache, and saves more time than it takes.
        with _unchecked(finite=False):
            for share in parts:
                recorder.progress(run.epoch + share, epochs, f"epoch {run.epoch + 1:,} of {epochs:,}")
                recorder.check()
    except ValueError as error:
        if "flow" in str(error) or "NaN" in str(error) or "infinit" in str(error):
            raise _diverged(recorder) from None
        raise


def _walk(recorder: Recorder, data: _Data, run: _Run) -> Iterator[float]:
    """Go through all blocks in random order; gives the share of the epoch that is done."""
    named = {} if data.labels is None else {"classes": np.arange(len(data.labels))}
    rows = min(BLOCK_ROWS, max(FEWEST_LEARNED, LEARNED_BYTES // (data.x.shape[1] * data.x.dtype.itemsize)))
    order = run.random.permutation(range(0, data.x.rows, rows))
    for done, start in enumerate(order, 1):
        x, y = data.x.part(start, start + rows), data.y.part(start, start + rows)
        if "batch_size" in recorder.params:
            run.estimator.batch_size = min(recorder.params["batch_size"], len(y))
        run.estimator.partial_fit(x, data.goal(y), sample_weight=data.weight(y), **named)
        yield done / len(order)


def _grow(recorder: Recorder, data: _Data, run: _Run) -> Iterator[float]:
    """Add trees."""
    rows = algorithms.most_rows(data.x.shape[1])
    if rows < data.x.rows and run.epoch == 0:
        recorder.log(f"This algorithm learns from {rows:,} random rows, as many as it may hold in memory.", "warning")
    x, y = data.x.part(0, rows), data.y.part(0, rows)
    if data.labels is not None and len(np.unique(y)) < len(data.labels):
        raise StepError(
            "Some values of the target are too rare for this algorithm on so many rows; choose another "
            "algorithm, or fewer columns."
        )
    yield 0.0  # an epoch may take minutes, and the next word comes at its end
    run.estimator.max_iter = TREES_PER_EPOCH * (run.epoch + 1)
    run.estimator.fit(x, data.goal(y), sample_weight=data.weight(y))
    yield 1.0


def _judge(run: _Run, seen: Scores, tested: Scores, params: Params) -> None:
    """Keep the best epoch; stop when asked to and nothing gets better."""
    main = "accuracy" if "accuracy" in tested else "r2"
    score = tested[main]
    if run.epoch == 1:
        run.first_score = score
    rank = (score, -tested["loss"])
    if rank > run.best_rank:
        run.best_rank, run.best_score, run.best_epoch = rank, score, run.epoch
        run.best_train = seen[main]
        # What it draws from is not copied, which would take longer than all the rest.
        run.best = copy.deepcopy(run.estimator, {id(run.random): run.random})
    elif params.get("early_stopping") and run.epoch - run.best_epoch >= params["patience"]:
        run.stopped = True


def _finish(
    recorder: Recorder,
    algorithm: Algorithm,
    data: _Data,
    run: _Run,
    prepared: dict[str, Any],
) -> dict[str, Any]:
    """One file that predicts the original labels on raw rows."""
    import joblib
    from sklearn.pipeline import Pipeline

    estimator = _as_published(run.best, data, recorder.params)
    model = Pipeline([*prepared["way"].steps, ("model", estimator)])
    path = recorder.folder / "model.joblib"
    joblib.dump(model, path, compress=3 if algorithm.in_memory else 0)
    kept = recorder.save("model", path)
    if run.stopped:
        recorder.log(f"Stopped after epoch {run.epoch}: no better for {recorder.params['patience']} epochs.")
    recorder.log(f"Epoch {run.best_epoch} was the best and is kept.")
    main = "val_accuracy" if data.labels is not None else "val_r2"
    return {
        "algorithm": algorithm.key,
        "epochs_run": run.epoch,
        "best_epoch": run.best_epoch,
        "stopped_early": run.stopped,
        "main_metric": main,
        "best": run.best_score,
        "best_train": run.best_train,
        "first": run.first_score,
        "model_size": kept.size,
        "given_rows": data.x.rows,
        "learned_rows": min(algorithms.most_rows(data.x.shape[1]), data.x.rows) if algorithm.in_memory else data.x.rows,
    }


def _as_published(estimator: Any, data: _Data, params: Params) -> Any:
    """The estimator with the original labels, or predicting in the target's own unit."""
    if "random_state" in params:
        estimator.set_params(random_state=params["random_state"])
    if data.labels is not None:
        estimator.classes_ = data.labels
        if hasattr(estimator, "_label_binarizer"):
            estimator._label_binarizer.classes_ = data.labels
        return estimator
    return _in_own_unit(estimator, data.middle, data.spread)


def _in_own_unit(estimator: Any, middle: float, spread: float) -> Any:
    """A regressor that learned a scaled target, made to answer in the target's unit by scaling its last layer."""
    if hasattr(estimator, "coef_"):
        estimator.coef_ = estimator.coef_.astype(np.float64) * spread
        estimator.intercept_ = estimator.intercept_ * spread + middle
    elif hasattr(estimator, "coefs_"):
        estimator.coefs_[-1] = estimator.coefs_[-1].astype(np.float64) * spread
        estimator.intercepts_[-1] = estimator.intercepts_[-1].astype(np.float64) * spread + middle
    else:
        for trees in estimator._predictors:
            for tree in trees:
                tree.nodes["value"] *= spread
        estimator._baseline_prediction = estimator._baseline_prediction * spread + middle
    return estimator


def _validation(data: _Data) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    start = 0
    for block in data.val_x.blocks():
        yield block, data.goal(data.val_y[start : start + len(block)])
        start += len(block)


def measure(algorithm: Algorithm, estimator: Any, blocks: Any, spread: float) -> Scores:
    """Accuracy and loss, or r2, rmse and loss, over blocks of rows."""
    if algorithm.task == "regression":
        return _measure_numbers(estimator, blocks, spread)
    right = lost = rows = 0.0
    for x, y in blocks:
        found, losses = _LOSSES[algorithm.loss](estimator, x, y)
        right += float((found == y).sum())
        lost += float(losses.sum())
        rows += len(y)
    return {"accuracy": right / rows, "loss": lost / rows}


def _measure_numbers(estimator: Any, blocks: Any, spread: float) -> Scores:
    squared = total = squares = rows = 0.0
    for x, y in blocks:
        squared += float(((estimator.predict(x) - y) ** 2).sum())
        total += float(y.sum())
        squares += float((y**2).sum())
        rows += len(y)
    around_mean = squares - total**2 / rows
    return {
        "r2": 1 - squared / around_mean if around_mean > 0 else 0.0,
        "rmse": (squared / rows) ** 0.5 * spread,
        "loss": squared / rows / 2,
    }


def _log_loss(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if hasattr(estimator, "coef_") and len(estimator.coef_) == 1:  # the same as below, in a fraction of the time
        found, margin = _margins(estimator, x, y)
        return found, np.logaddexp(0.0, -margin, dtype=np.float64)
    chances = estimator.predict_proba(x)
    own = chances[np.arange(len(y)), y].astype(np.float64)
    # Chances that are all but certain are equal; what is predicted is decided before they are made.
    found = (_decision(estimator, x) if hasattr(estimator, "coef_") else chances).argmax(axis=1)
    return found, -np.log(np.clip(own, 1e-15, None))


def _decision(estimator: Any, x: np.ndarray) -> np.ndarray:
    """What decision_function says, without the checks that take it longer than the answer."""
    if not hasattr(estimator, "coef_"):
        return np.asarray(estimator.decision_function(x))
    values = x @ estimator.coef_.T + estimator.intercept_
    return values.ravel() if values.shape[1] == 1 else values


def _margins(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The predicted class, and by how much the right class wins."""
    values = _decision(estimator, x)
    if values.ndim == 1:
        return (values > 0).astype(np.int16), values * (2 * y - 1)
    rows = np.arange(len(y))
    own = values[rows, y]
    found = values.argmax(axis=1)
    values[rows, y] = -np.inf
    return found, own - values.max(axis=1)


def _hinge(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found, margin = _margins(estimator, x, y)
    return found, np.maximum(0.0, 1.0 - margin)


def _perceptron_loss(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found, margin = _margins(estimator, x, y)
    return found, np.maximum(0.0, -margin)


_LOSSES = {"log": _log_loss, "hinge": _hinge, "perceptron": _perceptron_loss}
