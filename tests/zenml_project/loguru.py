"""A stand-in for the package of this name: it writes to the stream that was stderr when it was imported."""

import sys
from datetime import datetime

_STREAM = sys.stderr


class Logger:
    def info(self, message: str) -> None:
        _STREAM.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} | INFO | {message}\n")
        _STREAM.flush()


logger = Logger()
