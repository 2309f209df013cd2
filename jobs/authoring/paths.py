"""Paths: the key of each step that a flow asks for, the same in each replay: its group, its name, and which call of it
within that group it is."""

import hashlib

from jobs.pipelines.errors import PipelineError
from store.messages import Message

LONGEST_KEY = 80


class Paths:
    """The keys that are taken."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def key(self, group: str, name: str, given: str | None, label: str | None) -> str:
        """A key that no other step has: as given, or the label of a copy, or the name with its number."""
        if given is not None and (not isinstance(given, str) or not given.strip() or len(given) > LONGEST_KEY):
            raise PipelineError(Message("step_id_malformed", {"given": repr(given)[:60], "most": LONGEST_KEY}))
        if given is not None and given in self._taken:
            raise PipelineError(Message("step_id_taken", {"given": given}))
        key = (
            given
            if given is not None
            else self._numbered(_short(f"{group}/{label or name}" if group else label or name))
        )
        self._taken.add(key)
        return key

    def map_name(self, group: str, name: str) -> str:
        """The name of a map within its group: that of its step, numbered from the second on."""
        return self._count(f"{group}/{name}[", name)

    def group(self, group: str, name: str) -> str:
        """The path of a flow that is called in another one."""
        path = _short(f"{group}/{name}" if group else name)
        return self._count(f"{path}/", path)

    def _count(self, counted: str, name: str) -> str:
        self._counts[counted] = count = self._counts.get(counted, 0) + 1
        return name if count == 1 else f"{name}_{count}"

    def _numbered(self, name: str) -> str:
        while True:
            key = self._count(name, name)
            if key not in self._taken:
                return key


def _short(key: str) -> str:
    """A long key, cut, with what tells it from others that begin alike."""
    if len(key) <= LONGEST_KEY - 5:
        return key
    mark = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{key[: LONGEST_KEY - 15]}…{mark}"
