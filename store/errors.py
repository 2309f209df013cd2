"""What a caller got wrong: a message, the field it is about, and by the class the HTTP status. Sentences are made where
errors are shown."""

from store.messages import Message


class RequestError(ValueError):
    """The request cannot be done as it is; the message says why and what to do, `field` which value is wrong.

    A check in a pipeline of your own may give a text instead of a code.
    """

    status = 422

    def __init__(self, message: Message | str, field: str | None = None) -> None:
        self.message = message if isinstance(message, Message) else Message("refused", {"text": message})
        self.field = field
        super().__init__(str(self.message))


class InvalidError(RequestError):
    """A value is wrong; another value helps."""

    status = 422


class ConflictError(RequestError):
    """The request is right, and the moment is wrong: what it names is in another state."""

    status = 409


class NotFoundError(RequestError):
    """The thing named does not exist, or no longer."""

    status = 404


class ForbiddenError(RequestError):
    """The role of the one who asks does not cover this."""

    status = 403


class TooManyError(RequestError):
    """Too many requests of one kind at once; `seconds` says when to try again."""

    status = 429

    def __init__(self, message: Message | str, seconds: float = 1.0, field: str | None = None) -> None:
        super().__init__(message, field)
        self.seconds = max(1, round(seconds))


class UnavailableError(RequestError):
    """Trainyard cannot do this now, through no fault of the caller; trying again later helps."""

    status = 503
