"""The tick: what is done periodically for a whole deployment, by one process at a time.

Whichever supervisor holds the lease does the work of every entry; the others watch, so that one of them knows at once
what has gone silent when it takes over. An entry runs in the process of the supervisor, so it has to be short; it acts
as an actor of its own, and a failing entry never stops the others.
"""

import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jobs.engine.reconcile import Reconciler
from jobs.engine.turns import move_up
from jobs.services.timing import Duty
from jobs.verbs import sweeps
from store import actors, leases, unnamed_files
from store.settings import settings

TICK_SECONDS = 0.5
LEASE_SECONDS = 6.0
RENEW_SECONDS = 2.0
RECONCILE_SECONDS = 2.0
TURN_SECONDS = 2.0
SWEEPS_SECONDS = 0.5
UNNAMED_FILES_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to do every few seconds; `watch` is what a process does instead while another holds the lease."""

    name: str
    every: float
    work: Callable[[], object]
    watch: Callable[[], object] | None = None


def entries() -> list[Entry]:
    """Everything that the tick drives."""
    reconciler = Reconciler()
    return [
        Entry("reconcile", RECONCILE_SECONDS, reconciler.round, reconciler.watch),
        Entry("turns", TURN_SECONDS, move_up),
        Entry("sweeps", SWEEPS_SECONDS, sweeps.go_on),
        Entry("unnamed files", UNNAMED_FILES_SECONDS, unnamed_files.remove_all),
    ]


@dataclass
class Tick:
    """One process's part in the tick."""

    serves_home: bool = True
    entries: list[Entry] = field(default_factory=entries)

    def __post_init__(self) -> None:
        self._leads = False
        self._lease_checked = -math.inf
        self._work = [Duty(each.name, each.every, each.work) for each in self.entries]
        self._watch = [Duty(f"watch: {each.name}", each.every, each.watch) for each in self.entries if each.watch]

    def beat(self) -> bool:
        """Do what is due if this process holds the lease, else watch; whether it holds it."""
        if time.monotonic() >= self._lease_checked + RENEW_SECONDS:
            self._leads = False  # also when the database cannot be reached
            self._leads = leases.take("tick", self._owner(), LEASE_SECONDS)
            self._lease_checked = time.monotonic()
        with actors.acting(actors.TICK):
            for duty in self._work if self._leads else self._watch:
                duty.attend()
        return self._leads

    def _owner(self) -> str:
        """Return the owner of the lease: a supervisor continues the lease of its predecessor in this home."""
        whose = str(settings().folder) if self.serves_home else f"{settings().folder}:{os.getpid()}"
        return f"{socket.gethostname()}:{whose}"[-80:]
