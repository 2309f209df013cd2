"""The page Workflows: the list, its filters and what can be done with several rows at once."""

from pathlib import Path

import pytest
import streamlit as st
from helpers import cast
from helpers.visitors import address, checked, said
from helpers.written import played
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.pipelines import registry
from jobs.verbs import spreadsheet
from pages.parts import visitor
from pages.parts.press import PageState
from pages.parts.workflow_list import listing, opening, view
from store import metrics, workflows
from store.tables import Status
from store.workflows import Filter, New

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")
NASTY = "![x](http://evil/p.png) :red[y] =1"


def opened(chosen=(), **query):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("workflows.py")
    page.query_params.update(query)
    if chosen:
        page.session_state["workflows-chosen"] = list(chosen)
    return page.run()


def click(page, key):
    page.button(key=key).click()
    return page.run()


def rows(page):
    return page.dataframe[0].value


def test_without_workflows_the_page_leads_to_the_first_one(home):
    """An empty list says what it is for, and has no filters to puzzle over."""
    page = opened()
    assert not page.exception
    assert "No workflows yet" in said(page)
    assert not page.text_input and not page.dataframe


def test_rows_show_what_matters(home):
    """A row has its number and name, its status as a word, its score, its bar and its curve."""
    workflow_id = played("first", accuracy=0.934, curve=[0.5, 0.7, 0.9])
    page = opened()
    assert not page.exception
    row = rows(page).iloc[0]
    assert row["workflow"] == f"#{workflow_id}  first"
    assert (list(row["status"]), row["score"], row["bar"], list(row["curve"])) == (
        ["Completed"],
        "93.4 %",
        0.934,
        [0.5, 0.7, 0.9],
    )
    assert row["dataset"] == "tiny"


def test_what_the_address_says_is_shown(home):
    """Status, text and sort come from the URL, so that a colleague who gets it sees the same."""
    played("good", accuracy=0.9)
    played("better", accuracy=0.95)
    played("bad", fails="It broke.")
    page = opened(status="completed", sort="-accuracy")
    assert list(rows(page)["score"]) == ["95.0 %", "90.0 %"]
    page = opened(text="goo")
    assert len(rows(page)) == 1
    assert page.text_input(key="workflows-text").value == "goo"


def test_filters_go_to_the_address(home):
    """What is chosen in a widget is in the URL afterwards, and the page begins again at its first."""
    played("good")
    played("other")
    page = opened(page="7")
    page.text_input(key="workflows-text").set_value("good")
    page.run()
    assert address(page) == {"text": "good"}
    assert len(rows(page)) == 1


@pytest.mark.parametrize(
    "query",
    [
        {
            "status": "rubbish,'--",
            "algorithm": "x",
            "dataset": "9" * 30,
            "page": "-1",
            "sort": "drop table",
            "unseen": "?",
        },
        {"page": "٣", "dataset": "abc", "text": NASTY * 50},
        {"page": "999999"},
    ],
)
def test_rubbish_in_the_address_does_no_harm(home, query):
    """Whatever stands in the URL, the page is a page: it shows what it can make sense of."""
    played("good")
    assert not opened(**query).exception


def test_nothing_matches_is_a_designed_state(home):
    """A search without a result offers to clear the filters, which brings every row back."""
    played("good")
    page = opened(text="zzz", status="failed")
    assert "No workflow matches these filters" in said(page)
    page = click(page, "workflows-clear")
    assert len(rows(page)) == 1
    assert address(page) == {}


def test_pages_are_cut_on_the_server(home):
    """Twenty-five rows a page, and the second page has the rest."""
    for _ in range(27):
        cast.play()
    assert len(rows(opened())) == 25
    assert len(rows(opened(page="2"))) == 2


def test_failures_are_shown_until_somebody_has_seen_them(home):
    """A failure is on top with its reason; marking it as seen takes it away, and keeps its row."""
    failed = played("bad", fails="The column x holds text; leave it out.")
    page = opened()
    assert "1 failed workflow to look at" in said(page)
    assert "The column x holds text; leave it out\\." in said(page)
    page = click(page, f"workflows-seen-{failed}")
    assert "to look at" not in said(page)
    assert len(rows(page)) == 1
    assert workflows.count(Filter(unseen_failures=True)) == 0


def test_names_and_reasons_are_never_markdown(home):
    """What users and their files say is shown letter by letter: no link, no image, no colour."""
    played(NASTY, fails=NASTY)
    page = opened()
    assert "](http" not in said(page).replace("\\]\\(", "")
    assert ":red[y]" not in said(page)


def test_chosen_rows_lead_to_compare(home):
    """Two ticked rows can be compared; one cannot."""
    first, second = played("a"), played("b")
    assert opened([first]).button(key="workflows-compare").disabled
    page = click(opened([first, second]), "workflows-compare")
    assert not page.exception
    assert page.header[0].value == "Compare"
    assert address(page)["ids"] == f"{first},{second}"


def test_deleting_asks_and_says_what_goes(home):
    """Nothing is deleted before the question is answered, and then exactly what was ticked."""
    gone, stays = played("gone"), played("stays")
    page = click(opened([gone]), "workflows-delete")
    assert "gone" in said(page) and "permanently deletes" in said(page)
    assert workflows.count(Filter()) == 2
    page = click(page, "delete-sure")
    assert not page.exception
    assert [workflow.id for workflow in workflows.find(Filter())] == [stays]


def test_running_workflows_are_not_deleted(home):
    """A workflow that has not ended stays, and the dialog says why."""
    running = cast.play()
    page = click(click(opened([running]), "workflows-delete"), "delete-sure")
    assert f"Workflow {running} has not ended" in page.error[0].value
    assert workflows.count(Filter()) == 1


def test_a_second_copy_of_what_runs_is_asked_for(home):
    """Restart of what has ended starts at once; of what still waits or runs it asks first."""
    ended, waiting = played("ended"), cast.play()
    page = click(opened([waiting]), "workflows-restart")
    assert f"#{waiting}" in said(page).replace("\\", "") and "is still waiting" in said(page)
    assert workflows.count(Filter()) == 2
    page = click(page, "restart-twice-keep")
    assert workflows.count(Filter()) == 2
    page = click(click(opened([waiting]), "workflows-restart"), "restart-twice-sure")
    assert workflows.count(Filter()) == 3 and "Running again as" in page.toast[0].value
    click(opened([ended]), "workflows-restart")
    assert workflows.count(Filter()) == 4


def test_many_are_restarted_only_after_a_question(home):
    """Three or more that have ended are asked for, too: nothing of what that starts is undone by one press."""
    several = [played(f"ended {number}") for number in range(3)]
    page = click(opened(several), "workflows-restart")
    assert "3 new workflows will wait for the workers" in said(page) and workflows.count(Filter()) == 3
    page = click(page, "restart-twice-keep")
    assert workflows.count(Filter()) == 3
    click(click(opened(several), "workflows-restart"), "restart-twice-sure")
    assert workflows.count(Filter()) == 6


def test_many_are_cancelled_after_a_question(home):
    """Cancel is there while a ticked one has not ended; it stops exactly those."""
    ended, first, second = played("ended"), cast.play(), cast.play()
    assert "workflows-cancel" not in {button.key for button in opened([ended]).button}
    page = click(opened([ended, first, second]), "workflows-cancel")
    assert "Running steps stop at once" in said(page)
    page = click(page, "cancel-sure")
    assert not page.exception and "2 workflows are cancelled" in page.toast[0].value
    states = [workflows.get(number).status for number in (ended, first, second)]
    assert states == [Status.completed, Status.cancelled, Status.cancelled]


def test_name_and_note_can_be_changed(home):
    """Edit asks for both, refuses an empty name, and saves."""
    workflow_id = played("before")
    page = click(opened([workflow_id]), "workflows-edit")
    page.text_input[-1].set_value(" ")
    page = click(page, "describe-save")
    assert "needs a name" in page.error[0].value
    page.text_input[-1].set_value("after")
    page.text_area[0].set_value("the one for March")
    click(page, "describe-save")
    changed = workflows.get(workflow_id)
    assert (changed.name, changed.note) == ("after", "the one for March")


def test_rows_stay_chosen_when_others_arrive(home):
    """A choice is of workflows, not of positions: a new row on top does not shift it."""
    first = played("a")
    page = opened([first])
    newer = played("b")
    page.run()
    assert page.session_state["workflows-chosen"] == [first]
    assert [row.split()[0] for row in rows(page)["workflow"]] == [f"#{newer}", f"#{first}"]


def test_the_table_leaves_without_formulas(home):
    """In the CSV no text can run as a formula, numbers stay numbers, and every score has its column."""
    first = played("=HYPERLINK(1)", accuracy=0.5)
    played("-2+3")
    text = listing.export(Filter()).decode("utf-8-sig")
    assert "'=HYPERLINK(1)" in text and "'-2+3" in text
    header, *lines = text.splitlines()
    assert "accuracy" in header.split(",")
    assert len(lines) == 2
    assert listing.export(Filter(), [first]).decode("utf-8-sig").count("\r\n") == 2


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\0=1"])
def test_export_formula(text):
    """Cells and headers that would run as formulas begin with a quote; numbers do not."""
    assert spreadsheet.safe(text) == f"'{text}"
    assert spreadsheet.safe(-1.5) == -1.5
    assert spreadsheet.to_csv(["=a", "b"], [[1, text[:1]]]).decode("utf-8-sig").startswith("'=a,b\r\n1,")


def test_a_status_in_the_table_has_the_colour_of_its_badge(home):
    """The table says the status as a word, and knows every one of them."""
    assert set(view.STATUSES) == set(map(str, Status)) - {"skipped", "waiting"}, "only steps are those"


def test_back_from_compare_finds_the_filters(home):
    """Streamlit leaves the next page's query behind; coming back shows what was looked at before."""
    played("alpha"), played("beta")
    page = opened(text="alpha")
    assert len(rows(page)) == 1
    page.query_params.clear()
    page.query_params["ids"] = "1,2"
    page.run()
    assert address(page) == {"text": "alpha"} and len(rows(page)) == 1


def test_a_facet_filters_and_sorts_whatever_the_pipeline(home):
    """What a pipeline says of its workflows can be filtered and sorted by, and stands in the URL by its name."""
    step = {"name": "top", "key": "top", "needs": (), "params": {}, "max_attempts": 1, "timeout": 60, "fresh": False}
    for region in ("south", "north"):
        workflows.insert_new(New("sales", "diamond", {}, facets={"region": region}), [step])
    page = opened(region="north")
    assert len(rows(page)) == 1 and page.selectbox(key="workflows-facet-region").value == "north"
    assert list(rows(opened(sort="facet:region"))["facet:region"]) == ["north", "south"]
    assert len(rows(opened(region="nowhere"))) == 2


def test_on_a_phone_the_score_stands_beside_the_name(home, monkeypatch):
    """A name takes no more than half of a narrow screen; the score comes before the status."""
    played("a name that is longer than the screen of any phone is wide", accuracy=0.9)
    assert list(rows(opened()).columns)[:3] == ["workflow", "score", "status"] or "bar" in rows(opened())
    monkeypatch.setattr(visitor, "has_touch_screen", lambda: True)
    assert listing.columns(None, workflows.find(Filter()))["workflow"].config["width"] == listing.TOUCHED


def test_names_that_say_a_facet_have_its_room(home):
    """A column that every name says already is left out, and the names are as much wider; one other name brings it
    back."""
    step = {"name": "top", "key": "top", "needs": (), "params": {}, "max_attempts": 1, "timeout": 60, "fresh": False}
    for region in ("south", "north"):
        name = f"All the sales of the {region.upper()}, by day and by shop"
        workflows.insert_new(New(name, "diamond", {}, facets={"region": region}), [step])
    told = workflows.find(Filter())
    assert "facet:region" not in rows(opened()) and listing.facets_beside(told) == []
    assert listing.columns(None, told)["workflow"].config["width"] > 200
    workflows.insert_new(New("other", "diamond", {}, facets={"region": "east"}), [step])
    assert "facet:region" in rows(opened())
    assert listing.columns(None, workflows.find(Filter()))["workflow"].config["width"] == 200


def test_curves_of_a_list_share_one_scale(home):
    """Flat curves look flat beside others: all are drawn from the lowest to the highest value of the page."""
    played("flat", accuracy=0.9, curve=[0.90, 0.901, 0.9]), played("steep", accuracy=0.9, curve=[0.2, 0.5, 0.95])
    told = workflows.find(Filter())
    ends = listing.ends(metrics.sparklines([row.id for row in told], registry.main_curves()))
    column = listing.columns(None, told, ends)["curve"]["type_config"]
    assert (column["y_min"], column["y_max"]) == ends == (0.2, 0.95)


def test_a_workflow_is_opened_by_its_number(home):
    """Who cannot click a row types its number or name beside the table; the number may be on another page."""
    number = played("first")
    page = checked(opened().selectbox(key=opening.KEY).select(f"#{number} first").run())
    assert address(page) == {"id": str(number)}
    assert opened().selectbox(key=opening.KEY).proto.accept_new_options
    for typed in ("41", "#41", " 41 "):
        assert entered(typed, {f"#{number} first": number}).leads_to == ("workflow.py", {"id": "41"})
    assert entered("frist", {}).refused == "There is no workflow 'frist'." and entered("", {}) == PageState()


def entered(typed, names):
    """The state of the page once this was typed into the field beside the list."""
    state = PageState()
    st.session_state[opening.KEY] = typed
    opening._open(state, names)
    assert st.session_state[opening.KEY] is None
    return state


def test_a_facet_with_a_comma_is_one_value(home):
    """A value with a comma is found by page and API; several values with commas are still any of them."""
    step = {"name": "top", "key": "top", "needs": (), "params": {}, "max_attempts": 1, "timeout": 60, "fresh": False}
    for region in ("north", "north, south", "south"):
        workflows.insert_new(New(region, "diamond", {}, facets={"region": region}), [step])
    page = opened(region="north, south")
    assert len(rows(page)) == 1 and page.selectbox(key="workflows-facet-region").value == "north, south"
    client = TestClient(create(), base_url="http://localhost")

    def named(*wanted):
        answer = client.get("/workflows", params={"facet": [f"region={each}" for each in wanted]}).json()
        return {each["name"] for each in answer}

    assert named("north, south") == {"north, south"}
    assert named("north,south") == named("north", "south") == {"north", "south"}
    assert named("north, south", "south") == {"north, south", "south"}


def test_rows_of_several_pipelines_say_of_which(home):
    """Where there are several pipelines, each row names its own, and the list can be narrowed to one."""
    cast.play("diamond"), cast.play("play")
    page = opened()
    assert set(rows(page)["pipeline"]) == {"Diamond", "Play"}
    page.selectbox(key="workflows-pipeline").set_value("diamond").run()
    assert address(page) == {"pipeline": "diamond"} and len(rows(page)) == 1
