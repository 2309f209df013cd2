"""Params: the settings that a step declares; forms, checks, help and the API all read them."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args

from store.errors import RequestError
from store.messages import Message
from store.text import is_sayable

Kind = Literal["int", "float", "bool", "choice", "text", "column", "columns", "by_column", "json"]
KINDS: tuple[str, ...] = get_args(Kind)
Params = Mapping[str, Any]
# Params of these kinds name columns, so they belong to the data and not to the configuration.
OF_DATA = ("column", "columns", "by_column")


@dataclass(frozen=True, slots=True)
class Param:
    """A setting that the user can choose; with `try_all`, one button starts every choice of it that fits. A `required`
    one has no default. One of kind "json" is any value that JSON has, whose `type` the pipeline itself checks."""

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
    try_all: bool = False
    required: bool = False
    type: str = ""

    @property
    def of_data(self) -> bool:
        """Whether it names columns, and so goes with the dataset when two workflows are composed."""
        return self.kind in OF_DATA

    def read(self, value: Any) -> Any:
        """The value as this param's kind, or RequestError with a message that names the param."""
        if value is None:
            return self.default
        try:
            read = _READERS[self.kind](value)
        except (TypeError, ValueError, OverflowError):
            raise self._refusal(_KIND_CODES[self.kind], given=short(value)) from None
        if not all(map(is_sayable, _parts(read))):
            raise self._refusal("param_broken_text", given=short(value))
        chosen = read.values() if isinstance(read, dict) else [read]
        if self.choices and (others := [each for each in chosen if each not in self.choices]):
            raise self._refusal("param_not_a_choice", given=short(others[0]), known=list(self.choices))
        if (self.low is not None and read < self.low) or (self.high is not None and read > self.high):
            raise self._out_of_range(short(read))
        return read

    def _out_of_range(self, given: str) -> RequestError:
        if self.low is None:
            return self._refusal("param_too_big", given=given, high=self.high)
        if self.high is None:
            return self._refusal("param_too_small", given=given, low=self.low)
        return self._refusal("param_out_of_range", given=given, low=self.low, high=self.high)

    def _refusal(self, code: str, **values: Any) -> RequestError:
        return RequestError(Message(code, {"param": self.name, **values}), self.name)


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
    """Read ["city", "zip"], the same as JSON, or city,zip."""
    if isinstance(value, str):
        listed = _json_texts(value.strip())
        return [name.strip() for name in value.split(",") if name.strip()] if listed is None else listed
    return [_text(item) for item in value]


def _json_texts(text: str) -> list[str] | None:
    """Return the texts of a list written as JSON; None where it is none, as a name may begin with a bracket."""
    if text.startswith("["):
        with suppress(ValueError):
            listed = json.loads(text)
            if all(isinstance(each, str) for each in listed):
                return list(listed)
    return None


def written_texts(texts: Sequence[Any]) -> str:
    """Write a list as one text that is read as the same list: with commas, or as JSON where a text has one itself."""
    joined = ",".join(map(str, texts))
    plain = all(isinstance(each, str | int | float) for each in texts)
    return joined if plain and _texts(joined) == [*map(str, texts)] else json.dumps([*texts], ensure_ascii=False)


def _json(value: Any) -> Any:
    """Read a value that JSON has; a text is read as JSON where it is some."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return json.loads(json.dumps(value, allow_nan=False))


def _by_column(value: Any) -> dict[str, str]:
    """Read {"city": "category"}, the same as JSON, or city=category,zip=category."""
    if isinstance(value, str):
        text = value.strip()
        value = json.loads(text) if text.startswith("{") else dict(_pair(part) for part in text.split(",") if part)
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(name): _text(each) for name, each in value.items()}


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.rpartition("=")
    if not equals:
        raise ValueError
    return name.strip(), value.strip()


def _parts(read: Any) -> Sequence[str]:
    """Return the texts in a value, however deep."""
    if isinstance(read, dict):
        return [*read, *(text for value in read.values() for text in _parts(value))]
    if isinstance(read, list):
        return [text for value in read for text in _parts(value)]
    return [read] if isinstance(read, str) else []


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
    "by_column": _by_column,
    "json": _json,
}
_KIND_CODES = {
    "int": "param_not_whole",
    "float": "param_not_number",
    "bool": "param_not_bool",
    "choice": "param_not_word",
    "text": "param_not_text",
    "column": "param_not_column",
    "columns": "param_not_columns",
    "by_column": "param_not_by_column",
    "json": "param_not_json",
}
