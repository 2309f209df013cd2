"""Names of the built-in pipeline as people read them: Boosting, not hist_gradient_boosting_classifier."""

from jobs.tabular import algorithms
from jobs.tabular.algorithms import Algorithm
from store.messages import Values

NUMBERS = " (numbers)"
# The values of messages that can be algorithms.
NAMED = ("algorithm", "known", "others")


def algorithm(key: str) -> str:
    """What people call an algorithm."""
    known = algorithms.ALGORITHMS.get(key)
    return known.label if known else key


def in_values(values: Values) -> Values:
    """The values of a message with the names of algorithms as people read them."""
    named: Values = {}
    for name in values.keys() & set(NAMED):
        value = values[name]
        if isinstance(value, str):
            named[name] = algorithm(value)
        elif isinstance(value, list):
            named[name] = [algorithm(str(each)) for each in value]
    return {**values, **named}


def gives_chances(used: Algorithm) -> bool:
    """Whether an algorithm says how likely each class is; of a number there is nothing to say."""
    return used.loss in ("log", "squared")
