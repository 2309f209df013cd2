"""What a caller may get wrong, said in one plain sentence that is fit to be shown."""


class Refused(ValueError):  # noqa: N818 - reads as a sentence: the request was refused
    """The request cannot be done as asked; the message says why and what to do."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


class NotFound(Refused):
    """The thing named does not exist, or no longer."""


class NotAllowed(Refused):
    """Whoever asks may not do this; somebody with another role may."""
