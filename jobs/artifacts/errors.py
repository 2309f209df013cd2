"""What can go wrong with a value on its way to the disk and back."""

from jobs.artifacts.previews import Preview
from jobs.language import sentence
from store.messages import Message


class ArtifactError(Exception):
    """A value cannot be kept or read back; the message names it, and ways out."""

    def __init__(self, message: Message) -> None:
        self.message = message
        super().__init__(sentence(message))


class LossyError(Exception):
    """The format of a type would not give this value back as it is; the message says why. It never leaves this room:
    the value is pickled instead, since a step that took hours should not fail over its format."""

    def __init__(self, message: Message, preview: Preview | None = None) -> None:
        self.message = message
        self.preview = preview
        super().__init__(message.code)
