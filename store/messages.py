"""Messages: facts for a person, stored as a code and its values. Sentences are made where they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

Scalar = str | int | float | bool | None
# A value may be a message itself, or several.
Values = dict[str, "Scalar | Sequence[Scalar] | StoredMessage | Sequence[StoredMessage]"]
Level = Literal["info", "warning"]


class StoredMessage(TypedDict):
    """A message as it is stored."""

    code: str
    values: Values


class StoredNotice(StoredMessage):
    """A notice as it is stored."""

    level: Level
    column: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, by its code, and the values that its sentence needs."""

    code: str
    values: Values = field(default_factory=dict)

    def __str__(self) -> str:
        """Return what a log line can say of it: free words as they are, else the code and its values."""
        if set(self.values) == {"text"}:
            return str(self.values["text"])
        shown = ", ".join(f"{name}: {value}" for name, value in self.values.items())
        return f"{self.code} ({shown})" if shown else self.code

    def as_json(self) -> StoredMessage:
        return {"code": self.code, "values": self.values}

    @classmethod
    def from_json(cls, stored: Mapping[str, object] | str) -> "Message":
        """Read a stored message; homes of the first versions hold the sentence itself, alone or as a text."""
        if isinstance(stored, str) or "code" not in stored:
            return cls("text", {"text": stored if isinstance(stored, str) else str(stored.get("text", ""))})
        values = stored.get("values")
        return cls(str(stored["code"]), dict(values) if isinstance(values, Mapping) else {})


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that stands beside data or a result: how serious it is, and the column that it is about."""

    message: Message
    level: Level = "info"
    column: str | None = None

    def as_json(self) -> StoredNotice:
        return {**self.message.as_json(), "level": self.level, "column": self.column}

    @classmethod
    def from_json(cls, stored: Mapping[str, object] | str) -> "Notice":
        """Read a stored notice, also one of the first versions, which held a sentence."""
        if isinstance(stored, str):
            return cls(Message.from_json(stored))
        column = stored.get("column")
        level: Level = "warning" if stored.get("level") == "warning" else "info"
        return cls(Message.from_json(stored), level, None if column is None else str(column))


def notices_of(stored: object) -> list[Notice]:
    """Read the notices of a result. A step of people's own may leave anything under this name; what is no notice is
    passed over."""
    if not isinstance(stored, list):
        return []
    return [Notice.from_json(each) for each in stored if isinstance(each, str | Mapping)]
