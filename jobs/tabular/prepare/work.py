"""The work of one run of the step: its inputs, which rows are used for what, and how far it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.pipelines import StepContext
from jobs.tabular.column import Column
from jobs.tabular.facts import fact
from jobs.tabular.prepare.split import TEST, TRAINING, VALIDATION
from jobs.tabular.prepare.target import Target
from store.messages import Notice

# Where the stages of the step end, as shares of it.
TARGET_READ, FIT_READ, ENCODED = 0.02, 0.15, 0.87


@dataclass
class Work:
    """Everything that the stages after the split need."""

    context: StepContext
    table: Path
    features: list[Column]
    left_out: list[dict[str, Any]]
    target: Target
    use: np.ndarray
    # By which number each row came to its part; equal rows have the same.
    position: np.ndarray
    notices: list[Notice]

    def __post_init__(self) -> None:
        self.training = int(np.count_nonzero(self.use == TRAINING))
        self.validation = int(np.count_nonzero(self.use == VALIDATION))
        self.test = int(np.count_nonzero(self.use == TEST))

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.features]

    def progress(self, begin: float, end: float, rows: int, code: str) -> None:
        """Report how far a stage is that goes through the rows, and stop if the step was cancelled."""
        self.context.progress(begin + (end - begin) * rows / len(self.use), 1, fact(code, rows=rows))
        self.context.check()
