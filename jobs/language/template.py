"""Templates: text with named places, in the manner of str.format, for one language and with plural forms."""

import string
from dataclasses import dataclass
from typing import Any

from jobs.language import numbers
from store.messages import Values


@dataclass(frozen=True, slots=True)
class Plural:
    """Two forms of a template; which one counts is decided by the value called `by`."""

    one: str
    other: str
    by: str = "count"


Template = str | Plural


class _Filler(string.Formatter):
    """Fills places: numbers get separators, lists commas, `bytes` a unit, `percent` and `score` the form of these; a
    missing value leaves its name visible."""

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(str(key), f"{{{key}}}")

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, list):
            return ", ".join(self.format_field(item, format_spec) for item in value)
        if format_spec == "bytes":
            return numbers.size(value)
        if format_spec in ("percent", "score"):
            return numbers.score(value, share=format_spec == "percent")
        if not isinstance(value, int | float) or isinstance(value, bool):
            return str(super().format_field(value, format_spec)) if value is not None else ""
        separated = "," if not format_spec and isinstance(value, int) else format_spec
        return numbers.local(str(super().format_field(value, separated)))


def fill(template: str, values: Values) -> str:
    """Return the template with its places filled."""
    return _Filler().vformat(template, (), values)
