"""What a benchmark found: figures with their targets, as a table for people and as JSON for the next program."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
for folder in (ROOT / "tests", ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `beside` is what it was compared with in the same run, in words."""

    what: str
    value: float
    unit: str = "x"
    target: float | None = None
    at_least: bool = False
    beside: str = ""
    # Figures that mean the same on every machine, as ratios do, are watched by the guard.
    guarded: bool = False
    # The guard holds these to their target: what they were when recorded may be next to nothing.
    held_to_target: bool = False

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of how a cost grows: lines by name, each with its points."""

    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Found:
    figures: list[Figure] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)


def table(figures: list[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| What | Measured | Target | Beside it, in the same run |", "| --- | --- | --- | --- |"]
    for figure in figures:
        lines.append(f"| {figure.what} | {_number(figure.value)} {figure.unit} | {_aim(figure)} | {figure.beside} |")
    return "\n".join(lines)


def _aim(figure: Figure) -> str:
    if figure.target is None:
        return ""
    words = f"{'at least' if figure.at_least else 'at most'} {_number(figure.target)}"
    return words if figure.met else f"{words}, **missed**"


def run(measure: Callable[[bool], Found], about: str | None) -> None:
    """The command line of one benchmark: `--short` for a quick look, `--json FILE` to keep what was found."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer repetitions and smaller data")
    parser.add_argument("--json", type=Path, help="also write what was found to this file")
    chosen = parser.parse_args()
    found = measure(chosen.short)
    print(table(found.figures))
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(found)))


@contextmanager
def home(**settings: str) -> Iterator[Path]:
    """A home of one's own, with settings, that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="trainyard-bench-") as folder:
        os.environ.update(TRAINYARD_HOME=folder, PYTHONPATH=os.pathsep.join(sys.path[:2]), **settings)
        from jobs.engine import queue
        from store import actors, db
        from store.settings import settings as known

        db.close()  # of a home before
        queue.connection.cache_clear()
        known.cache_clear()

        actors.recognise_by(actors.operator)  # a bench is a command on this machine, in all its threads
        yield Path(folder)


def middle(values: list[float], share: float = 0.5) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
