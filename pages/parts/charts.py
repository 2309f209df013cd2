"""Figures: pure functions from rows to a Plotly figure, without Streamlit. The only place that knows Plotly."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from jobs.language import numbers
from jobs.pipelines import Measure
from pages.parts import colours
from pages.parts.colours import ACCENT, GREEN, ORANGE, PALETTE, QUIET, RED, SOFT
from pages.parts.values import Value
from store.metrics import Curves, Point
from store.steps import Minute

FAINT = "rgba(139, 151, 166, 0.25)"
# Opaque, so that the numbers on it can be read on a light and on a dark page.
PALEST, DEEPEST = "#dfe9f4", "#2a6cb5"
MOST_NUMBERED, MOST_SHARED = 12, 6
# Streamlit fills its theme in; Plotly's own would be most of what is sent of a small chart.
TEMPLATE = {"layout": {"colorway": PALETTE}}

MOST_POINTS = 600
LONGEST_LABEL, LONGEST_OF_MANY = 24, 13
HEIGHT = 240
LEFT: Mapping[str, object] = {"xanchor": "left", "x": 0}
RIGHT: Mapping[str, object] = {"xanchor": "right", "x": 0.97}
FEW_EPOCHS = 10
LEAST_SPAN = 0.1
# The first and the last epoch that are seen.
Zoom = tuple[int, int]
# A part of a figure, as Plotly spells it.
Layout = dict[str, object]


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most so many points of a curve; of every stretch the lowest and the highest stay, so no peak is lost."""
    if len(points) <= most:
        return list(points)
    import numpy as np  # with the first long curve, and not while nobody looks

    values = np.array([point.value for point in points])
    stretches = max(most // 2 - 1, 1)
    edges = [number * len(points) // stretches for number in range(stretches + 1)]
    indices = {0, len(points) - 1}
    for start, end in pairwise(edges):
        stretch = values[start:end]
        indices |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return [points[place] for place in sorted(indices)]


def measures(curves: Curves, main: Sequence[str] = ()) -> list[str]:
    """What was measured, without the train_ and val_ of the names: the main ones first, then by name."""
    names = dict.fromkeys(measured(name) for name in curves)
    return sorted(names, key=lambda name: (list(main).index(name) if name in main else len(main), name))


def measured(curve: str) -> str:
    """What a curve measures: val_accuracy and train_accuracy are both accuracy."""
    return curve.removeprefix("train_").removeprefix("val_")


class Finished(go.Figure):  # type: ignore[misc]
    """A figure that many look at and nobody changes: prepared for sending once, which takes longer than to send it."""

    def to_dict(self) -> dict[str, Any]:
        if not hasattr(self, "_prepared"):
            self._prepared: dict[str, Any] = super().to_dict()
        return self._prepared


def learning(
    curves: Curves, measure: Measure, epochs: int | None = None, best: int | None = None, zoom: Zoom | None = None
) -> Finished:
    """One measure over the epochs, training against validation; of the `epochs` to come there is room for some."""
    traces = []
    for name, label, colour, width in (
        (f"train_{measure.name}", "Training", SOFT, 1.5),
        (f"val_{measure.name}", "Validation", ACCENT, 2.5),
        (measure.name, measure.shown, ACCENT, 2.5),
    ):
        if points := _within(curves.get(name) or [], zoom):
            traces.append(_line(thin(points), label, colour, width, measure.share))
    if best is not None and (point := _at(curves.get(f"val_{measure.name}") or [], best)):
        traces.append(_dot(point, measure.share))
    last = max((points[-1].epoch for points in curves.values() if points), default=0)
    end = _horizon(last, epochs) if epochs else last
    across: Layout = {
        "title": {"text": "Epoch", "font": {"color": QUIET}},
        "tickformat": ",d",
        "dtick": 1 if end <= FEW_EPOCHS else None,
        "range": [1 - end / 50, end * 1.02] if epochs else None,
    }
    if zoom:
        room = (zoom[1] - zoom[0]) / 50
        across |= {"range": [zoom[0] - room, zoom[1] + room], "dtick": 1 if zoom[1] - zoom[0] <= FEW_EPOCHS else None}
    seen = {name: _within(points, zoom) for name, points in curves.items()}
    up: Layout = {"ticksuffix": " %", "range": _span(seen, measure.name)} if measure.share else {}
    # All at once: every later change of a figure takes Plotly a millisecond.
    return Finished(traces, layout(f"learning-{measure.name}", measure.shown, HEIGHT, across, up))


def without_drag(figure: go.Figure) -> go.Figure:
    """The figure, for a finger: swiping over it scrolls the page."""
    still = go.Figure(figure)
    still.update_layout(dragmode=False)
    return still


def warm_up() -> None:
    """Make a chart that is not shown: the first one of a process loads most of Plotly, which takes a second or more."""
    learning({}, Measure("a")).add_scatter(line={"width": 1}).to_json()


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> go.Figure:
    """The actual class against the predicted one; the shade is the share of the row."""
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    short = shortened(labels, LONGEST_LABEL if len(labels) <= MOST_SHARED else LONGEST_OF_MANY)
    hover = [
        [
            f"actual {safe(labels[i])}, predicted {safe(labels[j])}: "
            f"{numbers.count(counts[i][j])} rows, {numbers.percent(shares[i][j])}"
            for j in range(len(labels))
        ]
        for i in range(len(labels))
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=short,
            y=short,
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale=((0.0, PALEST), (1.0, DEEPEST)),
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
        )
    )
    if len(labels) <= MOST_NUMBERED:
        figure.update_layout(annotations=_numbers(short, counts, shares))
    _lay_out(figure, "confusion", "", height=min(max(48 * len(labels) + 120, HEIGHT), 620))
    figure.update_xaxes(title_text="Predicted", showgrid=False, type="category", side="bottom")
    figure.update_yaxes(title_text="Actual", showgrid=False, type="category", autorange="reversed", ticksuffix=" ")
    return figure


def _numbers(labels: Sequence[str], counts: Sequence[Sequence[int]], shares: list[list[float]]) -> list[Layout]:
    """The number in each field, and its share where there is room."""
    roomy = len(labels) <= MOST_SHARED
    return [
        {
            "x": across,
            "y": down,
            "showarrow": False,
            "font": {"color": colours.readable_on(colours.between(PALEST, DEEPEST, share))},
            "text": f"{numbers.count(count)}<br>{numbers.percent(share, 0)}" if roomy else numbers.count(count),
        }
        for down, row, row_shares in zip(labels, counts, shares, strict=True)
        for across, count, share in zip(labels, row, row_shares, strict=True)
    ]


def curve(value: Value) -> go.Figure:
    """Lines over a common axis; with `diagonal` the line of pure chance is there to compare with. With `dots` each
    point stands for itself, and a dotted line shows where both axes agree."""
    share, dots = bool(value.get("share") or value.get("diagonal")), bool(value.get("dots"))
    figure = go.Figure()
    for number, line in enumerate(value["lines"]):
        draw_line = _dots if dots else _curve_line
        figure.add_trace(draw_line(line, PALETTE[number % len(PALETTE)], share))
    places = [place for line in value["lines"] for point in line["points"] for place in point] if dots else []
    ends = [min(places), max(places)] if places else [0, 100]
    if places or value.get("diagonal"):
        dotted = {"color": SOFT, "width": 1, "dash": "dot"}
        figure.add_trace(go.Scatter(x=ends, y=ends, mode="lines", line=dotted, hoverinfo="skip", showlegend=False))
    _lay_out(figure, "curve", "", height=360)
    across: Layout = {"range": [-1, 101], "ticksuffix": " %", "dtick": 20} if share else {}
    up: Layout = {"range": [-1, 103], "ticksuffix": " %", "dtick": 20} if share else {}
    figure.update_xaxes(title_text=safe(str(value.get("x") or "")), showgrid=True, **across)
    figure.update_yaxes(title_text=safe(str(value.get("y") or "")), **up)
    figure.update_layout(
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0}, showlegend=len(value["lines"]) > dots
    )
    return figure


def _curve_line(line: Value, colour: str, share: bool) -> go.Scatter:
    name = safe(str(line.get("name") or "")[: LONGEST_LABEL * 2])
    places = "%{x:.1f} %, %{y:.1f} %" if share else "%{x:.4g}, %{y:.4g}"
    scale = 100 if share else 1
    return go.Scatter(
        x=[None if point[0] is None else scale * point[0] for point in line["points"]],
        y=[None if point[1] is None else scale * point[1] for point in line["points"]],
        mode="lines" if len(line["points"]) > 1 else "markers",
        name=name,
        line={"color": colour, "width": 2},
        hovertemplate=f"{name}: {places}<extra></extra>",
    )


def _dots(line: Value, colour: str, share: bool) -> go.Scattergl:
    """A line as points, of which there can be thousands."""
    drawn = _curve_line(line, colour, share)
    return go.Scattergl(
        x=drawn.x,
        y=drawn.y,
        mode="markers",
        name=drawn.name,
        marker={"color": colour, "size": 5, "opacity": 0.45},
        hovertemplate=drawn.hovertemplate,
    )


def importance(
    values: Sequence[tuple[str, float]], spread: Sequence[float] | None = None, axis: str = "Importance", most: int = 15
) -> go.Figure:
    """How much each named thing matters, the most important one on top."""
    names, sizes = [str(row[0]) for row in values[:most]], [row[1] for row in values[:most]]
    figure = go.Figure(
        go.Bar(
            x=sizes,
            y=shortened(names),
            orientation="h",
            error_x={"type": "data", "array": list(spread or [0] * len(sizes))[:most], "color": SOFT}
            | {"thickness": 1.5, "width": 3},
            marker={"color": ACCENT, "cornerradius": 3},
            customdata=[safe(name) for name in names],
            hovertemplate="%{customdata}: %{x:.3g}<extra></extra>",
        )
    )
    _lay_out(figure, "importance", "", height=max(26 * len(sizes) + 70, 140))
    figure.update_layout(bargap=0.35)
    figure.update_xaxes(title_text=safe(axis), showgrid=True, zeroline=True, zerolinecolor=FAINT)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticksuffix=" ")
    return figure


def given(figure: Mapping[str, object]) -> go.Figure:
    """A figure that somebody else made, without pictures from elsewhere; ValueError where it is none."""
    return go.Figure(figure).update_layout(images=[])


def histogram(counts: Sequence[int], edges: Sequence[float]) -> go.Figure:
    """How many values lie between each edge and the next."""
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    bars = go.Bar(x=middles, y=list(counts), marker={"color": ACCENT}, hovertemplate="%{x:.4g}: %{y:,d}<extra></extra>")
    figure = go.Figure(bars)
    _lay_out(figure, "histogram", "", height=180)
    return figure.update_layout(bargap=0.05)


def shortened(labels: Sequence[str], longest: int = LONGEST_LABEL) -> list[str]:
    """Labels short enough for an axis, and still different from each other."""
    unique: list[str] = []
    for label in map(str, labels):
        short = label if len(label) <= longest else label[: longest - 1] + "…"
        same = sum(1 for before in unique if before.rstrip("\u200b") == safe(short))
        unique.append(safe(short) + "\u200b" * same)
    return unique


def _horizon(last: int, epochs: int) -> int:
    """How far the axis of a running step reaches: it doubles when it is full, so that it does not move all the time."""
    end = FEW_EPOCHS
    while end <= last:
        end *= 2
    return min(end, epochs)


def _within(points: Sequence[Point], zoom: Zoom | None) -> Sequence[Point]:
    """The points that are seen, and the one before and after; once they are all there, the figure stays the same."""
    if not zoom or not points:
        return points
    low, high = zoom
    first = max(bisect_left(points, low, key=_epoch) - 1, 0)
    return points[first : bisect_right(points, high, key=_epoch) + 1]


def _span(curves: Mapping[str, Sequence[Point]], measure: str) -> list[float] | None:
    """A range in percent of at least ten points, so that noise does not look like progress."""
    names = (measure, f"train_{measure}", f"val_{measure}")
    values = [point.value for name in names for point in curves.get(name) or []]
    if not values:
        return None
    low, high = min(values), max(values)
    room = max((LEAST_SPAN - (high - low)) / 2, 0.05 * (high - low))
    top = min(high + room, 1.005)
    return [100 * max(min(low - room, top - LEAST_SPAN), -0.005), 100 * top]


def _line(points: Sequence[Point], label: str, colour: str, width: float, is_share: bool) -> go.Scatter:
    import numpy as np

    epochs, values = ([point[part] for point in points] for part in (0, 1))
    return go.Scatter(
        # Arrays are checked and sent as a whole, lists number by number.
        x=np.array(epochs, "int32"),
        y=np.array(values, "float64") * (100 if is_share else 1),
        name=label,
        mode="lines" if len(points) > 1 else "markers",
        line={"color": colour, "width": width},
        marker={"color": colour},
        hovertemplate=f"%{{y:{'.1f} %' if is_share else '.4g}'}<extra>{label}</extra>",
    )


def _dot(point: Point, is_share: bool) -> go.Scatter:
    return go.Scatter(
        x=[point.epoch],
        y=[point.value * (100 if is_share else 1)],
        mode="markers",
        name="Best epoch",
        marker={"color": ACCENT, "size": 10, "line": {"color": "white", "width": 2}},
        hovertemplate=f"best, epoch %{{x:,d}}: %{{y:{'.1f} %' if is_share else '.4g}'}<extra></extra>",
        showlegend=False,
    )


def _lay_out(figure: go.Figure, revision: str, title: str, height: int = HEIGHT) -> None:
    figure.update_layout(layout(revision, title, height, {}, {}))


def layout(revision: str, title: str, height: int, across: Layout, up: Layout) -> Layout:
    """Quiet and steady: the same revision keeps what the reader has zoomed to."""
    quiet: Layout = {"tickfont": {"color": QUIET}, "title": {"font": {"color": QUIET}}}
    return {
        "height": height,
        "uirevision": revision,
        "template": TEMPLATE,
        "title": {"text": title, "font": {"size": 14}, "x": 0, "xref": "paper"},
        # Above the plot is room for the button that saves it; the background is the page's, as a picture needs one.
        "margin": {"l": 8, "r": 8, "t": 46 if title else 28, "b": 8},
        "hovermode": "x unified" if title else "closest",
        # Where a finger points, the button that saves a chart is always there, at the right.
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, **(RIGHT if title else LEFT)},
        "xaxis": {**quiet, "showgrid": False, "zeroline": False, "automargin": True, **across},
        "yaxis": {**quiet, "gridcolor": FAINT, "zeroline": False, "automargin": True, **up},
    }


def _at(points: Sequence[Point], epoch: int) -> Point | None:
    return next((point for point in points if point.epoch == epoch), None)


def _epoch(point: Point) -> int:
    return point.epoch


def safe(text: str) -> str:
    """Plotly reads a few tags, and %{names}, in its texts; a user's text must show unchanged."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "%\u200b{")


FEW = 5  # with more, longer names would leave no room for the curves
# How a curve is drawn over one or more equal ones, so that all can be seen.
EQUAL = ("10px,10px", "3px,17px")


def comparison(curves: Mapping[int, Sequence[Point]], names: Mapping[int, str], measure: Measure) -> go.Figure:
    """The same curve of several workflows, one above the other."""
    figure = go.Figure()
    colour = colours.of(list(names))
    drawn: list[Sequence[Point]] = []
    longest = LONGEST_LABEL * 2 if len(names) <= FEW else LONGEST_LABEL
    for workflow_id, name in names.items():
        if points := curves.get(workflow_id):
            label = safe(f"#{workflow_id} {name[:longest]}".strip())
            figure.add_trace(_line(thin(points), label, colour[workflow_id], 2.2, measure.share))
            if same := drawn.count(points):
                figure.data[-1].line.dash = EQUAL[min(same, len(EQUAL)) - 1]
            drawn.append(points)
    _lay_out(figure, f"comparison-{measure.name}", "", height=380)
    figure.update_layout(
        hovermode="x unified",
        showlegend=True,
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "xanchor": "left", "x": 0},
    )
    figure.update_xaxes(title_text="Epoch", tickformat=",d")
    if measure.share:
        figure.update_yaxes(ticksuffix=" %")
    return figure


def queue_depth(minutes: Sequence[Minute], zone: ZoneInfo | None) -> go.Figure:
    """How many steps waited and ran, minute by minute."""
    figure = go.Figure()
    times = _clock(minutes, zone)
    for name, values, colour in (
        ("Running", [minute.running for minute in minutes], ACCENT),
        ("Waiting", [minute.waiting for minute in minutes], SOFT),
    ):
        figure.add_trace(
            go.Scatter(
                x=times,
                y=values,
                name=name,
                mode="lines",
                stackgroup="depth",
                line={"color": colour, "width": 1.5, "shape": "hv"},
                hovertemplate="%{y:,d}<extra>" + name + "</extra>",
            )
        )
    top = max((minute.waiting + minute.running for minute in minutes), default=0)
    _lay_minutes(figure, "queue-depth", zone, top)
    return figure


def queue_throughput(minutes: Sequence[Minute], zone: ZoneInfo | None) -> go.Figure:
    """How many steps ended, minute by minute; cancelled ones only where there are some."""
    figure = go.Figure()
    times = _clock(minutes, zone)
    cancelled = [minute.cancelled for minute in minutes]
    for name, values, colour in (
        ("Completed", [minute.finished for minute in minutes], GREEN),
        ("Failed", [minute.failed for minute in minutes], RED),
        *([("Cancelled", cancelled, ORANGE)] if any(cancelled) else []),
    ):
        figure.add_trace(
            go.Bar(
                x=times,
                y=values,
                name=name,
                marker={"color": colour},
                hovertemplate="%{y:,d}<extra>" + name + "</extra>",
            )
        )
    figure.update_layout(barmode="stack", bargap=0.2)
    top = max((minute.finished + minute.failed + minute.cancelled for minute in minutes), default=0)
    _lay_minutes(figure, "queue-throughput", zone, top)
    return figure


def _clock(minutes: Sequence[Minute], zone: ZoneInfo | None) -> list[datetime]:
    """When the minutes were, by the clock there, or by UTC."""
    return [minute.at.astimezone(zone or UTC).replace(tzinfo=None) for minute in minutes]


def _lay_minutes(figure: go.Figure, revision: str, zone: ZoneInfo | None, top: float) -> None:
    _lay_out(figure, revision, "", height=200)
    figure.update_layout(hovermode="x unified")
    time_format = "%H:%M" if zone else "%H:%M UTC"
    figure.update_xaxes(tickformat=time_format, hoverformat=time_format)
    figure.update_yaxes(range=[0, max(top * 1.1, 4)], tickformat=",d", nticks=4)
