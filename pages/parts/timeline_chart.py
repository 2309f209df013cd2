"""The figure of a timeline: a row a step or fold, a bar a stretch of time. Without Streamlit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from pages.parts import charts
from pages.parts.colours import ACCENT, GREEN, ORANGE, RED, SOFT
from pages.parts.workflow import timeline
from pages.parts.workflow.timeline import Bar

COLOURS = {
    timeline.WAITED: charts.FAINT,
    timeline.RAN: GREEN,
    timeline.RUNNING: ACCENT,
    timeline.FAILED: RED,
    timeline.CANCELLED: ORANGE,
    timeline.REUSED: SOFT,
}
NAMES = {
    timeline.WAITED: "Waited",
    timeline.RAN: "Completed",
    timeline.RUNNING: "Running",
    timeline.FAILED: "Failed",
    timeline.CANCELLED: "Cancelled",
    timeline.REUSED: "Reused",
}
ROW, AROUND, LEAST = 26, 90, 160
# A bar that took no time is still seen: this share of the whole.
THINNEST = 1 / 400


def figure(bars: Sequence[Bar], rows: Sequence[str], zone: ZoneInfo | None, at: datetime) -> go.Figure:
    """The bars, the first row on top; times are on the viewer's clock."""
    begin = min(bar.begin for bar in bars)
    end = max(max(bar.end for bar in bars), at if any(bar.kind == timeline.RUNNING for bar in bars) else begin)
    whole = max((end - begin).total_seconds() * 1000, 1.0)
    labels = dict(zip(rows, charts.shortened(rows), strict=True))
    traces = []
    for kind in timeline.KINDS:
        mine = [bar for bar in bars if bar.kind == kind]
        if not mine:
            continue
        traces.append(
            go.Bar(
                orientation="h",
                name=NAMES[kind],
                y=[labels[bar.row] for bar in mine],
                base=[_clock(bar.begin, zone) for bar in mine],
                x=[max((bar.end - bar.begin).total_seconds() * 1000, whole * THINNEST) for bar in mine],
                marker={"color": COLOURS[kind], "cornerradius": 3, "line": {"width": 0}},
                customdata=[f"{charts.safe(bar.row)}: {charts.safe(bar.about)}" for bar in mine],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    room = whole / 50
    across: charts.Layout = {
        "type": "date",
        "range": [_clock(begin, zone, -room), _clock(begin, zone, whole + room)],
        "showgrid": True,
        "gridcolor": charts.FAINT,
        "title": {"text": "" if zone else "UTC"},
    }
    up: charts.Layout = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(labels.values())[::-1],
        "range": [-0.6, len(rows) - 0.4],
        "showgrid": False,
    }
    height = max(ROW * len(rows) + AROUND, LEAST)
    layout = charts.layout("timeline", "", height, across, up) | {
        "barmode": "overlay",
        "bargap": 0.3,
        "showlegend": True,
    }
    return go.Figure(traces, layout)


def _clock(time: datetime, zone: ZoneInfo | None, later: float = 0.0) -> str:
    """A time by the clock there, or by UTC, so many milliseconds later."""
    there = time.timestamp() + later / 1000
    return datetime.fromtimestamp(there, zone or UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
