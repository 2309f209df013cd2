"""Scoring: what a model says of texts, written as those it learned from, and what was strange in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd

from jobs.pipelines.thresholds import moved
from jobs.tabular.predict.dates import ISO
from jobs.tabular.predict.model_file import position_of
from jobs.tabular.predict.reasons import Reasons, is_linear, reasons_of
from jobs.tabular.predict.request import Cut
from jobs.tabular.predict.strange import Strange
from jobs.tabular.prepare.encoder import widths
from jobs.tabular.threshold_counts import beliefs_of
from store.messages import Message, Notice

# Encoded, the rows of one part have at most so many cells.
MOST_CELLS = 8 << 20
MOST_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of some rows; `chances` has a column for each class, in the order of `labels`, `chance` is that
    of the predicted class."""

    predictions: np.ndarray
    chances: np.ndarray | None
    chance: np.ndarray | None


class Scorer:
    """One model, loaded."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.request = request
        self.features: list[Mapping[str, Any]] = list(request["features"])
        self._model = joblib.load(request["model"])
        self.strange = Strange(self._model, {each["name"]: each.get("range") for each in self.features})
        self.classes = bool(request["classes"])
        self.gives_chances = self.classes and hasattr(self._model, "predict_proba")
        self._cut: Cut | None = request.get("cut")
        # Of two classes, the one that is looked for.
        self.wanted: str | None = (self._cut or {}).get("label") or request.get("wanted")
        self.ranks = self.gives_chances and self.wanted is not None
        width = max(1, sum(count for _name, count in widths(self._model)))
        self.rows_at_once = max(1, min(MOST_ROWS, MOST_CELLS // width))

    @property
    def names(self) -> list[str]:
        """The columns that the model needs."""
        return [str(feature["name"]) for feature in self.features]

    @property
    def dates(self) -> dict[str, str]:
        """The columns of dates, with the format in which the model learned them."""
        return {str(each["name"]): each["format"] or ISO for each in self.features if each["kind"] == "date"}

    @property
    def labels(self) -> list[Any]:
        """The classes, as the table has them."""
        return [_plain(label) for label in self._model.classes_] if self.classes else []

    def score(self, columns: Mapping[str, Sequence[str | None]]) -> Scored:
        """Return what the model says of rows whose cells are texts, None where one is empty."""
        frame = pd.DataFrame({name: pd.Series(columns[name], dtype="str") for name in self.names})
        # As the model itself does, but the rows are encoded once for all.
        estimator, encoded = self._model[-1], self._model[:-1].transform(frame)
        self.strange.count(frame, encoded)
        chances = estimator.predict_proba(encoded) if self.gives_chances else None
        if self._cut is None:
            return Scored(estimator.predict(encoded), chances, None if chances is None else chances.max(axis=1))
        places = self._places(beliefs_of(estimator, encoded) if chances is None else chances, self._cut)
        own = None if chances is None else chances[np.arange(len(places)), places]
        return Scored(estimator.classes_[places], chances, own)

    def _places(self, beliefs: np.ndarray, cut: Cut) -> np.ndarray:
        """Return the predicted class of each row by its position."""
        place = position_of(cut["label"], self._model.classes_)
        reached: np.ndarray = beliefs[:, place] >= cut["value"]
        return np.where(reached, place, 1 - place)

    def ranking(self, scored: Scored) -> list[float]:
        """Return by what rows are ranked: the chance of the class that is looked for."""
        assert scored.chances is not None and self.wanted is not None
        ranks: list[float] = scored.chances[:, position_of(self.wanted, self._model.classes_)].tolist()
        return ranks

    @property
    def gives_reasons(self) -> bool:
        """Whether there is a number by which a row can be compared with others."""
        return not self.classes or self.gives_chances or is_linear(self._model)

    def reasons(self, row: Mapping[str, str | None], prediction: Any) -> Reasons:
        """Return why the model says this of a row."""
        return reasons_of(self._model, self.features, row, prediction)

    def notices(self) -> list[Notice]:
        """What the reader should know about all that was scored."""
        notices = self.strange.notices()
        if self.classes and not self.gives_chances:
            notices.append(Notice(Message("predict_without_probability")))
        if self._cut:
            notices.append(Notice(moved(self._cut["label"], self._cut["value"], self.gives_chances)))
        return notices


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def plain(values: np.ndarray) -> list[Any]:
    """Return predictions as Python has them."""
    return [_plain(value) for value in values.tolist()]
