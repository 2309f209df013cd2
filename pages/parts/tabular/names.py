"""Names of the built-in pipeline as people read them: Boosting, not hist_gradient_boosting_classifier."""

import re

from jobs.tabular import algorithms

NUMBERS = " (numbers)"
_KEYS = re.compile(r"\b(" + "|".join(map(re.escape, algorithms.ALGORITHMS)) + r")\b")


def algorithm(key: str) -> str:
    """What people call an algorithm."""
    known = algorithms.ALGORITHMS.get(key)
    return known.label if known else key


def in_sentence(text: str) -> str:
    """A sentence with the names of algorithms as people read them."""
    return _KEYS.sub(lambda match: algorithm(match[0]), text)
