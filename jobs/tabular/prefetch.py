"""Two cores for one table: the next part is read, and the last one written, while one thread computes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")

_END: Any = object()


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the same items, the next one made in a thread while one is used."""
    with ThreadPoolExecutor(1, "prefetch") as thread:
        coming = thread.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, items, _END)
            yield item


class Background:
    """Makes calls in order in a thread of its own; at most one waits. An error of one is raised by the next call or at
    the end of the block."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "background")
        self._started: Future[Any] | None = None

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Make a call as soon as the one before it is done."""
        self._wait()
        self._started = self._thread.submit(function, *arguments)

    def __enter__(self) -> "Background":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        if self._started:
            self._started.result()
