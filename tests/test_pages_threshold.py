"""The page of a completed workflow moves the threshold between two classes, and its headline follows."""

import io
import re

import pytest
from helpers import notebooks, tables
from helpers.notebooks import page, text
from helpers.visitors import Visitor, checked
from sqlalchemy import update
from streamlit.runtime.context import ContextProxy

from jobs.pipelines.thresholds import Costs, Counted, Thresholds
from jobs.verbs import datasets, people, report
from jobs.verbs import thresholds as verbs
from jobs.verbs.report import facts
from pages.parts import threshold_charts
from pages.parts.workflow import threshold
from store import db, steps
from store import thresholds as stored
from store.tables import Status
from store.tables import workflows as workflow_table

THRESHOLD = ":material/balance: Threshold"
SETTINGS = ":material/tune: Settings"


@pytest.fixture
def trained(home):
    """The number of a workflow that has really learned."""
    ended = tables.run(datasets.add(io.BytesIO(tables.turkish()), "müşteri.csv"), "abone mi", "LR", epochs=3)
    return ended["train"].workflow_id


def views(seen):
    return [each for each in seen.button_group if str(each.key).startswith("workflow-view")]


def opened(number):
    seen = page(id=number)
    return checked(views(seen)[0].set_value(THRESHOLD).run())


def metrics(seen):
    return {each.label: each.value for each in seen.metric}


def pressed(seen, key):
    return checked(next(each for each in seen.button if each.key == key).click().run())


def sentence_of(place):
    return f"Finds {place.found} of the {place.found + place.missed} rows whose abone mi is Evet, with {place.alarms} "


def test_the_threshold_is_moved_and_the_headline_follows(trained):
    """What becomes of test rows is shown wherever it stands; once it is set, the headline, its scores and the Evaluate
    cell say so, and one press undoes it."""
    known = verbs.of(trained)
    seen = opened(trained)
    assert "Threshold for Evet" in text(seen) and "counted on test rows" in text(seen)
    slider = next(each for each in seen.select_slider if each.label == "Threshold")
    assert slider.value == 0.5
    seen = checked(slider.set_value(0.2).run())
    place = known.at(0.2)
    assert metrics(seen)["Found"] == f"{place.found} of {place.found + place.missed}"
    assert metrics(seen)["False alarms"] == f"{place.alarms} of {place.alarms + place.passed}"
    assert stored.get(trained) is None, "moving it to look sets nothing"
    seen = pressed(seen, "threshold-set")
    assert stored.get(trained).value == 0.2
    assert sentence_of(place) in text(seen) and '"Evet" is predicted from a chance of 20 % on' in text(seen)
    assert "Set to 20 %" in text(seen)
    accuracy = (place.found + place.passed) / place.rows
    assert f"Accuracy {100 * accuracy:.1f} %" in text(seen)
    seen = checked(views(seen)[0].set_value(":material/view_agenda: Cells").run())
    assert "These numbers are those of 50 %" in text(seen)
    seen = checked(views(seen)[0].set_value(THRESHOLD).run())
    seen = pressed(seen, "threshold-reset")
    assert stored.get(trained) is None and sentence_of(known.at(0.5)) in text(seen)
    assert next(each for each in seen.select_slider if each.label == "Threshold").value == 0.5
    assert metrics(seen)["Found"].startswith(f"{known.at(0.5).found} of")


def test_the_slider_runs_as_the_charts_do(trained):
    """It stops at whole percents, so that half of its way is 50 %, and where it was set; but at all places where most
    rows to find lie between two percents."""
    known = verbs.of(trained)
    odd = next(value for value in known.values if not round(100 * value, 9).is_integer())
    verbs.set_threshold(trained, odd, None)
    slider = next(each for each in opened(trained).select_slider if each.label == "Threshold")
    assert slider.value == odd and len(slider.options) == 100
    rare = Counted("validation", 10, 990, (10, 8, 0), (990, 500, 0))
    few = Thresholds("a", "b", "chance", 0.5, (0.001, 0.004, 0.5), rare, rare)
    assert threshold.stops_of(few, [0.5]) == [0.001, 0.004, 0.5]


def test_the_gain_on_rows_that_choose_is_drawn_beside(trained):
    """The best threshold is the peak of validation rows, which need not be that of test rows: both are drawn."""
    known, costs = verbs.of(trained), Costs(1, 3)
    figure = threshold_charts.gains(known, costs, 0.5)
    assert len(figure.data) == 2 and "validation rows, which choose" in figure.data[1].name
    peak = max(zip(figure.data[1].y, figure.data[1].x, strict=True))[0]
    assert figure.data[1].y[known.values.index(known.best(costs))] == peak


def test_a_threshold_that_another_moved_moves_the_slider(trained):
    """A page that is open while the threshold is taken back, by anybody, shows where it stands now."""
    verbs.set_threshold(trained, 0.2, None)
    seen = opened(trained)
    assert next(each for each in seen.select_slider if each.label == "Threshold").value == 0.2
    verbs.reset_threshold(trained)
    assert next(each for each in checked(seen.run()).select_slider if each.label == "Threshold").value == 0.5


def test_the_report_follows_the_threshold(trained):
    """Headline, scores, confusion and classes of a report are of one threshold, and it says what is not."""
    known = verbs.of(trained)
    value = known.values[len(known.values) // 4]
    verbs.set_threshold(trained, value, None)
    gathered, place = facts.gather(trained), known.at(value)
    shown = {each.title: each.value for each in gathered.results}
    confusion = shown["Confusion matrix"]
    own, other = confusion["labels"].index("Evet"), confusion["labels"].index("Hayır")
    assert confusion["counts"][own][own] == place.found and confusion["counts"][other][own] == place.alarms
    recall = place.found / (place.found + place.missed)
    assert next(row for row in shown["Per class"]["rows"] if row[0] == "Evet")[2] == f"{100 * recall:.1f} %"
    there = known.chosen_at(value)
    accuracy = next(each for each in gathered.scores if each.measure.name == "accuracy")
    assert accuracy.validation == pytest.approx((there.found + there.passed) / there.rows)
    assert "curves of training are those of 50 %" in report.html(trained)


def test_looking_at_settings_changes_none(trained):
    """Settings of each step are looked at, advanced ones, too: nothing is changed, and nothing is out of date."""
    own = [step for step in steps.of_workflow(trained) if step.params]
    shown = [f"show-{step.id}-{step.attempt}" for step in own]
    assert len(shown) > 1
    for key in shown:
        seen = checked(page(id=trained).button_group(key=key).set_value(SETTINGS).run())
        assert "Change a setting to run from here" in text(seen)
        assert "Changed, not run" not in text(seen) and "Out of date" not in text(seen)


def test_numbers_are_of_the_visitors_language(trained, monkeypatch):
    """Threshold, counts, costs, effects and importance have the comma and the points of a Turkish browser."""
    monkeypatch.setattr(ContextProxy, "locale", property(lambda _self: "tr-TR"))
    known = verbs.of(trained)
    seen = opened(trained)
    for field, value in (("A false alarm costs", "1000,5"), ("A found row gains", "30.000")):
        seen = checked(next(each for each in seen.text_input if each.label == field).set_value(value).run())
    slider = next(each for each in seen.select_slider if each.label == "Threshold")
    part = next(value for value in known.values if 100 * value % 1)
    seen = checked(slider.set_value(part).run())
    assert f"{100 * part:.4g} %".replace(".", ",") in next(
        each.label for each in seen.button if each.key == "threshold-set"
    )
    gain = known.at(part).gain(Costs(1000.5, 30_000.0))
    assert metrics(seen)["Gain less costs"].split(",")[0] == f"{int(gain):,}".replace(",", ".")
    seen = checked(views(seen)[0].set_value(":material/view_agenda: Cells").run())
    told = text(seen)
    assert re.search(r"accuracy would fall by \d+,\d points", told) and not re.search(r"by \d+\.\d", told)


def test_costs_propose_a_place(trained):
    """With what a false alarm costs and a found row gains, one press moves the slider to the best place; setting it
    keeps the costs, which are there the next time."""
    seen = opened(trained)
    for field, value in (("A false alarm costs", "1"), ("A found row gains", "30")):
        seen = checked(next(each for each in seen.text_input if each.label == field).set_value(value).run())
    known, costs = verbs.of(trained), Costs(1.0, 30.0)
    seen = pressed(seen, f"threshold-{trained}-best")
    slider = next(each for each in seen.select_slider if each.label == "Threshold")
    assert slider.value == known.best(costs)
    assert metrics(seen)["Gain less costs"] == f"{known.at(slider.value).gain(costs):,.0f}"
    seen = pressed(seen, "threshold-set")
    assert (stored.get(trained).alarm_cost, stored.get(trained).found_gain) == (1.0, 30.0)
    again = opened(trained)
    fields = {each.label: each.value for each in again.text_input}
    assert (fields["A false alarm costs"], fields["A found row gains"]) == ("1", "30")


def test_a_cost_is_read_with_comma_or_point(trained):
    """Where one of two is given, the other is asked for; both say what they were read as; what is no number is told."""
    seen = opened(trained)

    def typed(label, value):
        return checked(next(each for each in seen.text_input if each.label == label).set_value(value).run())

    def best():
        return next(each for each in seen.button if each.key == f"threshold-{trained}-best")

    seen = typed("A false alarm costs", "400,5")
    assert "Give both" in text(seen) and best().disabled
    seen = typed("A found row gains", "12.5")
    assert "a false alarm costs 400.5, a found row gains 12.5" in text(seen).replace("\\", "")
    assert not best().disabled
    seen = typed("A found row gains", "abc")
    assert "abc is no number" in text(seen) and best().disabled
    seen = typed("A found row gains", "-1")
    assert "Write 0 or more." in text(seen)


def test_only_two_classes_have_one_and_older_workflows_say_what_to_do(home):
    """A number has no threshold; a workflow of a release before says how to get one."""
    ended = tables.run(datasets.add(io.BytesIO(tables.numbers()), "t.csv"), "price", "sgd_regressor", epochs=3)
    number = page(id=ended["train"].workflow_id)
    assert all(THRESHOLD not in each.options for each in views(number))
    assert "Predictions are off by about" in text(number), "how good it is, in the unit of the target"
    number = notebooks.completed()
    with db.writing() as connection:
        connection.execute(update(workflow_table).values(status=Status.completed))
    seen = opened(number)
    assert "Run it again from the step evaluate" in seen.info[0].value.replace("\\", "")


def test_a_viewer_sees_it_and_cannot_set_it(trained, monkeypatch):
    """The slider moves for everybody; the button is for those who may change something."""
    people.add("ayşe", "admin", "A-long-word-7")
    people.add("vera", "viewer", "A-long-word-8")
    visitor = Visitor(monkeypatch)
    visitor.sign_in("vera")
    seen = visitor.opens("workflow.py", id=trained)
    seen = checked(views(seen)[0].set_value(THRESHOLD).run())
    seen = checked(next(each for each in seen.select_slider if each.label == "Threshold").set_value(0.2).run())
    assert next(each for each in seen.button if each.key == "threshold-set").disabled
