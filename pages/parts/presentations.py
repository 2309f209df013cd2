"""Which presentation a pipeline has: its own, or that of any pipeline."""

from functools import lru_cache

from pages.parts.presentation import Presentation
from pages.parts.tabular.presentation import TabularPresentation


def of(pipeline: str) -> Presentation:
    """How the workflows of this pipeline are presented."""
    return _special().get(pipeline) or Presentation(pipeline)


def facet(name: str, value: str) -> str:
    """The value of a facet, whatever pipeline it is of."""
    return next((label for each in _special().values() if (label := each.facet(name, value)) != value), value)


def refusal(text: str) -> str:
    """A refusal with the names that people read, whatever pipeline it is of."""
    for each in _special().values():
        text = each.refusal(text)
    return text


@lru_cache(maxsize=1)
def _special() -> dict[str, Presentation]:
    return {each.name: each for each in (TabularPresentation(),)}
