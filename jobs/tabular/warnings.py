"""Warnings about training on a table: what makes a score doubtful, the weightiest first, and what helps."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

from jobs.pipelines.params import Params
from jobs.pipelines.warnings import Remedy, Result, WorkflowWarning
from jobs.tabular import algorithms, fitness
from jobs.tabular.column import Column
from jobs.tabular.kinds import chosen_columns
from jobs.tabular.limits import MOST_FOLDED_ROWS
from jobs.tabular.prepare.params import FEATURES, FOLDS, SPLIT, TEST_SIZE, VALIDATION_SIZE
from store.datasets import Dataset
from store.messages import Message, Notice

LEAK = "leak_"
ORDER, DUPLICATES = "rows_in_order_of_time", "duplicate_rows"
# What comes first; other warnings come last.
WEIGHTS = {
    "leak_alone": 100,
    "leak_alone_number": 100,
    "leak_sum": 98,
    "leak_difference": 98,
    "leak_product": 98,
    "leak_ratio": 98,
    "leak_pair": 96,
    "leak_pair_number": 96,
    "leak_one_column": 94,
    ORDER: 90,
    "nearly_perfect": 88,
    "no_better_than_always_label": 80,
    "no_better_than_always_mean": 80,
    "never_recognised": 75,
    "never_recognised_several": 75,
    "class_not_tested": 70,
    "classes_not_tested": 70,
    "few_training_rows": 65,
    "few_test_rows": 60,
    "few_rows_to_test": 60,
    "few_rows_to_test_number": 60,
    "few_validation_rows": 60,
    "overfitted": 50,
    "rare_class": 45,
    DUPLICATES: 40,
}
# What the score itself says where a column is known to give the target away.
SAID_BY_LEAKS = ("nearly_perfect", "leak_one_column")
BEST_FOLDS = 5
NEARLY_PERFECT = 0.99
# Fewer test rows than this leave scores that chance moves by several points.
FEW_ROWS = 200
# A model this much better on training rows than on validation rows knows them by heart. For some algorithms that is
# usual: less of it seldom helps, so nothing is advised.
OVERFITTED = 0.1
STEP = "preprocess"


def ordered(found: Sequence[Notice]) -> list[Notice]:
    """Return notices each once, the weightiest first; what a leak says is not said again by the score."""
    leaking = any(notice.message.code.startswith(LEAK) and "columns" in notice.message.values for notice in found)
    once: dict[tuple[str, ...], Notice] = {}
    for notice in found:
        if not (leaking and notice.message.code in SAID_BY_LEAKS):
            once.setdefault(_subject(notice), notice)
    return sorted(once.values(), key=lambda notice: -WEIGHTS.get(notice.message.code, 0))


def _subject(notice: Notice) -> tuple[str, ...]:
    """Return what a notice is about, whatever figures it has."""
    values = notice.message.values
    about = (str(values.get(name)) for name in ("columns", "column", "label", "labels", "word", "text"))
    return (notice.message.code, *about)


def is_rare(share: float, classes: int) -> bool:
    """Whether a class with this share of the rows is so rare that accuracy says little about it."""
    return share < 0.5 / classes and share < 0.2


# Before the start


def foresee(params: Params, inputs: Mapping[str, Dataset]) -> list[WorkflowWarning]:
    """Return what is known before a workflow starts."""
    dataset = inputs[fitness.DATA]
    columns = chosen_columns(dataset, params)
    target = next(column for column in columns if column.name == params["target"])
    features = _features(columns, params)
    found = [
        *_known_leaks(dataset, params["target"], features),
        *_order(dataset.columns, params),
        *_imbalance(target, params),
        *_few_rows(dataset, params),
    ]
    return [WorkflowWarning(notice, _remedy(notice.message, features, params, "")) for notice in ordered(found)]


def _features(columns: Sequence[Column], params: Params) -> list[str]:
    wanted = FEATURES.read(params.get(FEATURES.name))
    return [
        column.name
        for column in columns
        if column.name != params["target"] and (column.role == "feature" if wanted is None else column.name in wanted)
    ]


def _known_leaks(dataset: Dataset, target: str, features: Sequence[str]) -> Iterator[Notice]:
    """Yield what was seen when the file was read, about this target and columns that are used."""
    for stored in dataset.notices:
        message = Message.from_json(stored)
        leaking = message.values.get("columns")
        if not message.code.startswith(LEAK) or message.values.get("target") != target:
            continue
        if isinstance(leaking, list) and set(leaking) <= set(features):
            yield Notice(message, "warning")


def _order(columns: Sequence[Mapping[str, Any]], params: Params) -> Iterator[Notice]:
    if SPLIT.read(params.get(SPLIT.name)) == "random":
        names = [str(column["name"]) for column in columns if column.get("ordered")]
        yield from (Notice(Message(ORDER, {"column": name}), "warning", name) for name in names[:1])


def _imbalance(target: Column, params: Params) -> Iterator[Notice]:
    counts = {str(value): count for value, count in target.top}
    if algorithms.get(params["algorithm"]).task != "classification" or not counts or len(counts) != target.classes:
        return
    rarest = min(counts, key=lambda label: counts[label])
    share = counts[rarest] / max(sum(counts.values()), 1)
    if is_rare(share, len(counts)):
        yield Notice(Message("rare_class", {"label": rarest, "percent": 100 * share}), "warning")


def _few_rows(dataset: Dataset, params: Params) -> Iterator[Notice]:
    if dataset.rows is None or FOLDS.read(params.get(FOLDS.name)):
        return
    tested = round(dataset.rows * TEST_SIZE.read(params.get(TEST_SIZE.name)))
    if tested < FEW_ROWS:
        known = algorithms.ALGORITHMS.get(str(params.get("algorithm")))
        if known and known.task == "regression":
            yield Notice(Message("few_rows_to_test_number", {"count": tested}))
        else:  # two standard errors of a share around one half
            points = round(100 / sqrt(max(tested, 4)))
            yield Notice(Message("few_rows_to_test", {"count": tested, "points": points}))


# What evaluate keeps


def warnings_of(measured: Result, trained: Result, prepared: Result) -> Iterator[Notice]:
    """Yield what makes the scores doubtful."""
    yield from _about_leaks(measured)
    yield from _about_training(trained)
    yield from _about_classes(measured, prepared)
    if (rows := _tested(prepared)) < FEW_ROWS:
        yield Notice(Message("few_test_rows", {"count": rows}))


def _tested(prepared: Result) -> int:
    """Return on how many rows the scores are reported; in folds, on all."""
    if prepared.get("folds"):
        return int(prepared["train_rows"] + prepared["validation_rows"])
    return int(prepared.get("test_rows") or prepared["validation_rows"])


def _main(measured: Result) -> tuple[float, float]:
    """Return the main score, and what the simplest guess reaches."""
    scores = measured["scores"]
    return (scores["accuracy"], scores["baseline_accuracy"]) if "accuracy" in scores else (scores["r2"], 0.0)


def _about_leaks(measured: Result) -> Iterator[Notice]:
    score, baseline = _main(measured)
    gain, importance = score - baseline, measured["importance"]
    alone = (
        importance
        and gain > 0.1
        and importance[0]["value"] > 0.9 * gain
        and all(entry["value"] < 0.1 * gain for entry in importance[1:])
    )
    if alone and score >= 0.9 and len(importance) > 1:
        yield _warned(Message("leak_one_column", {"column": importance[0]["column"]}))
    if score >= NEARLY_PERFECT and gain > 0.02:
        yield _warned(Message("nearly_perfect"))
    if gain <= 0.005:
        answer = Message.from_json(measured["baseline"]["answer"])
        yield _warned(Message(f"no_better_than_{answer.code}", answer.values))


def _about_training(trained: Result) -> Iterator[Notice]:
    training, validation = trained.get("best_train"), trained.get("best")
    if training is not None and validation is not None and training - validation > OVERFITTED:
        yield Notice(Message("overfitted", {"training": training * 100, "validation": validation * 100}))


def _about_classes(measured: Result, prepared: Result) -> Iterator[Notice]:
    counts = prepared["class_counts"]
    if not counts:
        return
    total, rarest = sum(counts.values()), min(counts, key=lambda label: counts[label])
    share = counts[rarest] / total
    if is_rare(share, len(counts)):
        yield _warned(Message("rare_class", {"label": rarest, "percent": share * 100}))
    never = [entry["label"] for entry in measured["per_class"] if entry["rows"] and not entry["recall"]]
    if never:
        code = "never_recognised" if len(never) == 1 else "never_recognised_several"
        yield _warned(Message(code, {"label": never[0], "more": len(never) - 1}))


def _warned(message: Message) -> Notice:
    return Notice(message, "warning")


# When it is over


def warn(params: Params, results: Mapping[str, Result]) -> list[WorkflowWarning]:
    """Return what the results of the steps give reason for."""
    prepared, evaluated = results.get(STEP, {}), results.get("evaluate", {})
    stored = [Notice.from_json(each) for each in prepared.get("notices") or []]
    told = [notice for notice in stored if notice.level == "warning" or notice.message.code in WEIGHTS]
    measured = [Notice.from_json(each) for each in evaluated.get("warnings") or evaluated.get("notices") or []]
    order = _order(results.get("upload", {}).get("columns_profile") or [], params) if prepared else ()
    features = [str(name) for name in prepared.get("features") or []]
    given = {
        **params,
        "rows": sum(int(prepared.get(name) or 0) for name in ("train_rows", "validation_rows", "test_rows")),
    }
    return [
        WorkflowWarning(notice, _remedy(notice.message, features, given, "_and_run"))
        for notice in ordered([*told, *measured, *order])
    ]


# What helps


def _remedy(message: Message, features: Sequence[str], params: Params, again: str) -> Remedy | None:
    """Return what helps against it, where one press can help; `again` ends the code of the words on the button."""
    if message.code.startswith(LEAK):
        return _leave_out(message, features, again)
    if message.code == ORDER:
        column = str(message.values["column"])
        words = Message(f"split_by_time{again}", {"column": column})
        return Remedy(words, STEP, {"split": "time", "split_column": column, "folds": 0})
    if message.code in (
        "few_test_rows",
        "few_rows_to_test",
        "few_rows_to_test_number",
        "class_not_tested",
        "classes_not_tested",
    ):
        return _test_in_folds(params, again)
    return None


def _leave_out(message: Message, features: Sequence[str], again: str) -> Remedy | None:
    named = message.values.get("columns") or [message.values.get("column")]
    names = [str(name) for name in named] if isinstance(named, list) else []
    kept = [name for name in features if name not in names]
    if not kept or len(kept) == len(features):
        return None
    return Remedy(Message(f"leave_out{again}", {"columns": [*names]}), STEP, {"features": kept})


def _test_in_folds(params: Params, again: str) -> Remedy | None:
    """Every row is tested once, where that is allowed and the table is small enough."""
    possible = (
        not FOLDS.read(params.get(FOLDS.name))
        and SPLIT.read(params.get(SPLIT.name)) != "time"
        and VALIDATION_SIZE.read(params.get(VALIDATION_SIZE.name)) > 0
        and int(params.get("rows") or 0) <= MOST_FOLDED_ROWS
    )
    return (
        Remedy(Message(f"test_in_folds{again}", {"folds": BEST_FOLDS}), STEP, {"folds": BEST_FOLDS})
        if possible
        else None
    )
