"""Results drawn by their kinds for a report, as HTML; whatever people or data wrote is escaped."""

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from jobs.language import numbers, phrase
from jobs.pipelines.results import is_result
from jobs.pipelines.shapes import MEDIA_TYPES
from jobs.verbs.report import svg

MOST_ROWS, MOST_COLUMNS, MOST_CLASSES = 20, 10, 12
LONGEST_CELL, LONGEST_TEXT = 200, 20_000
LARGEST_PICTURE, ALL_PICTURES = 4_000_000, 20_000_000

Value = Mapping[str, Any]
# The bytes of a file; its size where it is too large; None where there is none.
Files = Callable[[str], bytes | int | None]


class Album:
    """The pictures of a report, which together may take so many bytes."""

    def __init__(self) -> None:
        self._left = ALL_PICTURES

    def reading(self, read: Callable[[str, int], bytes | int | None]) -> Files:
        """Return how files are read as long as there is room; no larger one is."""

        def picture(name: str) -> bytes | int | None:
            content = read(name, min(LARGEST_PICTURE, self._left))
            self._left -= len(content) if isinstance(content, bytes) else 0
            return content

        return picture


def drawn(value: Value, title: str, files: Files) -> str:
    """A result as HTML; one that is not written as its kind must be is shown as JSON."""
    if not is_result(value):
        return ""
    try:
        return DRAWERS[value["kind"]](value, title, files)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return _json({"value": {name: each for name, each in value.items() if name != "kind"}}, title, files)


def is_wide(value: Value) -> bool:
    """Whether a result takes the whole width of the page."""
    return value.get("kind") not in ("curve", "confusion")


def table(
    columns: Sequence[Any], rows: Sequence[Sequence[Any]], *, most: int = MOST_ROWS, numeric: Sequence[int] = ()
) -> str:
    """Rows under column names; columns of numbers stand to the right."""
    shown = rows[:most]
    right = {place for place in range(len(columns)) if place in numeric or _is_numeric([row[place] for row in shown])}

    def cells(tag: str, row: Sequence[Any]) -> str:
        return "".join(
            f"<{tag}{' class=right' if place in right else ''}>{escape(cell(each))}</{tag}>"
            for place, each in enumerate(row[:MOST_COLUMNS])
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in shown)
    left = []
    if len(rows) > most:
        left.append(phrase("report_rows_cut", most=most, count=len(rows)))
    if len(columns) > MOST_COLUMNS:
        left.append(phrase("report_columns_cut", most=MOST_COLUMNS, count=len(columns)))
    cut = f'<p class="small">{escape(" ".join(left))}</p>' if left else ""
    return f"<table><thead><tr>{cells('th', columns)}</tr></thead><tbody>{body}</tbody></table>{cut}"


def cell(value: object) -> str:
    """A value as a cell shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return numbers.number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return numbers.count(value) if abs(value) >= 10_000 else str(value)  # a smaller one may be a year
    text = str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _is_numeric(values: Sequence[object]) -> bool:
    filled = [value for value in values if value is not None]
    return bool(filled) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in filled)


def _table(value: Value, _title: str, _files: Files) -> str:
    columns, rows = list(map(str, value["columns"])), value["rows"]
    if any(len(row) != len(columns) for row in rows):
        raise ValueError
    return table(columns, rows)


def _curve(value: Value, title: str, _files: Files) -> str:
    share, dots = bool(value.get("share") or value.get("diagonal")), bool(value.get("dots"))
    lines = [
        svg.Line(
            str(line.get("name") or ""),
            [(_number(x), _number(y)) for x, y in line["points"]],
            svg.PALETTE[number % len(svg.PALETTE)],
            dots=dots,
        )
        for number, line in enumerate(value["lines"])
    ]
    whole = (0.0, 1.0) if share else None
    across = svg.Axis(str(value.get("x") or ""), _in_percent if share else numbers.number, whole)
    up = svg.Axis(str(value.get("y") or ""), across.form, whole)
    named = list(lines)
    if value.get("diagonal"):
        lines.append(svg.Line("", [(0.0, 0.0), (1.0, 1.0)], svg.GREY, dashed=True))
    if dots and (points := [each for line in named for point in line.points for each in point]):
        ends = min(points), max(points)
        lines.append(svg.Line("", [(ends[0], ends[0]), (ends[1], ends[1])], svg.GREY, dashed=True))
    return svg.lines(lines, across, up, title) + svg.legend(named)


def _number(given: float | None) -> float:
    """A coordinate; None stands for a number that is not finite, and leaves a gap."""
    return math.nan if given is None else float(given)


def _in_percent(share: float) -> str:
    return numbers.percent(share, 0)


def _confusion(value: Value, _title: str, _files: Files) -> str:
    labels, counts = [str(label) for label in value["labels"]], value["counts"]
    if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
        raise ValueError
    shown = labels[:MOST_CLASSES]
    head = "".join(f"<th class=right>{escape(cell(label))}</th>" for label in shown)
    rows = []
    for label, row in zip(shown, counts, strict=False):
        total = max(sum(row), 1)
        fields = "".join(
            f'<td class="right" style="background:rgba(31,95,168,{0.6 * max(count, 0) / total:.2f})">'
            f"{numbers.count(count)}<br><small>{numbers.percent(count / total, 0)}</small></td>"
            for count in row[: len(shown)]
        )
        rows.append(f"<tr><th>{escape(cell(label))}</th>{fields}</tr>")
    note = phrase("report_confusion")
    if len(labels) > len(shown):
        note += " " + phrase("report_classes_cut", most=len(shown), count=len(labels))
    return (
        f"<table class=counts><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f'<p class="small">{escape(note)}</p>'
    )


def _importance(value: Value, title: str, _files: Files) -> str:
    values = [(str(name), float(size)) for name, size in value["values"]]
    spread = [float(each or 0) for each in value.get("spread") or []]
    drawn_ = svg.bars(values, spread, str(value.get("x") or phrase("report_importance")), title)
    if len(values) > svg.MOST_BARS:
        drawn_ += f'<p class="small">{escape(phrase("report_bars_cut", most=svg.MOST_BARS, count=len(values)))}</p>'
    return drawn_


def _text(value: Value, _title: str, _files: Files) -> str:
    """Markdown without raw HTML; pictures would be fetched from somewhere, so they stay text."""
    from markdown_it import MarkdownIt  # not before a report is asked for: it takes the app a megabyte

    text = str(value["text"])[:LONGEST_TEXT]
    return f'<div class="text">{MarkdownIt("js-default").disable("image").render(text)}</div>'


def _json(value: Value, _title: str, _files: Files) -> str:
    text = json.dumps(value["value"], ensure_ascii=False, indent=2, default=str)[:LONGEST_TEXT]
    return f"<pre>{escape(text)}</pre>"


def _picture(value: Value, title: str, files: Files) -> str:
    kind, content = value.get("media_type", MEDIA_TYPES[0]), files(str(value["artifact"]))
    if kind not in MEDIA_TYPES:
        raise ValueError
    if not isinstance(content, bytes):
        code = "report_picture_missing" if content is None else "report_picture_too_large"
        return f'<p class="small">{escape(phrase(code, name=str(value["artifact"]), size=content))}</p>'
    return f'<img alt="{escape(title)}" src="data:{kind};base64,{base64.b64encode(content).decode()}">'


DRAWERS: Mapping[str, Callable[[Value, str, Files], str]] = {
    "table": _table,
    "curve": _curve,
    "confusion": _confusion,
    "importance": _importance,
    "text": _text,
    "json": _json,
    "picture": _picture,
}
