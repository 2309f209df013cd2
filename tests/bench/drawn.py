"""Drawings for the documentation, as SVG that reads on light and dark pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW = 840, 270, 30, 84, 26
# Blue, orange and grey that people with any kind of sight tell apart, each with a form of its own.
COLOURS = ("#1f77b4", "#d95f02", "#6b7280")
INK, GRID, PAPER = "#1f2937", "#e5e7eb", "#ffffff"


@dataclass(frozen=True, slots=True)
class Line:
    """What is said at the left, and the values by what they are; all lines have the same ones."""

    label: str
    values: Mapping[str, float]


def dots(title: str, lines: Sequence[Line]) -> str:
    """Lines of dots over one scale from 0, or less, to 1."""
    low = min(0.0, *(value for line in lines for value in line.values.values()))
    height = TOP + ROW * len(lines) + 40
    bottom = TOP + ROW * len(lines)

    def x(value: float) -> float:
        return round(LEFT + (value - low) / (1 - low) * (WIDTH - LEFT - RIGHT), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        f'<text x="16" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
    ]
    for number, name in enumerate(lines[0].values):
        parts.append(_mark(number, 24 + 210 * number, 50))
        parts.append(f'<text x="{36 + 210 * number}" y="54">{escape(name)}</text>')
    for tenth in range(0, 11, 2):
        at = x(tenth / 10)
        parts.append(f'<line x1="{at}" y1="{TOP - 8}" x2="{at}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(f'<text x="{at}" y="{bottom + 22}" text-anchor="middle">{tenth / 10:g}</text>')
    for row, line in enumerate(lines):
        y = TOP + ROW * row + ROW / 2
        parts.append(f'<text x="{LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(line.label)}</text>')
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{GRID}"/>')
        # The first on top: where all are equal, that one is seen.
        marks = [_mark(number, x(value), y) for number, value in enumerate(line.values.values())]
        parts += reversed(marks)
    return "\n".join([*parts, "</svg>", ""])


def _mark(number: int, x: float, y: float) -> str:
    colour = COLOURS[number]
    if number == 0:
        return f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>'
    if number == 1:
        return f'<circle cx="{x}" cy="{y}" r="6.5" fill="none" stroke="{colour}" stroke-width="2"/>'
    return f'<line x1="{x}" y1="{y - 9}" x2="{x}" y2="{y + 9}" stroke="{colour}" stroke-width="2.5"/>'
