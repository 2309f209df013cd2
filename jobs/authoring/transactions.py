"""Transactions: steps of a flow that are undone when the block around them fails, each by what its author wrote.

What undoes is itself a step: it has a row and a log, and whatever dies, it is done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs.authoring import driving
from jobs.authoring.written import WrittenStep


class Transaction:
    """What steps of a block were called; and values that undoing them may need."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = dict(values or {})
        self.called: list[tuple[str, WrittenStep]] = []

    def note(self, step: WrittenStep, key: str) -> None:
        """A step of the block was called."""
        self.called.append((key, step))

    def set(self, name: str, value: Any) -> None:
        """Keep a value for those that undo."""
        self.values[name] = value

    def get(self, name: str, default: Any = None) -> Any:
        """A value that was kept."""
        return self.values.get(name, default)


@contextmanager
def transaction() -> Iterator[Transaction]:
    """Undo the steps of this block, last first, when it fails: each that has `@its_name.on_rollback`."""
    made, run = Transaction(), driving.current()
    if run is None:
        yield made
        return
    run.noted.append(made.note)
    try:
        yield made
    except Exception:
        run.noted.remove(made.note)
        _undo(run, made)
        raise
    finally:
        if made.note in run.noted:
            run.noted.remove(made.note)


def _undo(run: driving.Run, made: Transaction) -> None:
    undone = []
    for key, step in reversed(made.called):
        if step.undo is not None and run.has_completed(key):
            undone.append(run.call(step.undo, (dict(made.values),), {}).wait())
    for each in undone:  # one that failed is told when all were tried
        each.result()
