"""What a step says about itself, in a line."""

from jobs.cli.terminal import seconds
from jobs.engine import remaining
from jobs.language import sentence
from store.steps import Step


def progress_words(step: Step) -> str:
    """Return words such as: epoch 3 of 10, about 2 m 5 s left."""
    left = remaining.seconds([step]).get(step.id)
    words = "" if left is None or left < 1 else f"{left:.0f} s" if left < 60 else seconds(left)
    return ", ".join(each for each in (busy_with(step), words and f"about {words} left") if each)


def busy_with(step: Step) -> str:
    return sentence(step.progress_message) if step.progress_message else ""


def error_words(step: Step) -> str:
    return sentence(step.error) if step.error else ""
