"""Drawing in a terminal: text that cannot steer it, tables, a bar."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200
COLOURS = {
    "completed": "green",
    "running": "blue",
    "failed": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
    "ok": "green",
    "problem": "red",
    "note": "yellow",
    "waiting": "magenta",
    "error": "red",
    "warning": "yellow",
}


@lru_cache(maxsize=1)
def console() -> Console:
    """The terminal, or the pipe, that the answer goes to; a pipe gets long lines rather than broken ones."""
    made = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    return (
        made
        if made.is_terminal
        else Console(highlight=False, markup=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
    )


def say(text: str | Text) -> None:
    console().print(Text(clean(text)) if isinstance(text, str) else text)


def clean(text: str) -> str:
    """Return the text without characters that could control the terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(sign) else sign for sign in text)


def _steers(sign: str) -> bool:
    return sign not in "\t\n" and unicodedata.category(sign) in ("Cc", "Cf", "Cs")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns side by side; a cell that is a status has its colour."""
    drawn = Table(*heads, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        drawn.add_row(*(Text(clean(words(cell)), COLOURS.get(str(cell), "")) for cell in row))
    console().print(drawn, soft_wrap=False)


def words(value: object) -> str:
    """A value for people: numbers with sensible digits, nothing for nothing."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def seconds(value: float | None) -> str:
    """How long something took, for people."""
    if value is None:
        return ""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"


@contextmanager
def moving(draw: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console(), disable=not draw or not console().is_terminal) as bar:
        task = bar.add_task("")
        yield lambda words, done, total: bar.update(task, description=words, completed=done, total=total or 1)
