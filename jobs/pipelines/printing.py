"""Printing: what the process of a step printed, as lines of its log, in order with what the step logged itself.

What it logs goes through the same pipe, as a marked line: so it is in order to the byte, survives a crash, and reaches
the log from processes that the step forked. A line that is too long to be written at once waits in memory, with its
place among the others.
"""

import contextlib
import json
import re
import sys
import time
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from jobs.process.printed import Printed
from store.messages import Message
from store.steps import LogLine
from store.tables import now
from store.text import sayable

LONGEST_LINE = 10_000  # bytes; what is longer takes several lines, so that a page can show them
MOST_LINES = 20_000  # in one transaction
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0

# Begins a line that the step logged; texts have no zero bytes.
MARK = b"\0\1line "

Placed = tuple[int, LogLine]

# Moves of the cursor, colours; and, as tqdm draws one bar below another, lines that are gone back from.
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BELOW = re.compile(rb"\n+(?=\r[^\n]*?\x1b\[A)")


@dataclass(frozen=True, slots=True)
class Seen:
    """The first lines of what waits to be recorded: where each ends, counted from the first byte that the process
    wrote, and its text, or the whole line if the step logged it."""

    lines: list[tuple[int, str | LogLine]]
    data: bytes
    end: int
    more: bool = False  # than one transaction should take
    unfinished: bool = False  # the last line has no end yet


NOTHING_PRINTED = Seen([], b"", 0)


class Printing:
    """What a process has printed and no log has yet."""

    def __init__(self, printed: Printed) -> None:
        self._printed = printed
        self._looked_at = self._shown = 0
        self._pause = FIRST_PAUSE
        self._unfinished_since = 0.0

    def log(self, line: LogLine) -> bool:
        """Write a line that the step logs among what it prints; False when it is too long for that."""
        at, level, text = line
        record = [at.isoformat(), level, text.as_json() if isinstance(text, Message) else text]
        return self._printed.write_whole(MARK + json.dumps(record).encode() + b"\n")

    def place(self) -> int:
        """Where a line that the step logs now stands among what it prints."""
        return self._printed.written()

    @property
    def is_filling(self) -> bool:
        """Whether so much is printed that who prints will soon have to wait."""
        return max(self._shown, self._printed.waiting()) > self._printed.capacity // 4

    def has_lines(self) -> bool:
        """Whether a line waits. States of a bar that a newer one has replaced are dropped."""
        if self._printed.written() == self._looked_at and not self._is_due():
            return False
        seen = self.look()
        if not seen.lines:
            self.recorded(seen)
        return bool(seen.lines)

    def look(self, *, whole: bool = False) -> Seen:
        """The lines that wait; `whole` when nothing will follow, so that the last one needs no end."""
        begin, data = self._printed.taken, self._printed.show()
        lines, length = split(data, whole=whole)
        more, self._shown = len(lines) >= MOST_LINES, len(data)
        self._looked_at = begin + (length if more else len(data))
        rest, unfinished = data[length:], False
        if more or not rest.strip():
            self._pause, self._unfinished_since = FIRST_PAUSE if lines else self._pause, 0.0
        elif not self._unfinished_since:
            self._unfinished_since = time.monotonic()
        elif self._is_due():  # a bar, or a line that is not ended for long: shown as it is, ever more rarely
            lines += [(length + end, text) for end, text in split(rest, whole=True)[0]]
            length, unfinished = len(data), True
        return Seen([(begin + end, text) for end, text in lines], data[:length], begin + length, more, unfinished)

    def recorded(self, seen: Seen) -> None:
        """These lines are in the log."""
        self._printed.take(seen.data)
        if seen.unfinished:
            self._pause, self._unfinished_since = min(2 * self._pause, LONGEST_PAUSE), 0.0

    def drop(self) -> None:
        """Forget what was printed so far."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError, OSError, AttributeError):
                stream.flush()
        goal = self._printed.written()
        while self._printed.taken < goal:
            seen = self.look(whole=True)
            self.recorded(seen)
            if not seen.data:
                return

    def rest(self, placed: list[Placed] | None = None) -> list[LogLine]:
        """All that is left, in order with lines that the step logged; nothing more is recorded here."""
        goal, lines, placed = self._printed.written(), list[LogLine](), placed or []
        while True:
            seen = self.look(whole=True)
            now_due, placed = due(placed, seen)
            lines += in_order(now_due, seen)
            self.recorded(seen)
            if not seen.more or seen.end >= goal:
                return lines + [line for _, line in placed]

    def _is_due(self) -> bool:
        return bool(self._unfinished_since) and time.monotonic() > self._unfinished_since + self._pause


def split(data: bytes, *, whole: bool) -> tuple[list[tuple[int, str | LogLine]], int]:
    """The lines at the beginning of what was printed, each with its end, and how many bytes are done with."""
    if b"\x1b[A" in data:
        data = _BELOW.sub(lambda found: b"\r" * len(found[0]), data)
    lines: list[tuple[int, str | LogLine]] = []
    at, marked = 0, MARK in data
    while at < len(data) and len(lines) < MOST_LINES:
        found = data.find(b"\n", at)
        end = found + 1 or len(data)
        ended = whole or found >= 0
        if marked and found >= 0 and (mark := data.find(MARK, at, end)) >= 0:
            if mark == at and (logged := _logged(data[at:end])):
                lines.append((end, logged))
                at = end
                continue
            if b"\r" in data[at:mark]:  # a bar, which is drawn again below the line
                at = mark
                continue
            end = mark if mark > at else end
        begin = _newest(data, at, end)
        length = min(end - begin, LONGEST_LINE)
        if not ended and length < LONGEST_LINE:
            return lines, begin
        at = end if length == end - begin else _whole_character(data, begin + length)
        if text := _text(data[begin:at]):
            lines.append((at, text))
    return lines, at


def due(placed: list[Placed], seen: Seen) -> tuple[list[Placed], list[Placed]]:
    """Which of these lines stand among those that are seen, and which further on."""
    if not seen.more:
        return placed, []
    return [each for each in placed if each[0] <= seen.end], [each for each in placed if each[0] > seen.end]


def in_order(placed: list[Placed], seen: Seen) -> list[LogLine]:
    """Lines that the step logged and those that its process printed, as they were written."""
    mixed: list[str | LogLine] = []
    done = 0
    for place, logged in placed:
        before = bisect_right(seen.lines, place, lo=done, key=lambda each: each[0])
        mixed += [line for _, line in seen.lines[done:before]]
        mixed.append(logged)
        done = before
    mixed += [line for _, line in seen.lines[done:]]
    lines, at = list[LogLine](), now()
    for each in reversed(mixed):  # when something was printed is not known, only that it was before what follows
        lines.append((at, "info", each) if isinstance(each, str) else each)
        at = lines[-1][0]
    return lines[::-1]


def _logged(line: bytes) -> LogLine | None:
    """Read a marked line; None for one that the step did not log, but printed."""
    try:
        at, level, text = json.loads(line.removeprefix(MARK))
        return datetime.fromisoformat(at), str(level), text if isinstance(text, str) else Message.from_json(text)
    except (ValueError, TypeError):
        return None


def _newest(data: bytes, begin: int, end: int) -> int:
    """Where the newest state of a line begins that was drawn over and over."""
    last = end
    while last > begin and data[last - 1] in b"\r\n":
        last -= 1
    return max(begin, data.rfind(b"\r", begin, last) + 1)


def _whole_character(data: bytes, at: int) -> int:
    """The same place, or up to three bytes before it, so that no character of UTF-8 is cut."""
    for place in range(at, at - 4, -1):
        if data[place] & 0xC0 != 0x80:
            return place
    return at


def _text(line: bytes) -> str:
    if b"\x1b" in line:
        line = _ESCAPE.sub(b"", line)
    return sayable(line.decode(errors="backslashreplace")).rstrip()
