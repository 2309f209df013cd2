"""Storable: what a step returned, as any database can hold it."""

import json
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from jobs.pipelines.errors import StepError
from jobs.pipelines.params import short
from jobs.pipelines.results import Result
from store.messages import Message, Values
from store.text import LONGEST_NAME, sayable

MOST_RETURNED = 5_000_000  # characters of JSON


def storable(result: Any) -> dict[str, Any]:
    """What a step returned, as plain JSON; what cannot be stored is the step's own mistake."""
    if result is None:
        return {}
    if not isinstance(result, dict | Mapping):
        raise StepError(Message("result_not_dict", {"kind": type(result).__name__}))
    try:
        plain = _plain(result)
        wrong = _unstorable(plain)
    except RecursionError:
        raise StepError(Message("result_too_deep")) from None
    if wrong:
        raise StepError(Message("result_not_plain", {"place": wrong[0], "kind": wrong[1]}))
    if (scores := plain.get("scores")) is not None:
        plain["scores"] = _storable_scores(scores)
    try:
        text = json.dumps(_finite(plain), allow_nan=False)
        _check_size(plain, len(text))
        return dict(json.loads(text))
    except (TypeError, ValueError) as error:
        raise StepError(Message("result_not_storable", {"reason": str(error)})) from error


def _check_size(plain: Mapping[str, Any], size: int) -> None:
    """Refuse what pages could not show: a browser that is sent 50 MB ends the tab."""
    if size > MOST_RETURNED:
        largest = max(plain, key=lambda name: len(json.dumps(_finite(plain[name]))))
        raise StepError(Message("result_too_large", {"size": size, "most": MOST_RETURNED, "name": largest}))


def storable_message(message: Message) -> Message:
    """The message with values that are plain JSON; what is not becomes text."""
    values: Values
    try:
        values = json.loads(json.dumps(_finite(_plain(message.values)), allow_nan=False))
    except (StepError, TypeError, ValueError):
        values = {sayable(name): sayable(value) for name, value in message.values.items()}
    return Message(sayable(message.code), values)


def lost_scores(result: Any, stored: Mapping[str, Any]) -> dict[str, str]:
    """The scores that a step returned and that are no finite numbers, as text by name."""
    returned = result.get("scores") if isinstance(result, dict | Mapping) else None
    missing = [name for name, value in (stored.get("scores") or {}).items() if value is None]
    return {name: str(dict(returned or {}).get(name))[:LONGEST_NAME] for name in missing}


def _storable_scores(scores: Any) -> dict[str, float | None]:
    """Scores by name; None in place of those that no number of the database can be."""
    if not isinstance(scores, dict):
        raise StepError(Message("scores_not_numbers"))
    for name, value in scores.items():
        if not _is_number(value):
            raise StepError(Message("score_not_number", {"name": name[:LONGEST_NAME], "given": short(value)}))
        if len(name) > LONGEST_NAME:
            raise StepError(Message("score_name_too_long", {"name": name, "most": LONGEST_NAME}))
    return {name: value if abs(value) <= sys.float_info.max else None for name, value in scores.items()}


def _plain(value: Any) -> Any:
    """A value with every result and single number in it as plain JSON."""
    # The usual types come first: whether one is a Mapping, Python finds out from all classes that say they are.
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        return sayable(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Result):
        return _plain(value.as_json())
    if isinstance(value, dict | Mapping):
        return _with_text_keys(value)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return _plain(value.item())  # a single number of NumPy
    return value


def _with_text_keys(value: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping with text as its keys, as JSON has no others; two keys that become one would lose a value."""
    plain: dict[str, Any] = {}
    for key, item in value.items():
        if (name := sayable(key)) in plain:
            raise StepError(Message("result_keys_equal", {"key": name}))
        plain[name] = _plain(item)
    return plain


def _unstorable(value: Any, place: str = "") -> tuple[str, str] | None:
    """The place and type of the first value that JSON does not know, if there is one: (`["a"][0]`, `set`)."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    elif value is not None and not isinstance(value, str | int | float):
        return place, type(value).__name__
    return next((inner for key, item in items if (inner := _unstorable(item, f"{place}[{key!r}]"))), None)


def _finite(value: Any) -> Any:
    """The value with null in place of numbers that JSON does not know: NaN and infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
