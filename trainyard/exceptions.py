"""What can be raised: `from trainyard.exceptions import DoesNotExistException`."""

from typing import NoReturn

from jobs.language import sentence
from store.errors import NotFoundError, RequestError
from store.messages import Message
from trainyard import PipelineError, RunFailedError, StepError

__all__ = ["DoesNotExistException", "PipelineError", "RequestError", "RunFailedError", "StepError"]

# What other tools raise and nothing here does, with what to do instead.
_INSTEAD = {
    "EntityExistsError": "a new value under a known name is its next version, so nothing raises it; leave it out",
    "StepInterfaceError": "catch PipelineError",
    "PipelineInterfaceError": "catch PipelineError",
    "EntrypointFunctionDefinitionError": "catch PipelineError",
}


class DoesNotExistException(NotFoundError, KeyError):  # noqa: N818 - the name that others have for it
    """There is nothing of this name or number."""

    def __init__(self, message: Message | str) -> None:
        NotFoundError.__init__(self, message)

    def __str__(self) -> str:
        return sentence(self.message)


def __getattr__(name: str) -> NoReturn:
    if name in _INSTEAD:
        raise ImportError(f"trainyard.exceptions has no {name}: {_INSTEAD[name]}.")
    raise AttributeError(f"module 'trainyard.exceptions' has no attribute {name!r}")
