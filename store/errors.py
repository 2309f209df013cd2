"""What a caller got wrong, in one plain sentence that can be shown; the class states the HTTP status."""


class RequestError(ValueError):
    """The request cannot be done as it is; the sentence says why and what to do, `field` which value is wrong."""

    status = 422

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


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

    def __init__(self, sentence: str, seconds: float = 1.0, field: str | None = None) -> None:
        super().__init__(sentence, field)
        self.seconds = max(1, round(seconds))


class UnavailableError(RequestError):
    """Trainyard cannot do this now, through no fault of the caller; trying again later helps."""

    status = 503
