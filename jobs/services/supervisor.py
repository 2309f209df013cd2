"""The supervisor: the one process per home that keeps Valkey and the workers running and drives the tick."""

import logging
import os
import signal
import time
from dataclasses import dataclass, field
from typing import IO, Any

from jobs.services import presence
from jobs.services.presence import LOOK_SECONDS
from jobs.services.tick import TICK_SECONDS, Tick
from jobs.services.timing import Duty
from jobs.services.valkey import Valkey
from jobs.services.workers import Workers, clean_up_stale_workers, preload
from store import db, schema
from store.settings import settings

LOOP_SECONDS = 0.25


def supervise() -> None:
    """Run the services until no process uses them. A second supervisor of the same home returns at once."""
    with presence.open_lock("supervisor.lock") as lock:
        if presence.lock_supervisor(lock):
            Supervisor(lock=lock).run()


def work(count: int) -> None:
    """Run workers beside the supervisor of this home, or for a queue elsewhere, until stopped."""
    Supervisor(count=count, serves_home=False).run()


@dataclass
class Supervisor:
    """Keeps Valkey and the workers running, and rows and queue in agreement."""

    count: int = field(default_factory=lambda: settings().workers)
    serves_home: bool = True
    lock: IO[str] | None = None
    _stopping: bool = False

    def run(self) -> None:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        self._valkey = Valkey() if self.serves_home and not settings().redis_url else None
        self._workers = Workers(self.count, self.lock)
        self._tick = Tick(self.serves_home)
        self._write_state(None)
        schema.prepare()
        try:
            if self._valkey:
                self._valkey.keep()
            clean_up_stale_workers()
            preload()
            self._workers.keep()
            self._write_ready()
            duties = self._duties()
            while not self._stopping and (not self.serves_home or presence.in_use()):
                for duty in duties:
                    duty.attend()
                time.sleep(LOOP_SECONDS)
        finally:
            self._end()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _duties(self) -> list[Duty]:
        """What only this process can do for its own machine; what one does for all is in the tick."""
        duties = [
            Duty("keep workers", 0.0, self._keep_workers),
            Duty("end hung workers", LOOK_SECONDS, self._workers.end_hung),
            Duty("tick", TICK_SECONDS, self._tick.beat),
        ]
        if self._valkey:
            duties = [
                Duty("keep Valkey", 0.0, self._keep_valkey),
                Duty("end unresponsive Valkey", LOOK_SECONDS, self._valkey.end_unresponsive),
                *duties,
            ]
        return duties

    def _keep_valkey(self) -> None:
        if self._valkey and self._valkey.keep():
            self._write_ready()

    def _keep_workers(self) -> None:
        if not self._stopping and self._workers.keep():
            self._write_ready()

    def _write_ready(self) -> None:
        self._write_state(
            {
                "ready": True,
                "pid": os.getpid(),
                "workers": [slot.pid for slot in self._workers.slots],
                "valkey": self._valkey.process.pid if self._valkey and self._valkey.process else None,
                "embedded": not settings().redis_url,
                "started_at": time.time(),
            }
        )

    def _write_state(self, written: dict[str, Any] | None) -> None:
        """Write the state of the services, unless these are only workers beside another supervisor."""
        if self.serves_home:
            presence.write_state(written)

    def _end(self) -> None:
        self._stopping = True
        self._workers.end()
        db.close()
        if self._valkey:
            self._valkey.end()
        self._write_state(None)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    supervise()
