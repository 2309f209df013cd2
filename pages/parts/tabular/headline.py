"""The headline of a workflow of the built-in pipeline: one sentence in rows and things, as it predicts now."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.language import sentence_of
from jobs.pipelines.thresholds import Place
from jobs.tabular.thresholds import measured, wanted_of
from pages.parts import visitor, words
from pages.parts.presentation import Presentation
from pages.parts.values import Value
from store import thresholds as stored
from store.messages import Message, Notice, Values
from store.steps import Step

# The scores that depend on the threshold.
MOVED = ("accuracy", "balanced_accuracy", "f1")


def evaluated(steps: Sequence[Step]) -> Value:
    return next((step.result or {} for step in steps if step.name == "evaluate"), {})


def tested_on(result: Value) -> str:
    """The rows that scores are of; before there were three parts, it was the validation rows."""
    if result.get("part") == "folds":
        return f"all rows, in {words.count(len(result.get('by_fold') or []), 'fold')}"
    return "test rows" if result.get("part") == "test" else "validation rows"


def place_of(workflow_id: int, result: Value) -> Place | None:
    """What becomes of the rows that are reported on, where a person has moved the threshold; else None."""
    known = measured(result)
    chosen = stored.get(workflow_id) if known else None
    return known.at(chosen.value) if known and chosen else None


def found(target: str, result: Value, place: Place | None = None) -> str:
    """Finds 16 of the 53 rows whose Churn is Yes, with 3 false alarms among the other 187. Only for two classes."""
    known = measured(result)
    if known and place:
        return _found(target, known.label, place.found, place.missed, place.alarms, place.passed)
    confusion = result.get("confusion") or {}
    labels, counts = confusion.get("labels") or [], confusion.get("counts") or []
    if len(labels) != 2:
        return ""
    wanted = labels.index(known.label) if known else wanted_of(labels, [sum(row) for row in counts])
    own, others = counts[wanted], counts[1 - wanted]
    return _found(target, labels[wanted], own[wanted], own[1 - wanted], others[wanted], others[1 - wanted])


def _found(target: str, label: object, right: int, missed: int, alarms: int, passed: int) -> str:
    return (
        f"Finds {words.count(right)} of the {words.count(right + missed, 'row')} whose {words.plain(target)} is "
        f"{words.plain(str(label))}, with {words.count(alarms, 'false alarm')} among the other "
        f"{words.count(alarms + passed)}"
    )


def moved(target: str, workflow_id: int, result: Value) -> str:
    """Churn is predicted Yes from a chance of 30 % on (set by ayse, 2 minutes ago)."""
    known, chosen = measured(result), stored.get(workflow_id)
    if not known or not chosen:
        return ""
    what = f"a chance of {100 * chosen.value:.4g} %" if known.of == "chance" else f"a score of {chosen.value:.4g}"
    by = f" by {words.plain(chosen.set_by)}" if chosen.set_by and visitor.has_signed_in() else ""
    label = words.plain(known.label)
    return f"{words.plain(target)} is predicted {label} from {what} on (set{by}, {words.ago(chosen.set_at)}). "


def threshold_moved(workflow_id: int, result: Value) -> list[Notice]:
    """What to know of what evaluate measured, where the threshold was moved since."""
    known, chosen = measured(result), stored.get(workflow_id)
    if not known or not chosen:
        return []
    if known.of == "score":
        scores: Values = {"label": known.label, "usual": known.usual, "score": chosen.value}
        return [Notice(Message("threshold_score_moved", scores))]
    shares: Values = {"label": known.label, "usual": 100 * known.usual, "percent": 100 * chosen.value}
    return [Notice(Message("threshold_moved", shares))]


def scores_at(scores: Mapping[str, float], place: Place) -> dict[str, float]:
    """The scores with those that depend on the threshold as they are at a place."""
    wanted, others = place.found + place.missed, place.alarms + place.passed
    recalls = [part / whole for part, whole in ((place.found, wanted), (place.passed, others)) if whole]
    f1 = [
        2 * right / (2 * right + place.alarms + place.missed)
        for right, whole in ((place.found, wanted), (place.passed, others))
        if whole
    ]
    accuracy = (place.found + place.passed) / max(place.rows, 1)
    at_place = dict(zip(MOVED, (accuracy, sum(recalls) / max(len(recalls), 1), sum(f1) / max(len(f1), 1)), strict=True))
    return {**scores, **{name: value for name, value in at_place.items() if name in scores}}


def headline(of: Presentation, scores: Mapping[str, float], baseline: object) -> str:
    """Accuracy 93.4 % (+32 points over always answering "Hayır")."""
    base = baseline if isinstance(baseline, dict) else {}
    over = words.plain(baseline_words(base) or "the baseline")
    if "accuracy" in scores:
        text = f"Accuracy {words.score(of.measure('accuracy'), scores['accuracy'])}"
        before = scores.get("baseline_accuracy", base.get("accuracy"))
        return text if before is None else f"{text} ({_points(scores['accuracy'] - before)} {over})"
    if "r2" in scores:
        text = f"R² {words.score(of.measure('r2'), scores['r2'])}"
        before, error = scores.get("baseline_rmse", base.get("rmse")), scores.get("rmse")
        return f"{text} ({_less(error / before)} {over})" if before and error is not None else text
    return ""


def baseline_words(baseline: Any) -> str:
    """Return what the baseline does, such as: always answering "Hayır"."""
    if not isinstance(baseline, Mapping):
        return ""
    return sentence_of(baseline.get("answer") or baseline.get("words"))


def _points(gain: float) -> str:
    """+32 points over, no better than, −3 points against."""
    points = round(gain * 100)
    if points == 0:
        return "no better than"
    return f"+{points} points over" if points > 0 else f"−{-points} points against"


def _less(ratio: float) -> str:
    """Return how two errors compare: errors 57 % smaller than, no smaller than, larger than."""
    less = round((1 - ratio) * 100)
    if less == 0:
        return "errors no smaller than"
    return f"errors {abs(less)} % {'smaller' if less > 0 else 'larger'} than"
