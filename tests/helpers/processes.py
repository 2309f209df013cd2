"""Processes, by their numbers."""

from contextlib import suppress

import psutil


def gone(pid):
    """Whether a process has ended."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True
