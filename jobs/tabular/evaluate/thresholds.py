"""Thresholds: how many rows are found, and how many are false alarms, wherever the threshold of two classes stands.

The places are chosen by validation rows, so that the best one can be chosen there, too; the rows that scores are of are
counted at the same places. Where the model has learned from validation rows in the end, training counted them before,
with the model that had not.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jobs.pipelines import StepContext
from jobs.tabular.facts import fact
from jobs.tabular.matrix import Matrix
from jobs.tabular.places import Counter, counted, gives_chances
from jobs.tabular.thresholds import class_to_find
from jobs.tabular.train.data import takes_categories

Result = dict[str, Any]
PARTS = {"val": "validation", "test": "test", "folds": "all"}


class Measuring:
    """The places of a threshold, while the rows that are reported on are counted."""

    def __init__(self, labels: list[str], wanted: int, of: str, chosen: Result) -> None:
        self._labels, self._wanted, self._of, self._chosen = labels, wanted, of, chosen
        self.counter = Counter(chosen["values"], wanted)

    def as_json(self, part: str) -> Result:
        """Return what was counted, of the rows of this part."""
        chosen = {name: value for name, value in self._chosen.items() if name != "values"}
        return {
            "label": self._labels[self._wanted],
            "other": self._labels[1 - self._wanted],
            "of": self._of,
            "values": self._chosen["values"],
            "chosen_on": {"part": PARTS["val"], **chosen},
            "reported_on": {"part": PARTS[part], **self.counter.counts()},
        }


def begin(context: StepContext, model: Any, prepared: Result, trained: Result) -> Measuring | None:
    """Return the places for a model, chosen by validation rows; None unless it tells two classes apart."""
    wanted = class_to_find(prepared)
    if wanted is None:
        return None
    labels, estimator = prepared["classes"], model.named_steps["model"]
    chosen = trained.get("chosen_on") or counted(estimator, _validation(context, estimator), wanted)
    return Measuring(labels, wanted, "chance" if gives_chances(estimator) else "score", chosen)


def _validation(context: StepContext, estimator: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    features = Matrix(context.file("preprocess", "val_X"), takes_categories(estimator))
    target = Matrix(context.file("preprocess", "val_y"))
    start = 0
    for block in features.blocks():
        context.progress(0, 1, fact("measuring_validation"))
        context.check()
        yield block, target.part(start, start + len(block))
        start += len(block)
