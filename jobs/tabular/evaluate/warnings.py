"""Warnings: what to know before the scores are trusted."""

from collections.abc import Iterator
from typing import Any

from store.messages import Message, Notice

NEARLY_PERFECT = 0.99
# Fewer test rows than this leave scores that chance moves by several points.
FEW_ROWS = 200
# A model this much better on training rows than on validation rows knows them by heart. For some algorithms that is
# usual: less of it seldom helps, so nothing is advised.
OVERFITTED = 0.1

Result = dict[str, Any]


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


def is_rare(share: float, classes: int) -> bool:
    """Whether a class with this share of the rows is so rare that accuracy says little about it."""
    return share < 0.5 / classes and share < 0.2


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
        yield _warning(Message("leak_one_column", {"column": importance[0]["column"]}))
    if score >= NEARLY_PERFECT and gain > 0.02:
        yield _warning(Message("nearly_perfect"))
    if gain <= 0.005:
        answer = Message.from_json(measured["baseline"]["answer"])
        yield _warning(Message(f"no_better_than_{answer.code}", answer.values))


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
        yield _warning(Message("rare_class", {"label": rarest, "percent": share * 100}))
    never = [entry["label"] for entry in measured["per_class"] if entry["rows"] and not entry["recall"]]
    if never:
        code = "never_recognised" if len(never) == 1 else "never_recognised_several"
        yield _warning(Message(code, {"label": never[0], "more": len(never) - 1}))


def _warning(message: Message) -> Notice:
    return Notice(message, "warning")
