"""Measures: what a score or a curve means, how it is written, and which direction is better."""

from collections.abc import Sequence
from dataclasses import dataclass
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
        return self.label or self.name.replace("_", " ").capitalize()

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
    return None


def measure_for(name: str) -> Measure:
    """Return a measure for a name that no pipeline declares; names such as `loss` say that lower is better."""
    words = name.lower().split("_")
    return Measure(name, better="low" if any(word in LOWER_WORDS for word in words) else "high")
