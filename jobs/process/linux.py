"""What a process asks of the kernel about itself."""

import contextlib
import ctypes
import signal

PR_SET_PDEATHSIG = 1


def die_with_parent(sign: int = signal.SIGKILL) -> None:
    """Let the kernel end this process when its parent ends, however it ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)


def volunteer_for_oom() -> None:
    """When memory runs out, the kernel should take this process rather than the database or the pages."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("800")
