"""Futures: steps that a flow has asked for, what became of them, and what may be said of a value that is passed on."""

import asyncio
from collections.abc import Coroutine, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jobs.pipelines.errors import StepError
from store.messages import Message
from store.tables import Status

ROUNDS = 20  # for other coroutines to ask for their steps before one waits


class Asked(Protocol):
    """The run of a flow, as its futures know it."""

    def status(self, key: str) -> Status: ...
    def wait(self, keys: Sequence[str]) -> None: ...
    def value(self, key: str, outputs: Sequence[str]) -> Any: ...
    def error(self, key: str) -> Exception | None: ...


@dataclass(frozen=True, slots=True)
class State:
    """What became of a step that a flow asked for."""

    future: "Future"
    status: Status

    @property
    def name(self) -> str:
        return str(self.status).capitalize()

    @property
    def type(self) -> str:
        return str(self.status).upper()

    @property
    def message(self) -> str:
        return str(self.future.error() or "")

    @property
    def failed(self) -> bool:
        return self.status in (Status.failed, Status.skipped, Status.cancelled)

    @property
    def completed(self) -> bool:
        return self.status is Status.completed

    def is_completed(self) -> bool:
        return self.completed

    def is_failed(self) -> bool:
        return self.failed

    def is_running(self) -> bool:
        return self.status is Status.running

    def is_pending(self) -> bool:
        return self.status in (Status.pending, Status.waiting)

    def is_final(self) -> bool:
        return self.status.over

    def result(self, raise_on_failure: bool = True) -> Any:
        """The value; or, if it failed, the exception, raised or given."""
        return self.future.result(raise_on_failure=raise_on_failure)


class Future(Coroutine[Any, Any, Any]):
    """A step that a flow has asked for. It can be passed to other steps, which need it then, or asked for its value;
    and it can be awaited, also as a task of asyncio."""

    def __init__(self, run: Asked, key: str, outputs: Sequence[str]) -> None:
        self.run = run
        self.invocation_id = key
        self.outputs = tuple(outputs)  # those that are meant, of what the step leaves
        self._awaited: Generator[Any, Any, Any] | None = None

    def __getitem__(self, number: int) -> "Future":
        """One of several outputs."""
        return Future(self.run, self.invocation_id, (self.outputs[number],))

    def __iter__(self) -> Iterator["Future"]:
        if len(self.outputs) < 2:
            raise TypeError(f"{self!r} has not several outputs to unpack; ask for its .result().")
        return iter([self[number] for number in range(len(self.outputs))])

    @property
    def task_run_id(self) -> str:
        return self.invocation_id

    @property
    def state(self) -> State:
        """What became of it so far; a step that has not ended is waited for, as a replay has to see the same."""
        self.run.wait([self.invocation_id])
        return State(self, self.run.status(self.invocation_id))

    def wait(self, timeout: float | None = None) -> "Future":
        """Wait until it ended, in whatever way."""
        _no_timeout(timeout)
        self.run.wait([self.invocation_id])
        return self

    def error(self) -> Exception | None:
        """Why it failed."""
        return self.run.error(self.invocation_id)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The value; or, if it failed, the exception, raised or given."""
        _no_timeout(timeout)
        self.run.wait([self.invocation_id])
        if self.run.status(self.invocation_id) is Status.completed:
            return self.run.value(self.invocation_id, self.outputs)
        error = self.run.error(self.invocation_id)
        if raise_on_failure and error is not None:
            raise error
        return error

    def load(self) -> Any:
        """The value, as ZenML says it."""
        return self.result()

    def __await__(self) -> Generator[Any, None, Any]:
        for _ in range(ROUNDS):  # others may have steps to ask for first
            yield from asyncio.sleep(0).__await__()
        return self.result()

    def send(self, value: Any) -> Any:
        """As asyncio runs it as a task."""
        return self._steps().send(value)

    def throw(self, *error: Any) -> Any:
        return self._steps().throw(*error)

    def close(self) -> None:
        self._steps().close()

    def _steps(self) -> Generator[Any, Any, Any]:
        if self._awaited is None:
            self._awaited = self.__await__()
        return self._awaited

    def __repr__(self) -> str:
        return f"<step {self.invocation_id}>"


class Futures(list[Future]):
    """The steps that a map asked for, in order."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """All values; waits for all of them at once."""
        self.wait(timeout)
        return [each.result(raise_on_failure=raise_on_failure) for each in self]

    def wait(self, timeout: float | None = None) -> "Futures":
        """Wait until all ended, in whatever way."""
        _no_timeout(timeout)
        if self:
            self[0].run.wait([each.invocation_id for each in self])
        return self

    def load(self) -> list[Any]:
        return self.result()


def _no_timeout(given: float | None) -> None:
    """Refuse a time limit of a wait: a replay might see another end of it."""
    if given is not None:
        raise StepError(Message("wait_without_timeout"))


class Done:
    """What `submit` gives outside of a flow: the function was called at once."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        return self._value

    def wait(self, timeout: float | None = None) -> "Done":
        return self

    load = result


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A value that each step of a map is given whole."""

    value: Any


@dataclass(frozen=True, slots=True)
class AllowFailure:
    """What is passed on even if it failed: then its exception is."""

    value: Any


def unmapped(value: Any) -> Unmapped:
    """Have each step of a map given the whole of a list."""
    return Unmapped(value)


def allow_failure(value: Any) -> AllowFailure:
    """Pass a step on even if it failed; what it is passed to is given the exception."""
    return AllowFailure(value)


def wait(futures: Iterable[Future]) -> "Futures":
    """Wait until all of these ended."""
    return Futures(futures).wait()


def reason_of(status: Status, error: Message | None) -> Message:
    """Why a step that did not complete left nothing."""
    return error or Message("not_run", {"status": str(status)})
