"""Params: the settings that a step declares; forms, checks, help and the API all read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from store.errors import RequestError

Kind = Literal["int", "float", "bool", "choice", "text", "column", "columns"]
KINDS: tuple[str, ...] = get_args(Kind)
Params = Mapping[str, Any]
# Params of these kinds name columns, so they belong to the data and not to the configuration.
OF_DATA = ("column", "columns")


@dataclass(frozen=True, slots=True)
class Param:
    """A setting that the user can choose."""

    name: str
    kind: Kind
    default: Any
    label: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    logarithmic: bool = False
    advanced: bool = False

    @property
    def of_data(self) -> bool:
        """Whether it names columns, and so goes with the dataset when two workflows are composed."""
        return self.kind in OF_DATA

    def read(self, value: Any) -> Any:
        """The value as this param's kind, or RequestError with a sentence that names the param."""
        if value is None:
            return self.default
        try:
            read = _READERS[self.kind](value)
        except (TypeError, ValueError, OverflowError):
            raise RequestError(
                f"{self.name} must be {_KIND_WORDS[self.kind]}, not {short(value)}.", self.name
            ) from None
        if self.choices and read not in self.choices:
            raise RequestError(f"{self.name} must be one of {', '.join(self.choices)}, not {short(value)}.", self.name)
        if (self.low is not None and read < self.low) or (self.high is not None and read > self.high):
            raise RequestError(f"{self.name} must be {self.range_words()}, not {short(read)}.", self.name)
        return read

    def range_words(self) -> str:
        """Return the range in words: between 1 and 9, at least 1, at most 9."""
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"between {self.low:g} and {self.high:g}"


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or number != number or number in (float("inf"), float("-inf")):
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    word = str(value).casefold()
    if word not in words:
        raise ValueError
    return words[word]


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [_text(item) for item in value]


def short(value: Any) -> str:
    """Return the value as Python writes it, cut to 40 characters."""
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "choice": _text,
    "text": _text,
    "column": _text,
    "columns": _texts,
}
_KIND_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "choice": "a word",
    "text": "a text",
    "column": "a column name",
    "columns": "a list of column names",
}
