"""What the built-in steps report: progress, lines of the log and errors, each a code with its values."""

from typing import Any

from jobs.pipelines import StepError
from store.messages import Message

# A number, a text, or a list of texts.
Value = Any


def fact(code: str, **values: Value) -> Message:
    """Return what a step reports of its progress, or writes into its log."""
    return Message(code, values)


def failure(code: str, **values: Value) -> StepError:
    """Return the error that a step ends with."""
    return StepError(Message(code, values))
