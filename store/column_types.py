"""Types of columns: times that know they are UTC, status words, messages."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, TypeDecorator

from store.messages import Message, StoredMessage
from store.status import Status


class Utc(TypeDecorator[datetime]):
    """A time that is always UTC and always knows it; SQLite alone would forget."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class Word(TypeDecorator[Status]):
    """A Status, stored as its plain word."""

    impl = String(12)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return str(value) if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> Status | None:
        return Status(value) if value is not None else None


class MessageJson(TypeDecorator[Message]):
    """A Message, stored as JSON."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Message | None, dialect: Dialect) -> StoredMessage | None:
        return value.as_json() if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> Message | None:
        return Message.from_json(value) if value is not None else None
