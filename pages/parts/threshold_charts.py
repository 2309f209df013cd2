"""Figures of a threshold: what is found and what it gains, wherever it stands. Drawn with the lines of `charts`."""

from typing import Any

from jobs.pipelines.thresholds import Costs, Thresholds
from pages.parts import charts
from pages.parts.colours import SOFT

HEIGHT = 260
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.0, **charts.LEFT}


def rates(known: Thresholds, value: float) -> Any:
    """How large a share of the rows is found, and of the others a false alarm, at each threshold."""
    places, share = known.places(), known.of == "chance"
    wanted, others = max(known.reported_on.wanted, 1), max(known.reported_on.others, 1)
    # Shares are drawn in percent on both axes; where the threshold is a score, only upwards.
    up = 1 if share else 100
    lines = [
        {"name": "Found", "points": [[place.value, up * place.found / wanted] for place in places]},
        {"name": "False alarms", "points": [[place.value, up * place.alarms / others] for place in places]},
    ]
    figure = charts.curve({"lines": lines, "share": share, "x": _across(known)})
    if not share:
        figure.update_yaxes(range=[-1, 103], ticksuffix=" %", dtick=20)
    return _marked(figure, known, value)


def gains(known: Thresholds, costs: Costs, value: float) -> Any:
    """What is gained less what false alarms cost, at each threshold; and what it would be if all rows were like those
    that choose, whose peak is the best place."""
    scale = _scale(known)
    lines = [{"name": "Gain less costs", "points": [[scale * each.value, each.gain(costs)] for each in known.places()]}]
    if known.chosen_on.part != known.reported_on.part:
        chosen = [known.chosen_at(value) for value in known.values]
        size = known.places()[0].rows / max(chosen[0].rows, 1)
        points = [[scale * place.value, size * place.gain(costs)] for place in chosen]
        lines.append({"name": f"As the {known.chosen_on.part} rows, which choose", "points": points})
    figure = charts.curve({"lines": lines, "x": _across(known)})
    if known.of == "chance":
        figure.update_xaxes(range=[-1, 101], ticksuffix=" %", dtick=20)
    return _marked(figure, known, value)


def _marked(figure: Any, known: Thresholds, value: float) -> Any:
    figure.add_vline(x=_scale(known) * value, line={"color": SOFT, "width": 1.5, "dash": "dot"})
    figure.update_layout(height=HEIGHT, legend=LEGEND)
    return figure


def _across(known: Thresholds) -> str:
    return "Threshold" if known.of == "chance" else "Threshold (score)"


def _scale(known: Thresholds) -> int:
    return 100 if known.of == "chance" else 1
