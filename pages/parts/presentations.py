"""Which presentation a pipeline has: its own, or that of any pipeline."""

from functools import lru_cache

from jobs.language import sentence
from pages.parts.presentation import Presentation
from pages.parts.tabular.predictions import PredictionsPresentation
from pages.parts.tabular.presentation import TabularPresentation
from store.messages import Message


def of(pipeline: str) -> Presentation:
    """How the workflows of this pipeline are presented."""
    return _special().get(pipeline) or Presentation(pipeline)


def facet(name: str, value: str) -> str:
    """The value of a facet, whatever pipeline it is of."""
    return next((label for each in _special().values() if (label := each.facet(name, value)) != value), value)


def refusal(message: Message) -> str:
    """The sentence of a refusal with the names that people read, whatever pipeline it is of."""
    values = message.values
    for each in _special().values():
        values = each.named(values)
    return sentence(Message(message.code, values))


@lru_cache(maxsize=1)
def _special() -> dict[str, Presentation]:
    return {each.name: each for each in (TabularPresentation(), PredictionsPresentation())}
