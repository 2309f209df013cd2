"""Two cores for one table: what comes next is made, and what is done with is put away, while one thread computes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")

_END: Any = object()


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next one made in a thread while one is used."""
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, items, _END)
            yield item


class Behind:
    """Calls that are made in order in a thread of their own; at most one waits. What one raises, the next call or the
    end of the block raises."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "behind")
        self._begun: Future[Any] | None = None

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._wait()
        self._begun = self._thread.submit(function, *arguments)

    def __enter__(self) -> "Behind":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        if self._begun:
            self._begun.result()
