"""Messages: facts to be told to a person, kept as a code and its values. Sentences are made where they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool | None
Values = dict[str, "Scalar | list[Scalar]"]


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, by its code, and the values that its sentence needs."""

    code: str
    values: Values = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "values": self.values}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Message":
        values = stored.get("values")
        return cls(str(stored["code"]), dict(values) if isinstance(values, Mapping) else {})
