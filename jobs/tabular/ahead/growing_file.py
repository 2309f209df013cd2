"""A file that still grows while it is read: whoever writes it says so through a line, and when it is complete."""

import os
import signal
import threading
from io import BufferedRWPair, FileIO
from pathlib import Path

# What the writer says.
MORE, END = b"+", b"."


class GrowingFile:
    """The file, as the process sees it that reads. It ends with a writer that goes away before the file is complete.

    The process has a limited time, which begins once the file is complete: a slow network is not the reader's fault."""

    def __init__(self, path: Path, line: BufferedRWPair) -> None:
        self.path = path
        self.complete = False
        self._line = line
        self._changed = threading.Condition()
        self._seconds = signal.alarm(0)
        threading.Thread(target=self._listen, name="growing", daemon=True).start()

    def open(self) -> "GrowingStream":
        """Open it once more, at its begin."""
        return GrowingStream(self, self.path.open("rb", buffering=0))

    def wait_for_more(self, position: int, descriptor: int) -> bool:
        """Return whether there is something after a position, once that is known."""
        with self._changed:
            while (size := os.fstat(descriptor).st_size) <= position and not self.complete:
                self._changed.wait()
        return size > position

    def _listen(self) -> None:
        while END not in (said := self._line.read1(1 << 16)):
            if not said:
                os._exit(1)  # nobody waits for the answer any more
            with self._changed:
                self._changed.notify_all()
        signal.alarm(self._seconds)
        with self._changed:
            self.complete = True
            self._changed.notify_all()


class GrowingStream:
    """The bytes of the file from its begin to its end; reading waits for those that have not arrived."""

    closed = False

    def __init__(self, file: GrowingFile, stream: FileIO) -> None:
        self._file, self._stream, self._position = file, stream, 0

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end of the complete file."""
        parts: list[bytes] = []
        while size and self._file.wait_for_more(self._position, self._stream.fileno()):
            part = self._stream.read(size) or b""
            self._position += len(part)
            size -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        self._stream.close()
