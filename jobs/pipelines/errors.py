"""What can go wrong with a pipeline as written, and with a step as it runs."""

from store.messages import Message


class PipelineError(Exception):
    """A pipeline is written wrongly; the message says how to repair it."""


class StepError(Exception):
    """A step cannot be done; the sentence, or the message, is shown to the user as it stands."""

    def __init__(self, told: str | Message) -> None:
        self.message = told if isinstance(told, Message) else Message("refused", {"text": told})
        super().__init__(told if isinstance(told, str) else told.code)


class TimedOut(BaseException):
    """The step ran longer than its time limit. Not an Exception, so that a step which catches every error ends here."""
