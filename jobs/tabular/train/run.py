"""The run: everything that a training needs to continue after a crash, and how it is read from a checkpoint."""

import pickle
import warnings
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from jobs.pipelines import StepContext
from jobs.pipelines.params import Params
from jobs.tabular.algorithms import Algorithm
from jobs.tabular.facts import fact

# Errors that loading what another version wrote can raise.
UNREADABLE = (
    OSError,
    EOFError,
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass
class Run:
    """Everything that training needs to continue after an epoch."""

    estimator: Any
    random: np.random.RandomState
    epoch: int = 0
    best_epoch: int = 0
    best_rank: tuple[float, float] = (-np.inf, -np.inf)
    best_score: float = 0.0
    best_train: float = 0.0
    first_score: float = 0.0
    best: Any = None
    stopped: bool = field(default=False)

    def over(self, params: Params) -> bool:
        """Return whether no further epoch is to come."""
        return self.stopped or self.epoch >= params["epochs"]


def begin(context: StepContext, algorithm: Algorithm, classes: int) -> Run:
    """Return the run of an earlier attempt, where it can be continued, or a new one."""
    if (run := _saved(context)) and context.continue_from(run.epoch):
        return run
    return new(context.params, algorithm, classes)


def new(params: Params, algorithm: Algorithm, classes: int) -> Run:
    """Return a run that begins; a number is predicted where there are 0 classes."""
    random = np.random.RandomState(params.get("random_state", 42))
    return Run(algorithm.make(params, random, classes), random)


def _saved(context: StepContext) -> Run | None:
    """Return the run in the last checkpoint, unless other versions of the code or of scikit-learn wrote it."""
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    if not (path := context.last_checkpoint()):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            run = joblib.load(path)
        except (*UNREADABLE, InconsistentVersionWarning):
            run = None
    if isinstance(run, Run) and set(vars(run)) == {each.name for each in fields(Run)}:
        return run
    context.log(fact("checkpoint_of_other_version"), "warning")
    return None
