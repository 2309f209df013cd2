"""Charts as SVG for paper: a few lines over common axes, and bars. Texts in them are escaped here."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from jobs.language import numbers

PALETTE = ("#1f5fa8", "#b7651b", "#1c7c4a", "#7a4fb5", "#b3372f", "#1d7d8a", "#8d6d1a", "#a04585")
GREY, FAINT, TEXT = "#66717f", "#d8dee6", "#1b2430"
WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 10, 44
MOST_POINTS = 300
MOST_DOTS = 600
LONGEST = 28
MOST_BARS = 15
BAR, NAMES = 20, 150

Point = tuple[float, float]
Form = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or dots; dashed ones are there to compare with."""

    name: str
    points: Sequence[Point]
    colour: str
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows, how its numbers are written, and from where to where it reaches, unless as the points do."""

    label: str = ""
    form: Form = numbers.number
    span: tuple[float, float] | None = None


def lines(given: Sequence[Line], across: Axis, up: Axis, alt: str) -> str:
    """Lines over common axes."""
    drawn = [line for line in given if line.points]
    points = [point for line in drawn for point in line.points if all(map(math.isfinite, point))]
    if not points:
        return ""
    low_x, high_x = across.span or _span([point[0] for point in points])
    low_y, high_y = up.span or _span([point[1] for point in points])

    def place(point: Point) -> tuple[float, float]:
        x = LEFT + (point[0] - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (point[1] - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    parts = []
    for tick in ticks(low_y, high_y):
        _, y = place((low_x, tick))
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{FAINT}"/>')
        parts.append(_text(LEFT - 6, y + 3.5, up.form(tick), "end"))
    for tick in ticks(low_x, high_x):
        x, _ = place((tick, low_y))
        parts.append(_text(x, HEIGHT - BOTTOM + 15, across.form(tick), "middle"))
    parts += [_line(line, place) for line in drawn]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 32, across.label, "middle"))
    if up.label:
        middle = (TOP + HEIGHT - BOTTOM) / 2
        parts.append(f'<g transform="rotate(-90 11 {middle})">{_text(11, middle, up.label, "middle")}</g>')
    return _svg(WIDTH, HEIGHT, parts, alt)


def legend(given: Sequence[Line]) -> str:
    """The names of lines in their colours, as HTML; none where there is one line."""
    named = [line for line in given if line.name and line.points and not line.dashed]
    if len(named) < 2 and not (named and not named[0].dots):
        return ""
    marks = (
        f'<span class="name"><svg width="14" height="8" aria-hidden="true"><path d="M0 4H14" stroke="{line.colour}" '
        f'stroke-width="2.5"/></svg>{escape(line.name[: 2 * LONGEST])}</span>'
        for line in named
    )
    return f'<p class="legend">{"".join(marks)}</p>'


def bars(values: Sequence[tuple[str, float]], spread: Sequence[float], label: str, alt: str) -> str:
    """One bar a name, the first on top; a thin line says how uncertain it is."""
    shown = list(values)[:MOST_BARS]
    if not shown:
        return ""
    around = [*spread[: len(shown)], *[0.0] * (len(shown) - len(spread))]
    low = min(0.0, *(value - around[place] for place, (_, value) in enumerate(shown)))
    high = max(0.0, *(value + around[place] for place, (_, value) in enumerate(shown)))
    high = high if high > low else low + 1
    width, height = 2 * WIDTH, BAR * len(shown) + 40

    def place_of(value: float) -> float:
        return round(NAMES + (value - low) / (high - low) * (width - NAMES - 60), 1)

    parts, zero = [], place_of(0)
    for row, (name, value) in enumerate(shown):
        y, end = row * BAR + 4, place_of(value)
        left, length = min(zero, end), max(abs(end - zero), 0.5)
        parts.append(_text(NAMES - 8, y + 11, _short(name), "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{BAR - 6}" fill="{PALETTE[0]}" rx="2"/>')
        furthest = end
        if around[row]:
            begin, furthest = place_of(value - around[row]), place_of(value + around[row])
            parts.append(f'<path d="M{begin} {y + 7}H{furthest}" stroke="{GREY}" stroke-width="1.5"/>')
        parts.append(_text(max(furthest, end, zero) + 6, y + 11, numbers.number(float(f"{value:.3g}")), "start"))
    parts.append(f'<path d="M{zero} 0V{BAR * len(shown) + 2}" stroke="{GREY}"/>')
    parts.append(_text((NAMES + width) / 2, height - 12, label, "middle"))
    return _svg(width, height, parts, alt)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, at most so many."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _line(line: Line, place: Callable[[Point], tuple[float, float]]) -> str:
    points = [point for point in line.points if all(map(math.isfinite, point))]
    if line.dots or len(points) == 1:
        dots = (place(point) for point in _thin(points, MOST_DOTS))
        return "".join(f'<circle cx="{x}" cy="{y}" r="2" fill="{line.colour}" fill-opacity=".5"/>' for x, y in dots)
    drawn = (_thin(stretch, MOST_POINTS) for stretch in _stretches(line.points))
    path = "M".join("L".join(f"{x} {y}" for x, y in map(place, each)) for each in drawn)
    dashed = ' stroke-dasharray="3 3" stroke-width="1"' if line.dashed else ' stroke-width="2"'
    return f'<path d="M{path}" fill="none" stroke="{line.colour}"{dashed} stroke-linejoin="round"/>'


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """The stretches of a line between its gaps, which are points that are not finite."""
    grouped = itertools.groupby(points, key=lambda point: all(map(math.isfinite, point)))
    return [list(stretch) for whole, stretch in grouped if whole]


def _thin(points: Sequence[Point], most: int) -> list[Point]:
    """So many of the points at most, the first and the last among them; of each stretch the lowest or the highest."""
    if len(points) <= most:
        return list(points)
    size = len(points) / (most // 2)
    kept: list[Point] = [points[0]]
    for number in range(most // 2):
        stretch = points[int(number * size) : int((number + 1) * size)] or [points[-1]]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept += sorted(ends, key=stretch.index)
    return [*kept, points[-1]]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str], alt: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(alt)}" '
        f'font-size="11" fill="{TEXT}">{"".join(parts)}</svg>'
    )
