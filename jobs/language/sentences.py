"""Make the sentence of a message."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.language.en import LANGUAGE, SENTENCES
from jobs.language.template import Plural, fill
from store.messages import Message

# The language of all sentences, as HTML says it; numbers and dates can be those of another.
WRITTEN_IN = LANGUAGE


def sentence(message: Message) -> str:
    """Return the message as one or more English sentences; a code without a template shows itself and its values."""
    template = SENTENCES.get(message.code)
    if template is None or set(message.values) == {"text"}:
        return str(message)  # free words, as in homes from before there were codes
    if isinstance(template, Plural):
        template = template.one if message.values.get(template.by) == 1 else template.other
    return fill(template, {name: _spoken(value) for name, value in message.values.items()})


def phrase(code: str, **values: Any) -> str:
    """Return the words of a code: a title, a label or a sentence that is nowhere stored."""
    return sentence(Message(code, values))


def _spoken(value: Any) -> Any:
    """Return a value as a template takes it: messages within a message become their sentences."""
    if isinstance(value, Mapping):
        return sentence(Message.from_json(value))
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return " ".join(map(_spoken, value))
    return value


def sentence_of(stored: Mapping[str, Any] | str | Sequence[Any] | None) -> str:
    """Return what stored messages say: one as JSON, several of them joined, or the text that old homes hold."""
    if not stored:
        return ""
    if isinstance(stored, str | Mapping):
        return sentence(Message.from_json(stored))
    return "; ".join(map(sentence_of, stored))


def text_of(text: str, message: Message | None) -> str:
    """Return a stored line: its free text, or the sentence of its message."""
    return text if message is None else sentence(message)
