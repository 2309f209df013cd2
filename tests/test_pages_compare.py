"""The page Compare: up to twelve workflows beside each other."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import cast, tables
from helpers.notebooks import completed
from helpers.visitors import address, said
from helpers.written import played
from streamlit.testing.v1 import AppTest

from jobs.pipelines import Measure
from jobs.verbs import datasets, thresholds
from pages.parts import charts, colours, words
from pages.parts.compare import comparison
from store import metrics, workflows
from store.metrics import Point
from store.workflows import Filter

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")


def opened(**query):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("compare.py")
    page.query_params.update(query)
    return page.run()


def test_without_ids_the_page_leads_to_the_list(home):
    """Nothing chosen is a designed state with one next step."""
    page = opened()
    assert not page.exception
    assert "Nothing to compare yet" in said(page)
    assert page.button(key="compare-choose")


def test_best_scores_are_marked_and_differences_said(home):
    """The best value is marked, and every other row says how far it is from the baseline."""
    first, second = played("a", accuracy=0.90, curve=[0.5, 0.9]), played("b", accuracy=0.921, curve=[0.6, 0.92])
    page = opened(ids=f"{first},{second}")
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["accuracy"]) == ["90.0 %", "92.1 %  +2.1  best"]
    page = opened(ids=f"{first},{second}", baseline=str(second))
    assert list(page.dataframe[0].value["accuracy"]) == ["90.0 %  -2.1", "92.1 %  best"]


def test_no_score_is_the_best_of_other_data(home):
    """Of workflows on different datasets none is marked; one workflow alone is not said to have the same settings."""
    first, second = (workflows.get(completed()) for _ in range(2))
    other_data = {"data": replace(second.inputs["data"], dataset_id=99)}
    better = replace(second, scores={**second.scores, "accuracy": 0.99}, inputs=other_data)

    def marked(other):
        return [" best" in cell for cell in comparison.score_table([first, other], first.id).data["accuracy"]]

    assert marked(better) == [False, False] and marked(replace(better, inputs=first.inputs)) == [False, True]
    alone = said(opened(ids=str(first.id)))
    assert "same settings" not in alone and "Add a second workflow" in alone


def test_only_differing_settings_are_listed(home):
    """What is alike is counted, what differs is in the table."""
    first, second = cast.play(number=2, pause=0.0), cast.play(number=3, pause=0.0)
    page = opened(ids=f"{first},{second}")
    table = page.dataframe[1].value
    assert list(table["Setting"]) == ["Number"]
    assert list(table.iloc[0])[1:] == ["2", "3"]


@pytest.mark.parametrize("ids", ["abc", "-1,1.5,٣", "99999999999999999999999", ",,,", "1,<b>,![x](http://evil)"])
def test_rubbish_in_the_address_is_said_and_left_out(home, ids):
    """Ids that are none never break the page, nor become links in it."""
    played("a")
    page = opened(ids=ids, baseline="x", curve="'--")
    assert not page.exception
    assert "](http" not in said(page).replace("\\]\\(", "")


def test_deleted_workflows_are_said(home):
    """One that is gone is named; the others are still compared."""
    first, second = played("a"), played("b")
    workflows.remove([second])
    page = opened(ids=f"{first},{second}")
    assert f"\\#{second} does not exist" in said(page)
    assert len(page.dataframe[0].value) == 1


def test_twelve_are_enough(home):
    """More than twelve are cut, and that is said."""
    asked = comparison.read({"ids": ",".join(map(str, range(1, 16)))})
    assert len(asked.ids) == 12 and asked.too_many == 3


def test_a_choice_goes_to_the_address(home):
    """Adding a workflow changes the URL, so that the comparison can be shared."""
    first, second = played("a"), played("b")
    page = opened(ids=str(first))
    page.multiselect(key="compare-ids").set_value([first, second])
    page.run()
    assert address(page)["ids"] == f"{first},{second}"
    assert len(page.dataframe[0].value) == 2


def test_a_workflow_keeps_its_colour(home):
    """The colour belongs to the workflow: leaving another one out does not change it."""
    assert len(set(colours.of(range(1, 13)).values())) == 12
    first, second = colours.of([11, 12]).values()  # two blues, each by its own number
    assert colours.of([11])[11] == first and colours.distance(first, [second]) > colours.ALIKE
    assert colours.of([5, 9, 11])[9] == colours.of([9])[9] == colours.of([9, 4])[9]


def test_names_in_the_legend_say_what_differs():
    """Of many names that begin alike, the ends are shown; a name that is all of another stays whole."""
    alike = {1: "churn, boosting", 2: "churn, linear SVM"}
    assert comparison.told_apart(alike) == {1: "boosting", 2: "linear SVM"}
    assert comparison.told_apart({1: "churn", 2: "churn, SVM"}) == {1: "churn", 2: "churn, SVM"}
    assert comparison.told_apart({1: "churn, SVM"}) == {1: "churn, SVM"}
    figure = charts.comparison({key: [Point(1, 0.5)] for key in range(7)}, dict.fromkeys(range(7), "n"), Measure("a"))
    assert figure.data[6].name == "#6 n"


def test_scores_follow_a_threshold_that_was_moved(home):
    """What is compared is what the page of a workflow says, and the page tells which threshold was moved."""
    given = datasets.add(io.BytesIO(tables.turkish()), "t.csv")
    moved, usual = (tables.run(given, "abone mi", "LR", epochs=epochs)["train"].workflow_id for epochs in (2, 3))
    thresholds.set_threshold(moved, 0.2)
    place = thresholds.of(moved).at(0.2)
    page = opened(ids=f"{moved},{usual}")
    shown = page.dataframe[0].value
    assert shown["accuracy"][0].startswith(words.percent((place.found + place.passed) / place.rows))
    assert f"The threshold of #{moved} was moved" in said(page).replace("\\", "")
    assert "status" not in shown, "all are completed"


def test_the_figure_has_one_curve_a_workflow():
    """Each curve is named by its workflow, in the order asked for, and no name becomes a tag."""
    figure = charts.comparison(
        {2: [Point(1, 0.5)], 1: [Point(1, 0.4)]}, {1: "<b>a", 2: "b", 3: "c"}, Measure("accuracy")
    )
    assert [trace.name for trace in figure.data] == ["#1 &lt;b&gt;a", "#2 b"]
    assert [trace.line.color for trace in figure.data] == [colours.of([1, 2, 3])[1], colours.of([1, 2, 3])[2]]


def test_a_peak_of_one_epoch_is_compared_too(home):
    """However long the curves are, what stands out in one of them is drawn."""
    ids = [played("a", curve=[0.5] * 1_500), played("b", curve=[0.5] * 700 + [1.0] + [0.5] * 799)]
    curves = metrics.overlay(ids, "val_accuracy")
    assert [len(curves[each]) for each in ids] == [1_500, 1_500]
    drawn = charts.comparison(curves, dict.fromkeys(ids, ""), Measure("accuracy", share=True)).data
    assert [max(trace.y) for trace in drawn] == [50.0, 100.0]
    assert all(len(trace.x) <= charts.MOST_POINTS for trace in drawn)


def test_the_better_error_is_the_smaller_one(home):
    """Of errors the smallest is the best, of shares the greatest; alone nobody is best."""
    first, second = played("a", accuracy=0.5), played("b", accuracy=0.7)
    found = workflows.find(Filter())
    assert comparison.best(found, "accuracy") == 0.7
    assert comparison.best(found[:1], "accuracy") is None
    errors = [workflow.scores.update(rmse=value) or workflow for workflow, value in zip(found, (3.0, 2.0), strict=True)]
    assert comparison.best(errors, "rmse") == 2.0
    assert {first, second} == {workflow.id for workflow in found}
