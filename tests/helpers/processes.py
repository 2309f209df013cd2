"""Processes, by their numbers; and the app as a process."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from conftest import free_port


def gone(pid):
    """Whether a process has ended."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def started(home, options=(), **environment):
    """The app as an operator starts it for others; what it says when it ends, or once it is ready."""
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.address=0.0.0.0",
        f"--server.port={free_port()}",
        *options,
    ]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TRAINYARD_HOME": str(home), "TRAINYARD_WORKERS": "0", **environment},
    )
    said = ""
    for line in process.stdout:
        said += line
        if "everything is stored in" in line:
            process.terminate()
            said += process.stdout.read()
    process.stdout.close()
    return process.wait(40), said
