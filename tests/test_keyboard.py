"""Tables, menus and heads in a real browser: what the keyboard does, and where things stand."""

import json
import urllib.request

import pytest
from helpers.tables import turkish
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEADS = ("/new", "/workflows", "/datasets", "/compare", "/queues", "/workflow?id=1")


def post(app, path, body, kind):
    request = urllib.request.Request(app.url + path, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def filled(app):
    """The app with two datasets and two workflows."""
    for name in ("first", "second"):
        given = post(app, f"/api/datasets?name={name}.csv", turkish(120), "application/octet-stream")
        wanted = {"dataset_id": given["id"], "target": "abone mi", "algorithm": "LR", "params": {"epochs": 2}}
        post(app, "/api/workflows", json.dumps(wanted).encode(), "application/json")
    return app


@pytest.fixture
def page(filled, browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.at = lambda path: page.goto(filled.url + path)
    yield page
    context.close()


def into_the_table(page, name):
    """Go into a table by the keyboard, as from the element before it."""
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    page.wait_for_timeout(1500)
    table.locator("canvas").first.evaluate("canvas => canvas.focus()")


def test_arrows_open_no_dataset_and_a_tick_leads_there(page):
    """Moving through the list reaches every dataset; Shift+Space ticks the one that is reached, and Open is there."""
    page.at("/datasets")
    into_the_table(page, "Datasets")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(600)
    assert "id=" not in page.url
    page.keyboard.press("Shift+Space")
    page.get_by_role("button", name="Open").press("Enter")
    page.wait_for_url("**/datasets?id=*")


def press_a_name(page, place):
    """Click on the name in a row of the table."""
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    page.wait_for_timeout(1500)
    box = table.locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + 70, box["y"] + 35 * (place + 1.5))


def test_a_name_opens_with_one_click_in_the_same_tab(page):
    """Workflows and datasets open by one click on their name; Back leads to the list as it was."""
    page.at("/workflows?status=completed,running,pending")
    press_a_name(page, 1)
    page.wait_for_url("**/workflow?id=1")
    page.go_back()
    page.wait_for_url("**/workflows?status=*")
    page.at("/datasets")
    press_a_name(page, 0)
    page.wait_for_url("**/datasets?id=2")
    page.at("/compare?ids=1,2")
    expect(page.get_by_text("Settings that differ")).to_be_visible()
    press_a_name(page, 1)
    page.wait_for_url("**/workflow?id=2")
    page.go_back()
    page.wait_for_url("**/compare?ids=1*2")
    assert len(page.context.pages) == 1


def test_rows_are_ticked_and_opened_by_keyboard(page):
    """Shift+Space ticks a workflow, which the buttons above can then compare or restart; a typed number opens one."""
    page.at("/workflows")
    into_the_table(page, "Workflows")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    expect(page.get_by_text("1 ticked")).to_be_visible()
    page.get_by_role("combobox", name="Open a workflow").focus()
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflow?id=2")


def test_the_buttons_of_a_table_lie_over_nothing(page):
    """What a table shows on hover stands below the buttons of the page."""
    page.at("/workflows")
    table = page.get_by_test_id("stDataFrame").first
    table.hover()
    toolbar = page.get_by_test_id("stElementToolbar").first
    toolbar.wait_for()
    page.wait_for_timeout(400)
    buttons = page.get_by_role("button", name="Download").first.bounding_box()
    assert toolbar.bounding_box()["y"] >= buttons["y"] + buttons["height"]


def test_heads_stand_on_one_line(page):
    """From page to page the head stays where it is."""
    places = {}
    for path in HEADS:
        page.at(path)
        head = page.locator("[data-testid=stMain] h2").first
        head.wait_for()
        page.wait_for_timeout(800)
        places[path] = round(head.bounding_box()["y"])
    assert max(places.values()) - min(places.values()) <= 2, places


def test_the_menu_leads_everywhere(page):
    """Sweeps, Compare and the API have entries of their own."""
    page.at("/workflows")
    menu = page.get_by_test_id("stSidebar")
    expect(menu.get_by_role("link", name="Compare")).to_be_visible()
    expect(menu.get_by_role("link", name="Sweeps")).to_be_visible()
    assert menu.get_by_role("link", name="For programs").get_attribute("href").endswith("/api/docs")


def test_the_state_of_a_restart_takes_one_row(page, filled):
    """What is below does not stand lower where the row of the state also names the workflow that was restarted."""
    post(filled, "/api/queues/steps/pause", b"{}", "application/json")
    try:
        restarted = post(filled, "/api/workflows/1/restart", b"{}", "application/json")["id"]
        wanted = {"dataset_id": 1, "target": "abone mi", "algorithm": "LR", "params": {"epochs": 3}}
        started = post(filled, "/api/workflows", json.dumps(wanted).encode(), "application/json")["id"]
        places = []
        for number in (restarted, started):
            page.at(f"/workflow?id={number}")
            expect(page.get_by_text("Live · every 2 s")).to_be_visible()
            page.wait_for_timeout(800)
            places.append(page.get_by_test_id("stProgress").first.bounding_box()["y"])
        assert abs(places[0] - places[1]) <= 2
    finally:
        post(filled, "/api/queues/steps/resume", b"{}", "application/json")
