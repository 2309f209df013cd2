"""Figures are pure functions from rows; what they show must be true to the rows."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs.pipelines import Measure
from jobs.tabular import told
from pages.parts import charts, colours
from pages.parts.workflow import curves
from store.metrics import Point
from store.steps import Minute

ACCURACY, LOSS = Measure("accuracy", "Accuracy", share=True, main=True), Measure("loss", better="low")
CURVES = {
    "val_loss": [Point(1, 0.9), Point(2, 0.5)],
    "val_accuracy": [Point(1, 0.6), Point(2, 0.8)],
    "train_accuracy": [Point(1, 0.7), Point(2, 0.9)],
    "grip": [Point(1, 3.0)],
}


def test_every_measure_is_shown_once_with_the_main_one_first():
    """Training and validation share a chart, and accuracy comes before loss."""
    assert charts.measures(CURVES, ["accuracy"]) == ["accuracy", "grip", "loss"]


def test_learning_shows_training_and_validation():
    """Both curves are in the figure, training soft and validation in the accent colour."""
    figure = charts.learning(CURVES, ACCURACY)
    assert [(trace.name, list(trace.y), trace.line.color) for trace in figure.data] == [
        ("Training", [70.0, 90.0], charts.SOFT),
        ("Validation", [60.0, 80.0], charts.ACCENT),
    ]


def test_zoom_survives_a_refresh():
    """A figure of the same measure says that it is the same picture, whatever came in meanwhile."""
    before = charts.learning({"val_loss": CURVES["val_loss"][:1]}, LOSS, epochs=50)
    assert before.layout.uirevision == charts.learning(CURVES, LOSS).layout.uirevision
    assert before.layout.uirevision != charts.learning(CURVES, ACCURACY).layout.uirevision


def test_running_training_keeps_room_for_the_epochs_to_come():
    """The axis doubles when it is full and ends with the last epoch asked for; it does not move at every refresh."""

    def high(done, epochs):
        curve = {"val_loss": [Point(epoch, 1.0) for epoch in range(1, done + 1)]}
        return charts.learning(curve, LOSS, epochs=epochs).layout.xaxis.range[1]

    assert high(11, 900) == high(19, 900) and 20 <= high(19, 900) < 22
    assert 50 <= high(45, 50) < 52 and 3 <= high(1, 3) < 4


def test_noise_does_not_look_like_progress():
    """An accuracy that hardly moves is drawn on a scale of at least ten points, within 0 to 100 %."""
    still = {"val_accuracy": [Point(epoch, 0.99 + epoch / 10_000) for epoch in range(1, 9)]}
    low, high = charts.learning(still, ACCURACY).layout.yaxis.range
    assert high - low >= 10 - 1e-9 and high <= 101


def test_best_epoch_is_marked():
    """The epoch whose model is kept has a dot on the validation curve."""
    dot = charts.learning(CURVES, ACCURACY, best=2).data[-1]
    assert (list(dot.x), list(dot.y)) == ([2], [80.0])


@pytest.mark.parametrize("number", [0, 1, 2, 999, 1000, 1001, 10_000, 123_457])
def test_thin_keeps_ends_and_peaks(number):
    """A long curve becomes short enough to draw, and neither its ends nor its extremes are lost."""
    points = [Point(epoch, (epoch * 7919) % 1013) for epoch in range(1, number + 1)]
    thinned = charts.thin(points)
    assert len(thinned) <= charts.MOST_POINTS and thinned == sorted(set(thinned))
    if points:
        assert (thinned[0], thinned[-1]) == (points[0], points[-1])
        values = [point.value for point in points]
        assert {min(values), max(values)} <= {point.value for point in thinned}


def test_thin_keeps_a_single_spike():
    """One bad epoch among a hundred thousand is still to be seen."""
    points = [Point(epoch, 50.0 if epoch == 54_321 else 1.0) for epoch in range(1, 100_001)]
    assert Point(54_321, 50.0) in charts.thin(points)


def test_confusion_shades_by_the_share_of_the_row():
    """A rare class that is always found is as dark as a frequent one."""
    figure = charts.confusion(["no", "yes"], [[90, 10], [0, 2]])
    assert [list(row) for row in figure.data[0].z] == [[0.9, 0.1], [0.0, 1.0]]
    assert figure.layout.annotations[0].text == "90<br>90 %"


def test_numbers_on_the_confusion_matrix_can_be_read():
    """Whatever the shade of a field, its number has the contrast that the guidelines of the web ask for."""
    for found in range(101):
        figure = charts.confusion(["no", "yes"], [[found, 100 - found], [1, 1]])
        shade = colours.between(charts.PALEST, charts.DEEPEST, found / 100)
        assert colours.contrast(figure.layout.annotations[0].font.color, shade) >= 4.5, found


def test_the_button_that_saves_lies_over_no_legend():
    """Where a finger points that button is always there, at the right: legends without a title begin at the left."""
    minute = Minute(datetime(2026, 11, 21, 9, tzinfo=UTC), 1, 2, 3, 4)
    line = {"name": "a", "points": [[0, 1], [1, 2]]}
    figures = [
        charts.queue_depth([minute], None),
        charts.queue_throughput([minute], None),
        charts.curve({"lines": [line]}),
    ]
    assert {figure.layout.legend.x for figure in figures} == {0}


def test_confusion_of_a_class_without_rows():
    """A class that does not occur is shown empty and breaks nothing."""
    assert list(charts.confusion(["a", "b"], [[0, 0], [1, 3]]).data[0].z[0]) == [0.0, 0.0]


def test_many_classes_are_drawn_without_numbers():
    """Beyond a dozen classes the shade alone speaks."""
    labels = [f"class {number}" for number in range(30)]
    assert not charts.confusion(labels, [[1] * 30] * 30).layout.annotations


def test_long_labels_stay_apart():
    """Labels that begin alike are shortened and still are different categories."""
    labels = ["a very long label that goes on and on " + end for end in "xyz"]
    assert len(set(charts.shortened(labels))) == 3


def test_user_text_is_never_markup():
    """A label or column that looks like a tag is shown letter by letter."""
    assert charts.shortened(["<b>bold</b>"]) == ["&lt;b&gt;bold&lt;/b&gt;"]
    figure = charts.importance([["<a href=x>y</a>", 0.2]], [0.1])
    assert "<a" not in json.dumps(figure.to_plotly_json(), default=str)


def test_a_curve_of_shares_is_drawn_in_percent_beside_the_diagonal():
    """Every line is named, both axes are in percent, and the line of pure chance is there to compare with."""
    value = {"x": "False alarms", "y": "Found", "diagonal": True}
    figure = charts.curve(value | {"lines": [{"name": "Evet (AUC 0.910)", "points": [[0, 0], [0.2, 0.9], [1, 1]]}]})
    assert figure.data[0].name == "Evet (AUC 0.910)" and list(figure.data[0].y) == [0, 90, 100]
    assert list(figure.data[1].x) == [0, 100] and figure.layout.xaxis.ticksuffix == " %"


def test_any_other_curve_is_drawn_in_its_own_units():
    """Numbers that are no shares keep their values and their axis titles."""
    figure = charts.curve({"x": "Day", "y": "Sales", "lines": [{"name": "a", "points": [[1, 10], [2, 30]]}]})
    assert list(figure.data[0].y) == [10, 30] and len(figure.data) == 1
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("Day", "Sales")


def test_residuals_have_a_line_where_predictions_are_right():
    """Each row is a dot; the dotted line goes from the smallest to the largest number there is."""
    figure = charts.curve(told.predictions({"predicted": [1.0, 5.0], "actual": [2.0, 9.0]}))
    assert figure.data[0].mode == "markers" and list(figure.data[0].x) == [2.0, 9.0]
    assert list(figure.data[1].x) == list(figure.data[1].y) == [1.0, 9.0] and not figure.layout.showlegend
    assert len(charts.curve(told.predictions({"predicted": [], "actual": []})).data) == 1


def test_importance_shows_the_first_columns_on_top():
    """At most fifteen columns, in the order given, with how sure each is."""
    values = [[f"c{number}", 1 / (number + 1)] for number in range(40)]
    bar = charts.importance(values, [0.01] * 40).data[0]
    assert (len(bar.y), bar.y[0], bar.error_x.array[0]) == (15, "c0", 0.01)


def test_figures_have_the_background_of_the_page():
    """Light and dark pages show the same figure, so it brings no background of its own; pictures have the page's."""
    for figure in (
        charts.learning(CURVES, LOSS),
        charts.confusion(["a"], [[1]]),
        charts.curve({"dots": True, "lines": [{"points": [[1, 1]]}]}),
    ):
        assert figure.layout.paper_bgcolor is None and figure.layout.plot_bgcolor is None


def test_where_a_finger_swipes_nothing_zooms():
    """For a touch screen a chart is drawn without its drag, and is otherwise the same."""
    figure = charts.learning(CURVES, LOSS)
    still = charts.without_drag(figure)
    assert still.layout.dragmode is False and figure.layout.dragmode is None and still.data == figure.data


def test_an_equal_curve_does_not_hide_the_other():
    """Two equal curves are both seen: the second one is dashed over the first."""
    points = [Point(1, 0.5), Point(2, 0.7)]
    figure = charts.comparison({1: points, 2: list(points), 3: points[:1]}, {1: "a", 2: "b", 3: "c"}, ACCURACY)
    assert [trace.line.dash is None for trace in figure.data] == [True, False, True]


def test_charts_need_no_streamlit():
    """Figures can be drawn where no page is."""
    told = "import sys; import pages.parts.charts; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], cwd=Path(__file__).parent.parent).returncode == 0


def test_a_zoomed_curve_stays_as_it_is_once_its_part_is_done():
    """Epochs outside the part that is looked at change nothing, so the chart is not made anew for them."""
    points = [Point(epoch, 1 / epoch) for epoch in range(1, 200)]
    zoom = curves.whole_epochs((9.3, 20.7))
    figures = [charts.learning({"val_loss": points[:end]}, LOSS, epochs=200, zoom=zoom) for end in (50, 199)]
    assert figures[0].to_json() == figures[1].to_json()
    assert list(figures[0].data[0].x) == list(range(9, 22))
    assert zoom == (10, 20) and figures[0].layout.xaxis.dtick == 1
    assert 9.5 < figures[0].layout.xaxis.range[0] < 10 and 20 < figures[0].layout.xaxis.range[1] < 20.5


@pytest.mark.parametrize(
    ("zone", "clock", "said"),
    [(ZoneInfo("Europe/Istanbul"), "2026-11-22T00:30:00", "%H:%M"), (None, "2026-11-21T21:30:00", "%H:%M UTC")],
)
@pytest.mark.parametrize("chart", [charts.queue_depth, charts.queue_throughput])
def test_the_queue_is_drawn_by_the_clock_of_who_looks(chart, zone, clock, said):
    """Minutes are shown as the visitor's own clock had them; where that is not known, as UTC, and it says so."""
    figure = chart([Minute(datetime(2026, 11, 21, 21, 30, tzinfo=UTC), 1, 2, 3, 4)], zone)
    assert [trace["x"] for trace in json.loads(figure.to_json())["data"]] == [[clock], [clock]]
    assert (figure.layout.xaxis.tickformat, figure.layout.xaxis.hoverformat) == (said, said)
