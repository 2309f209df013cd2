"""Train: epochs with live numbers; the best epoch is published, and a killed training continues where it was."""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jobs.pipelines import Param, StepContext, StepError, step
from jobs.pipelines.params import Params
from jobs.tabular import algorithms
from jobs.tabular.algorithms import TREES_PER_EPOCH, Algorithm
from jobs.tabular.facts import fact, failure
from jobs.tabular.matrix import BLOCK_ROWS
from jobs.tabular.threshold_counts import Chosen, counted
from jobs.tabular.thresholds import class_to_find
from jobs.tabular.train.data import TrainingData, encoder_for
from jobs.tabular.train.losses import Scores, is_finite, measure, unchecked
from jobs.tabular.train.publish import published
from jobs.tabular.train.run import Run, begin, new
from store.messages import Message, Notice

# Bytes of one block: its rows are visited in random order, which is slow where they are not in the cache.
LEARNED_BYTES = 3 << 19
FEWEST_LEARNED = 1_024
# An r2 this low means errors a thousand times the spread of the target.
DIVERGED_BELOW = -1e6
LOGGED_EPOCHS = 20
# With so many training rows at most, a model learns anew from them and the validation rows together.
MOST_ROWS_LEARNED_ANEW = 5_000


class Reporting(Protocol):
    """What training needs of a step: its params, and to say how far it is."""

    @property
    def params(self) -> Params: ...
    @property
    def stopping(self) -> bool: ...
    def check(self) -> None: ...
    def progress(self, done: float, total: float, message: Message) -> None: ...
    def metric(self, epoch: int, **values: float) -> None: ...
    def log(self, text: Message, level: str = "info") -> None: ...
    def checkpoint(self, epoch: int, write: Callable[[Path], None]) -> None: ...


class _AlgorithmParam(Param):
    """The algorithm, by its key or by a short code."""

    def read(self, value: Any) -> Any:
        return algorithms.get(value).key if value else self.default


def _params(chosen: Params) -> Sequence[Param]:
    algorithm = algorithms.chosen(chosen)
    which = _AlgorithmParam(
        "algorithm",
        "choice",
        algorithm.key,
        "Algorithm",
        algorithm.sentence,
        choices=tuple(algorithms.ALGORITHMS),
        try_all=True,
    )
    return (which, *algorithm.params)


@step("train", needs=("preprocess",), params=_params, repeats_on_restart=True, stops_early=True, version=7)
def train(context: StepContext) -> dict[str, Any]:
    """Train the algorithm epoch by epoch, and publish its best epoch."""
    import joblib

    algorithm = algorithms.get(context.params["algorithm"])
    prepared = joblib.load(context.file("preprocess", "transformer"))
    data = TrainingData.load(context, algorithm, prepared)
    run = learn(context, algorithm, data, begin(context, algorithm, data.classes))
    return _finish(context, algorithm, data, run, prepared, context.result("preprocess"))


def learn(context: Reporting, algorithm: Algorithm, data: TrainingData, run: Run) -> Run:
    """Train epoch by epoch, until all are done, none gets better or a person stops it."""
    import joblib

    while not run.over(context.params) and not _ends_early(context, run):
        with _quiet():
            if not _fit(context, algorithm, data, run):
                break
            seen, tested = _test(context, algorithm, data, run)
        _judge(run, seen, tested, context.params)
        context.checkpoint(run.epoch, lambda path: joblib.dump(run, path))
    if run.best_score < DIVERGED_BELOW:
        raise _diverged(context)
    return run


def _ends_early(context: Reporting, run: Run) -> bool:
    """Return whether a person asked to stop, and there is an epoch to keep."""
    return context.stopping and run.best is not None


def final(context: Reporting, algorithm: Algorithm, data: TrainingData, run: Run) -> tuple[Any, TrainingData]:
    """Return the estimator to keep, and what it learned from.

    Of few rows, those that chose the epoch are worth learning from: the best epoch is trained anew with them. The rows
    that are reported on are never among them."""
    if data.x.rows > MOST_ROWS_LEARNED_ANEW or context.stopping:
        return run.best, data
    anew = new(context.params, algorithm, data.classes)
    whole = data.with_validation(algorithm, context.params, anew.random)
    anew.epoch = run.best_epoch - 1 if algorithm.in_memory else 0  # all trees of some epochs grow in one go
    with _quiet():
        while anew.epoch < run.best_epoch:
            _fit(context, algorithm, whole, anew)
            anew.epoch += 1
    return (anew.estimator, whole) if is_finite(anew.estimator) else (run.best, data)


def _test(context: Reporting, algorithm: Algorithm, data: TrainingData, run: Run) -> tuple[Scores, Scores]:
    """Return how good the estimator is now, on training rows and on validation rows."""
    epochs = context.params["epochs"]
    with unchecked():
        seen = measure(algorithm, run.estimator, [(data.sample_x, data.goal(data.sample_y))], data.spread)
        tested = measure(algorithm, run.estimator, data.validation(), data.spread)
    if not all(np.isfinite([*seen.values(), *tested.values()])):
        raise _diverged(context)
    run.epoch += 1
    context.metric(
        run.epoch,
        **{f"train_{name}": value for name, value in seen.items()},
        **{f"val_{name}": value for name, value in tested.items()},
    )
    if run.epoch % max(1, epochs // LOGGED_EPOCHS) == 0:
        measures = [f"{name} {value:.4g}" for name, value in tested.items()]
        context.log(fact("epoch_measured", epoch=run.epoch, epochs=epochs, measures=measures))
    return seen, tested


@contextmanager
def _quiet() -> Iterator[None]:
    with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
        # scikit-learn warns of blocks with few rows of many classes; the target was checked before.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        yield


@contextmanager
def _diverging(context: Reporting, estimator: Any, *given: np.ndarray) -> Iterator[None]:
    """Turn an error of scikit-learn into advice where numbers are infinite: those given, or those learned."""
    try:
        yield
    except ValueError:
        if is_finite(estimator, *given):
            raise
        raise _diverged(context) from None


def _diverged(context: Reporting) -> StepError:
    rate = context.params.get("learning_rate")
    return failure("training_diverged", rate=rate) if rate else failure("training_diverged_by_c")


def _fit(context: Reporting, algorithm: Algorithm, data: TrainingData, run: Run) -> bool:
    """Train one epoch; return False where it is left in its middle."""
    context.check()
    parts = _grow(context, data, run) if algorithm.in_memory else _walk(context, data, run)
    epochs = context.params["epochs"]
    # Checking that a block is finite brings it into the cache, and saves more time than it takes.
    with unchecked(finite=False):
        for share in parts:
            context.progress(run.epoch + share, epochs, fact("epoch_running", epoch=run.epoch + 1, epochs=epochs))
            context.check()
            if _ends_early(context, run):
                return False
    return True


def _walk(context: Reporting, data: TrainingData, run: Run) -> Iterator[float]:
    """Go through all blocks in random order; yield the share of the epoch that is done."""
    named = {} if data.labels is None else {"classes": np.arange(len(data.labels))}
    rows = min(BLOCK_ROWS, max(FEWEST_LEARNED, LEARNED_BYTES // (data.x.shape[1] * data.x.dtype.itemsize)))
    order = run.random.permutation(range(0, data.x.rows, rows))
    for done, start in enumerate(order, 1):
        x, y = data.x.part(start, start + rows), data.y.part(start, start + rows)
        if "batch_size" in context.params:
            run.estimator.batch_size = min(context.params["batch_size"], len(y))
        goal = data.goal(y)
        with _diverging(context, run.estimator, x, goal):
            run.estimator.partial_fit(x, goal, sample_weight=data.weight(y), **named)
        yield done / len(order)


def _grow(context: Reporting, data: TrainingData, run: Run) -> Iterator[float]:
    """Add trees."""
    rows = algorithms.most_rows(data.held_width)
    if rows < data.x.rows and run.epoch == 0:
        context.log(fact("learns_from_part", rows=rows), "warning")
    x, y = data.x.part(0, rows), data.y.part(0, rows)
    if data.labels is not None and len(np.unique(y)) < len(data.labels):
        raise failure("labels_too_rare")
    yield 0.0  # an epoch takes up to minutes, and the next report comes at its end
    run.estimator.max_iter = TREES_PER_EPOCH * (run.epoch + 1)
    if data.categories:
        run.estimator.set_params(categorical_features=list(data.categories))
    goal = data.goal(y)
    with _diverging(context, run.estimator, x, goal):
        run.estimator.fit(x, goal, sample_weight=data.weight(y))
    yield 1.0


def _judge(run: Run, seen: Scores, tested: Scores, params: Params) -> None:
    """Remember the best epoch; stop early where that is chosen and no epoch gets better."""
    main = "accuracy" if "accuracy" in tested else "r2"
    score = tested[main]
    if run.epoch == 1:
        run.first_score = score
    rank = (score, -tested["loss"])
    if rank > run.best_rank:
        run.best_rank, run.best_score, run.best_epoch = rank, score, run.epoch
        run.best_train = seen[main]
        # Its random state is shared, not copied: copying it would take longer than all the rest.
        run.best = copy.deepcopy(run.estimator, {id(run.random): run.random})
    elif params.get("early_stopping") and run.epoch - run.best_epoch >= params["patience"]:
        run.stopped = True


def _chosen_on(estimator: Any, data: TrainingData, above: dict[str, Any]) -> Chosen | None:
    """Return where the threshold between two classes can stand, by validation rows that this estimator has not learned
    from; the model that is kept has."""
    wanted = class_to_find(above)
    return None if wanted is None else counted(estimator, data.validation(), wanted)


def _finish(
    context: StepContext,
    algorithm: Algorithm,
    data: TrainingData,
    run: Run,
    prepared: dict[str, Any],
    above: dict[str, Any],
) -> dict[str, Any]:
    """Save one file that predicts the original labels on raw rows."""
    import joblib
    from sklearn.pipeline import Pipeline

    has_test_rows = bool(above.get("test_rows") or above.get("folds"))
    best, learned = final(context, algorithm, data, run) if has_test_rows else (run.best, data)
    if learned is not data:
        context.log(fact("learned_anew", rows=learned.x.rows, epochs=run.best_epoch))
    chosen_on = _chosen_on(run.best, data, above) if learned is not data else None
    estimator = published(best, learned, context.params)
    model = Pipeline([*encoder_for(algorithm, prepared).steps, ("model", estimator)])
    path = context.folder / "model.joblib"
    joblib.dump(model, path, compress=3 if algorithm.in_memory else 0)
    saved = context.save("model", path)
    if run.stopped:
        context.log(fact("stopped_early", epoch=run.epoch, patience=context.params["patience"]))
    by_person = _ends_early(context, run) and not run.over(context.params)
    told = fact("stopped_by_person", done=run.epoch, epochs=context.params["epochs"], best=run.best_epoch)
    if by_person:
        context.end_early()
        context.log(told)
    context.log(fact("best_epoch", epoch=run.best_epoch))
    main = "val_accuracy" if data.labels is not None else "val_r2"
    return {
        "algorithm": algorithm.key,
        "settings": dict(context.params),
        "epochs_run": run.epoch,
        "best_epoch": run.best_epoch,
        "stopped_early": run.stopped,
        "stopped_by_person": by_person,
        "notices": [Notice(told, "warning").as_json()] if by_person else [],
        "main_metric": main,
        "best": run.best_score,
        "best_train": run.best_train,
        "first": run.first_score,
        "model_size": saved.size,
        "chosen_on": chosen_on,
        "given_rows": learned.x.rows,
        "learned_rows": min(algorithms.most_rows(data.held_width), learned.x.rows)
        if algorithm.in_memory
        else learned.x.rows,
    }
