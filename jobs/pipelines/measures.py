"""Measures: what a score or a curve means, how it is written, and which direction is better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from store.messages import Message

# A curve of each part of the data means the same as the score without its prefix.
PARTS = ("train_", "val_")
LOWER_WORDS = ("loss", "error", "rmse", "mae", "mse", "seconds", "deviance")


@dataclass(frozen=True, slots=True)
class Measure:
    """A score or metric: `share` is written in percent, `main` ones come first in tables and charts."""

    name: str
    label: str = ""
    help: str = ""
    better: Literal["high", "low"] = "high"
    share: bool = False
    main: bool = False

    @property
    def shown(self) -> str:
        """The label, or the name as words."""
        return self.label or _words(self.name)

    def within(self, bounds: Sequence[float]) -> Message:
        """Return within which bounds a score of it falls on other rows of the kind."""
        code = "bounds_of_share" if self.share else "bounds_of_number"
        return Message(code, {"measure": self.shown, "low": bounds[0], "high": bounds[1]})

    @property
    def lower_is_better(self) -> bool:
        return self.better == "low"


def without_part(name: str) -> str:
    """The name of what was measured, without the part of the data on which."""
    for part in PARTS:
        name = name.removeprefix(part)
    return name


def declared_measure(measures: Sequence[Measure], name: str) -> Measure | None:
    """The measure of this name, or of the same thing on one part of the data."""
    for wanted in (name, without_part(name)):
        for measure in measures:
            if measure.name == wanted:
                return measure
    step, _, rest = name.rpartition("/")
    found = declared_measure(measures, rest) if step else None
    return of_step(found, step, name) if found else None


def of_step(measure: Measure, step: str, name: str = "") -> Measure:
    """The measure of one of several steps that measure the same."""
    return replace(measure, name=name or measure.name, label=f"{_words(step)}: {measure.shown}", main=False)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def measure_for(name: str) -> Measure:
    """Return a measure for a name that no pipeline declares; names such as `loss` say that lower is better."""
    step, _, rest = name.rpartition("/")
    if step:
        return of_step(measure_for(rest), step, name)
    words = name.lower().split("_")
    return Measure(name, better="low" if any(word in LOWER_WORDS for word in words) else "high")
