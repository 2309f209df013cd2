"""What can go wrong with a pipeline as written, and with a step as it runs."""

from jobs.language import sentence
from store.messages import Message
from store.steps.turns import Park


class PipelineError(Exception):
    """A pipeline is written wrongly; the message says how to repair it."""

    def __init__(self, message: Message | str) -> None:
        self.message = message if isinstance(message, Message) else Message("refused", {"text": message})
        super().__init__(sentence(self.message))


class StepError(Exception):
    """A step cannot be done; the message, or a sentence of its author, is shown to the user."""

    def __init__(self, message: Message | str) -> None:
        self.message = message if isinstance(message, Message) else Message("refused", {"text": message})
        super().__init__(sentence(self.message))


class Parked(BaseException):
    """A flow waits for steps. Not an Exception, so that a flow which catches every error does not catch this."""

    def __init__(self, park: Park) -> None:
        super().__init__(park.waits)
        self.park = park


class TimedOut(BaseException):
    """The step ran longer than its time limit. Not an Exception, so that a step which catches every error ends here."""

    def __init__(self, seconds: int = 0) -> None:
        super().__init__(seconds)
        self.seconds = seconds
