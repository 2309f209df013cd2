"""Fitness: whether a table, a target and an algorithm fit together, before anything is started."""

from collections.abc import Mapping, Sequence

from jobs.pipelines.params import Params
from jobs.tabular import algorithms
from jobs.tabular.algorithms import Algorithm
from jobs.tabular.column import Column
from jobs.tabular.kinds import chosen_columns
from jobs.tabular.limits import MOST_CLASSES, MOST_FOLDED_ROWS
from jobs.tabular.prepare.params import (
    FEATURES,
    FOLDS,
    MANY_VALUES,
    MAX_CATEGORIES,
    MAX_WORDS,
    SPLIT,
    TEST_SIZE,
    VALIDATION_SIZE,
    validating,
)
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Message, Values

# The name of the one input of the pipeline.
DATA = "data"
NAMED = 8

Inputs = Mapping[str, Dataset]


def check(params: Params, inputs: Inputs) -> list[RequestError]:
    """Return everything that keeps these params from fitting the dataset, each with its field.

    Values that are no values of their param are left to the param itself."""
    dataset = inputs[DATA]
    columns, target = chosen_columns(dataset, params), params.get("target") or ""
    names = [column.name for column in columns]
    problems = []
    if target not in names:
        problems.append(RequestError(_no_such_target(dataset, target, names), "target"))
    try:
        algorithm = algorithms.get(params.get("algorithm") or algorithms.FIRST_CHOICE["classification"])
    except RequestError as refused:
        return [*problems, refused]
    if not problems:
        problems += _misfits(next(column for column in columns if column.name == target), algorithm)
    unusable = [] if problems else _nothing_to_learn_from(dataset, columns, target, params)
    unknown = _unknown_features(dataset, names, target, params)
    return [*problems, *(unknown or unusable), *_wrong_split(dataset, columns, params)]


def facets(params: Params, inputs: Inputs) -> dict[str, str]:
    """Return what workflows are filtered and sorted by."""
    return {"target": str(params["target"]), "algorithm": algorithms.get(params["algorithm"]).key}


def default_name(params: Params, inputs: Inputs) -> str:
    """Return the default name of a workflow: customers, neural network."""
    return f"{inputs[DATA].name}, {algorithms.get(params['algorithm']).lower_label}"


def sample(params: Params, inputs: Inputs) -> str | None:
    """Return the sentence that an algorithm which needs its rows in memory will learn from a random sample, and how big
    that is; None when it learns from every row."""
    dataset, algorithm = inputs[DATA], algorithms.get(params["algorithm"])
    if not algorithm.in_memory:
        return None
    features = FEATURES.read(params.get("features"))
    most, words = (param.read(params.get(param.name)) for param in (MAX_CATEGORIES, MAX_WORDS))
    native = algorithm.native and MANY_VALUES.read(params.get(MANY_VALUES.name)) == "encode"
    used = [
        column
        for column in chosen_columns(dataset, params)
        if column.name != params["target"] and _is_feature(column, features)
    ]
    width = sum(words if column.kind == "free_text" else _width(column, 1 if native else most) for column in used)
    if native and any(column.kind in ("text", "yes_no") for column in used):
        width *= algorithms.COPIES_OF_CATEGORIES
    held = algorithms.most_rows(max(width, 1))
    test, validation = (param.read(params.get(param.name)) for param in (TEST_SIZE, VALIDATION_SIZE))
    training = _rows(dataset) * (1 - test - validating(test, validation))
    if training <= held:
        return None
    return (
        f"{algorithm.label} needs its rows in memory, so it learns from about {_round(held):,} random rows of the "
        f"{_round(training):,} that are for learning. Algorithms that read the table in parts learn from all."
    )


def validation_rows(params: Params, inputs: Inputs) -> float:
    """Return about how many rows algorithms are compared on."""
    if FOLDS.read(params.get(FOLDS.name)):
        return _rows(inputs[DATA])
    test, validation = (param.read(params.get(param.name)) for param in (TEST_SIZE, VALIDATION_SIZE))
    return _rows(inputs[DATA]) * (validating(test, validation) or test)


def tasks(column: Column) -> list[algorithms.Task]:
    """Return what predicting a column can be, the likelier first: a whole number can be a class, too."""
    known: tuple[algorithms.Task, ...] = ("classification", "regression")
    fitting = [task for task in known if not _misfits(column, algorithms.get(algorithms.FIRST_CHOICE[task]))]
    if column.kind == "number" and not (column.whole and column.distinct_exact and column.distinct > 1):
        fitting = [task for task in fitting if task == "regression"]
    return sorted(fitting, key=lambda task: task != column.task)


def _misfits(column: Column, algorithm: Algorithm) -> list[RequestError]:
    """An algorithm for numbers needs a number to predict, one for classes few distinct values."""
    others = [each.key for each in algorithms.ALGORITHMS.values() if each.task != algorithm.task]
    if column.kind == "date":
        return [RequestError(Message("target_of_dates", {"target": column.name}), "target")]
    if column.kind == "empty":
        return [RequestError(Message("target_of_empty_cells", {"target": column.name}), "target")]
    if algorithm.task == "regression" and column.kind != "number":
        values: Values = {"target": column.name, "algorithm": algorithm.key, "others": others}
        return [RequestError(Message("algorithm_needs_number", values), "algorithm")]
    if algorithm.task == "classification" and column.distinct > MOST_CLASSES:
        many: Values = {"target": column.name, "count": column.distinct}
        if column.kind == "number":
            return [RequestError(Message("too_many_numbers_for_classes", {**many, "others": others}), "algorithm")]
        return [RequestError(Message("too_many_texts_for_classes", many), "target")]
    return []


def _no_such_target(dataset: Dataset, target: str, names: Sequence[str]) -> Message:
    values: Values = {"dataset": dataset.title, "target": target, "columns": list(names[:NAMED])}
    if len(names) <= NAMED:
        return Message("target_not_in_dataset", values)
    return Message("target_not_in_wide_dataset", {**values, "more": len(names) - NAMED})


def _unknown_features(dataset: Dataset, names: Sequence[str], target: str, params: Params) -> list[RequestError]:
    try:
        features = FEATURES.read(params.get("features"))
    except RequestError:
        return []
    if features is None:
        return []
    if not set(features) - {target}:
        return [RequestError(Message("no_features_chosen"), "features")]
    unknown = [column for column in features if column not in names]
    return [
        RequestError(Message("no_such_column", {"dataset": dataset.title, "column": column}), "features")
        for column in unknown
    ]


def _nothing_to_learn_from(
    dataset: Dataset, columns: Sequence[Column], target: str, params: Params
) -> list[RequestError]:
    """A table of nothing but columns that no model can use; of a part of a table, that is not known yet."""
    try:
        features = FEATURES.read(params.get("features"))
    except RequestError:
        return []
    others = [column for column in columns if column.name != target]
    if not dataset.exact or any(_is_feature(column, features) and column.kind != "empty" for column in others):
        return []
    if not others:
        return [RequestError(Message("no_other_column", {"dataset": dataset.title, "target": target}), "features")]
    if features is not None:
        return [RequestError(Message("only_empty_columns"), "features")]
    names = [column.name for column in others]
    shown = names if len(names) <= NAMED else [*names[:NAMED], "…"]
    return [RequestError(Message("no_usable_columns", {"target": target, "columns": shown}), "features")]


def _wrong_split(dataset: Dataset, columns: Sequence[Column], params: Params) -> list[RequestError]:
    """What keeps the rows from being split as chosen."""
    try:
        way = SPLIT.read(params.get(SPLIT.name))
    except RequestError:
        return []
    problems = []
    name = params.get("split_column") or ""
    column = next((column for column in columns if column.name == name), None)
    if way != "random" and column is None:
        problems.append(RequestError(Message("no_split_column", {"split": way, "column": name}), "split_column"))
    if way == "time" and column and column.kind not in ("date", "number"):
        problems.append(RequestError(Message("split_column_no_time", {"column": name}), "split_column"))
    return [*problems, *_wrong_folds(dataset, params, way, column)]


def _wrong_folds(dataset: Dataset, params: Params, way: str, column: Column | None) -> list[RequestError]:
    """What keeps the rows from being tested in folds."""
    try:
        folds, choosing = FOLDS.read(params.get(FOLDS.name)), VALIDATION_SIZE.read(params.get("validation_size"))
    except RequestError:
        return []
    if not folds:
        return []
    if folds == 1:
        return [RequestError(Message("one_fold"), FOLDS.name)]
    if way == "time":
        return [RequestError(Message("folds_have_no_time"), FOLDS.name)]
    if not choosing:
        return [RequestError(Message("folds_need_validation"), VALIDATION_SIZE.name)]
    if _rows(dataset) > MOST_FOLDED_ROWS:
        return [RequestError(Message("too_many_rows_for_folds", {"most": MOST_FOLDED_ROWS}), FOLDS.name)]
    if way == "group" and column and dataset.exact and column.distinct_exact:
        groups = column.distinct + column.missing  # a row without one is a group of its own
        if groups < folds:
            few: Values = {"column": column.name, "count": groups, "folds": folds}
            return [RequestError(Message("too_few_groups_for_folds", few), FOLDS.name)]
    return []


def _is_feature(column: Column, features: list[str] | None) -> bool:
    return column.role == "feature" if features is None else column.name in features


def _width(column: Column, max_categories: int) -> int:
    """Return how many columns of the matrix a column becomes, about."""
    if column.kind in ("number", "date"):
        return 1 if column.kind == "number" else len(column.date_parts)
    return min(column.distinct, max_categories)


def _rows(dataset: Dataset) -> float:
    """Return how many rows a dataset has; before all of them are read, as many as its size suggests."""
    if dataset.rows is not None:
        return dataset.rows
    shown = [sum(len(str(cell)) + 1 for cell in row) for row in dataset.preview]
    return dataset.size * len(shown) / max(sum(shown), 1)


def _round(rows: float) -> int:
    """Return an estimate in three digits: 1,080,000."""
    return int(float(f"{rows:.3g}"))
