"""Reasons: how much each column of one row moved its prediction, against the usual value of that column.

A column is set to its usual value, and the difference is its effect. In a linear model each column adds its part to a
score, whatever the others hold, so the effects add up to all that sets the row apart from a usual one: they are exact.
In other models columns act together; there, an effect says what this one column alone changes. The same is done with
each word of a text, which is left out.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd

from jobs.tabular.prepare.encoder import spans, words_of

SMALLEST_CHANCE = 1e-12
# Of so many words of a text that count most, so many that move the prediction most are named.
WORDS_TRIED, WORDS_NAMED = 100, 8


class WordEffect(TypedDict):
    """By how much one word of a text moves the prediction."""

    word: str
    effect: float


class Effect(TypedDict):
    """What one column does: what it holds, what is usual, and by how much that moves the prediction."""

    column: str
    value: str | None
    usual: str | None
    effect: float
    # Those of a text that move it most.
    words: list[WordEffect]


class Reasons(TypedDict):
    """The effects on one row, the largest first. They are on the score of a class, its probability, or the number."""

    exact: bool
    of: Literal["score", "probability", "number"]
    effects: list[Effect]
    # The prediction of a usual row, and of this one, on the same scale.
    base: float
    total: float


def reasons_of(
    model: Any, features: list[Mapping[str, Any]], row: Mapping[str, str | None], prediction: Any
) -> Reasons:
    """Return why a model says what it says of a row, whose cells are texts."""
    names = [str(feature["name"]) for feature in features]
    usual = {str(feature["name"]): feature.get("usual") for feature in features}
    variants = [row, *({**row, name: usual[name]} for name in names), usual]
    frame = pd.DataFrame({name: pd.Series([each[name] for each in variants], dtype="str") for name in names})
    exact, encoded = is_linear(model), model[:-1].transform(frame)
    scale, values = _values(model[-1], encoded, prediction, exact)
    words = _words(model, encoded[:1], prediction, exact)
    effects: list[Effect] = [
        {
            "column": name,
            "value": row[name],
            "usual": usual[name],
            "effect": float(values[0] - value),
            "words": words.get(name, []),
        }
        for name, value in zip(names, values[1:-1], strict=True)
    ]
    effects.sort(key=lambda each: -abs(each["effect"]))
    return {"exact": exact, "of": scale, "effects": effects, "base": float(values[-1]), "total": float(values[0])}


def _words(model: Any, encoded: np.ndarray, prediction: Any, exact: bool) -> dict[str, list[WordEffect]]:
    """Return the words of each text of one row, those that move the prediction most first."""
    found: dict[str, list[WordEffect]] = {}
    places = spans(model)
    for _label, part, names in model.named_steps["columns"].transformers_:
        if (vectorizer := words_of(part)) is None:
            continue
        [name] = names
        own = encoded[0, places[name]]
        tried = np.argsort(-own, kind="stable")[: min(WORDS_TRIED, np.count_nonzero(own))]
        variants = np.repeat(encoded, len(tried) + 1, axis=0)
        variants[np.arange(len(tried)), places[name].start + tried] = 0.0
        values = _values(model[-1], variants, prediction, exact)[1]
        effects = values[-1] - values[:-1]
        known = vectorizer.get_feature_names_out()
        strongest = np.argsort(-np.abs(effects), kind="stable")[:WORDS_NAMED]
        found[name] = [{"word": str(known[tried[each]]), "effect": float(effects[each])} for each in strongest]
    return found


def is_linear(model: Any) -> bool:
    """Return whether a model adds up what each column gives: weights, or a network without a hidden layer."""
    estimator = model.named_steps["model"]
    return hasattr(estimator, "coef_") or len(getattr(estimator, "coefs_", ())) == 1


def _values(
    estimator: Any, encoded: np.ndarray, prediction: Any, exact: bool
) -> tuple[Literal["score", "probability", "number"], np.ndarray]:
    """Return what the model says of each row: a number, or how much it is for the predicted class."""
    labels = getattr(estimator, "classes_", None)
    if labels is None:
        return "number", np.asarray(estimator.predict(encoded), dtype=float)
    place = list(labels).index(prediction)
    if exact and hasattr(estimator, "decision_function"):
        scores = estimator.decision_function(encoded)
        return "score", scores[:, place] if scores.ndim == 2 else scores * (1 if place else -1)
    chances = estimator.predict_proba(encoded)
    if not exact:
        return "probability", chances[:, place]
    logs = np.log(np.clip(chances, SMALLEST_CHANCE, 1.0))
    return "score", logs[:, place] - (logs.sum(axis=1) - logs[:, place]) / max(1, len(labels) - 1)
