"""The headline of a workflow of the built-in pipeline: one sentence in rows and things, as it predicts now."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.language import sentence_of
from jobs.pipelines.thresholds import Place
from jobs.tabular import told
from jobs.tabular.thresholds import measured
from pages.parts import visitor, words
from pages.parts.values import Value
from store import thresholds as stored
from store.messages import Message, Notice, Values
from store.steps import Step


def evaluated(steps: Sequence[Step]) -> Value:
    return next((step.result or {} for step in steps if step.name == "evaluate"), {})


def tested_on(result: Value) -> str:
    """The rows that scores are of; before there were three parts, it was the validation rows."""
    if result.get("part") == "folds":
        return f"all rows, in {words.count(len(result.get('by_fold') or []), 'fold')}"
    return "test rows" if result.get("part") == "test" else "validation rows"


def found(target: str, result: Value, place: Place | None = None) -> str:
    """Finds 16 of the 53 rows whose Churn is Yes, with 3 false alarms among the other 187. Only for two classes."""
    message = told.found(target, result, place)
    return words.plain_sentence(message) if message else ""


def headline(scores: Mapping[str, float], result: Value) -> str:
    """Accuracy 93.4 % (+32 points over always answering "Hayır")."""
    message = told.over_baseline(scores, result)
    return words.plain_sentence(message) if message else ""


def moved(workflow_id: int, result: Value) -> str:
    """From where on a class is predicted, who set that, and when; nothing where nobody did."""
    message, chosen = told.moved(workflow_id, result), stored.get(workflow_id)
    if not message or not chosen:
        return ""
    ago = words.ago(chosen.set_at)
    by = {"name": chosen.set_by} if chosen.set_by and visitor.has_signed_in() else {}
    set_by = Message("threshold_set_by" if by else "threshold_set", {**by, "ago": ago})
    return f"{words.plain_sentence(message)} {words.plain_sentence(set_by)} "


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


def baseline_words(baseline: Any) -> str:
    """Return what the baseline does, such as: always answering "Hayır"."""
    if not isinstance(baseline, Mapping):
        return ""
    return sentence_of(baseline.get("answer") or baseline.get("words"))
