"""A pipeline that somebody wrote in a folder of their own, in the real app and a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from conftest import App
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)
HELPER = "FACTOR = 2\n\n\ndef scaled(number):\n    return number * FACTOR\n"
FORECAST = """
from pathlib import Path
from time import sleep

import factor_of_story

from jobs.pipelines import Measure, Param, StepError, Table, pipeline, step


@step("collect", params=[Param("rows", "int", 300, "Rows", low=1)])
def collect(context):
    context.log(f"Collecting {context.params['rows']} rows")
    return {"total": factor_of_story.scaled(context.params["rows"])}


@step("eğit", needs=("collect",), params=[Param("epochs", "int", 3, "Epochs", low=1)])
def egit(context):
    epochs = context.params["epochs"]
    for epoch in range(1, epochs + 1):
        context.metric(epoch, loss=1 / epoch)
        context.progress(epoch, epochs, f"epoch {epoch}")
        sleep(0.1)
    return {"scores": {"fit": 1 - 1 / epochs, "total": float(context.result("collect")["total"])}}


@step("check", needs=("eğit",), params=[Param("limit", "float", 0.9, "Limit", low=0, high=1)])
def check(context):
    if Path(__file__).with_name("closed").exists():
        raise StepError("The warehouse is closed.")
    table = Table(columns=["Region", "Demand"], rows=[["North", 12], ["South", 7]], label="Demand by region")
    return {"scores": {"quality": context.params["limit"]}, "table": table}


pipeline(
    "forecast", collect, egit, check,
    label="Forecast",
    description="Estimates next week's demand.",
    measures=(Measure("quality", "Quality", share=True, main=True), Measure("fit", "Fit", share=True)),
    facets=lambda params, inputs: {"size": "large" if params["rows"] > 1000 else "small"},
)
"""
STOCK = """
from jobs.pipelines import Param, pipeline, step


@step("collect", params=[Param("rows", "int", 300, "Rows", low=1)])
def collect(context):
    return {"total": -1}


pipeline("stock", collect, label="Stock")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder outside the repository, with two pipelines and a helper."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "factor_of_story.py").write_text(HELPER)
    (folder / "forecast_of_story.py").write_text(FORECAST)
    (folder / "stock_of_story.py").write_text(STOCK)
    return folder


@pytest.fixture(scope="module")
def app(project):
    """The app, started with that folder; it is never restarted."""
    home = Path(tempfile.mkdtemp(prefix="trainyard-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_PROJECT", str(project))
        patch.setenv("TRAINYARD_PIPELINES", "forecast_of_story,stock_of_story")
        running = App(home)
        yield running
    alive = running.stop()
    for process in alive:
        process.kill()
    shutil.rmtree(home, ignore_errors=True)
    running.log.unlink()
    assert alive == []


@pytest.fixture
def page(app, browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def ask(app, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(app.url + "/api" + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def started(app, pipeline="forecast", **params):
    return ask(app, "/workflows", {"pipeline": pipeline, "params": params})["id"]


def ended(app, number):
    """The workflow when it is over, with its steps by name."""
    end = time.monotonic() + PATIENCE / 1000
    while (workflow := ask(app, f"/workflows/{number}"))["status"] in ("pending", "running"):
        assert time.monotonic() < end, workflow
        time.sleep(0.05)
    return workflow, {step["name"]: step for step in workflow["steps"]}


def completed(app, number):
    workflow, steps = ended(app, number)
    assert workflow["status"] == "completed", workflow
    return workflow, steps


def number_on(page):
    expect(page).to_have_url(re.compile(r"/workflow\?id=\d+"))
    return int(re.search(r"id=(\d+)", page.url)[1])


def another_number(page, before):
    expect(page).not_to_have_url(re.compile(rf"id={before}$"))
    return number_on(page)


def cell(page, title):
    """The cell of a step in the notebook."""
    return page.locator("[class*='st-key-cell-']").filter(has=page.get_by_role("heading", name=title))


def until_drawn(page, words):
    """Wait until the picture of the steps, an SVG in an image, says this."""
    picture = page.get_by_role("img", name="3 steps and what each of them needs")
    end, said = time.monotonic() + PATIENCE / 1000, ""
    while words not in said:
        assert time.monotonic() < end, said
        page.wait_for_timeout(100)
        said = picture.evaluate("async image => await (await fetch(image.src).catch(() => new Response(''))).text()")
        said = " ".join(re.sub("<[^>]+>", " ", said).split())


def press(page, name):
    page.get_by_role("button", name=name, exact=True).first.click()


def write(place, label, value):
    field = place.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_it_is_started_from_the_page_and_watched_live(app, page):
    """New offers it with a form of its params; its graph and cells follow the run, and its facet finds it."""
    page.goto(app.url + "/new")
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_text("Estimates next week's demand.")).to_be_visible()
    write(page, "Epochs", 100)
    expect(page.get_by_text("Changed: epochs 100")).to_be_visible()
    write(page, "Rows", 2000)
    expect(page.get_by_text("rows 2000")).to_be_visible()
    page.get_by_text("The same from a terminal or a program").click()
    expect(page.get_by_text("submit --pipeline forecast --set rows=2000 --set epochs=100")).to_be_visible()
    press(page, "Start")
    number = number_on(page)

    expect(cell(page, "Eğit").get_by_text(re.compile(r"Epoch \d+"))).to_be_visible()
    expect(cell(page, "Eğit").locator(".js-plotly-plot").first).to_be_visible()
    expect(cell(page, "Check").get_by_text("Waiting for eğit")).to_be_visible()
    page.get_by_text("Graph", exact=True).click()
    until_drawn(page, "Eğit Running")
    assert ask(app, f"/workflows/{number}")["status"] == "running", "all this was seen while it ran"
    until_drawn(page, "✓ Check Completed")

    workflow, steps = completed(app, number)
    assert workflow["scores"] == {"fit": pytest.approx(1 - 1 / 100), "total": 4000.0, "quality": 0.9}
    assert "fit" in steps["eğit"]["scores"] and steps["check"]["scores"] == {"quality": 0.9}
    page.get_by_text("Cells", exact=True).click()
    expect(cell(page, "Check").get_by_text("Demand by region")).to_be_visible()

    small = started(app, rows=7)
    completed(app, small)
    page.goto(app.url + "/workflows")
    page.locator("[class*='facet-size'] [role=combobox], [class*='facet-size'] input").first.click()
    page.get_by_role("option", name="large").click()
    expect(page).to_have_url(re.compile("size=large"))
    expect(page.get_by_text("1 workflow ·")).to_be_visible()
    found = ask(app, "/workflows?" + urllib.parse.urlencode({"pipeline": "forecast", "facet": "size=large"}))
    assert [each["id"] for each in found] == [number]


def test_it_is_started_by_a_command_and_a_request(app, project):
    """The command line and the API start it as the page does, and share what is unchanged."""
    settings = {"TRAINYARD_HOME": str(app.home), "TRAINYARD_PROJECT": str(project)}
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "submit", "--pipeline", "forecast", "--set", "rows=11", "--wait", "--json"],
        cwd=ROOT,
        env=os.environ | settings | {"TRAINYARD_PIPELINES": "forecast_of_story,stock_of_story"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first = json.loads(done.stdout)
    assert (first["status"], first["scores"]["total"]) == ("completed", 22.0)
    _, steps = completed(app, started(app, rows=11))
    assert [step["reused_from"] for step in steps.values()] == [first["id"]] * 3


def test_it_is_restarted_and_run_from_its_second_step(app, page):
    """Restart reuses every step; Run from here with another param reuses the first and runs the rest."""
    first = started(app, rows=21)
    completed(app, first)
    page.goto(f"{app.url}/workflow?id={first}")
    press(page, "Restart")
    second = another_number(page, first)
    restarted, steps = completed(app, second)
    assert (restarted["pipeline"], restarted["parent_id"]) == ("forecast", first)
    assert {step["reused_from"] for step in steps.values()} == {first}

    expect(cell(page, "Check").get_by_text("Completed")).to_be_visible()
    cell(page, "Eğit").get_by_role("radio", name="Settings").click()
    write(cell(page, "Eğit"), "Epochs", 5)
    expect(page.get_by_text("collect is reused, eğit and check run.")).to_be_visible()
    press(page, "Run from here")
    changed, steps = completed(app, another_number(page, second))
    assert changed["params"] == {"rows": 21, "epochs": 5, "limit": 0.9}
    assert [step["reused_from"] is not None for step in steps.values()] == [True, False, False]


def test_a_failed_step_is_retried(app, page, project):
    """The cell says why it failed; Retry runs that step again, in the same workflow, once the cause is gone."""
    (project / "closed").touch()
    try:
        number = started(app, rows=31)
        assert ended(app, number)[0]["status"] == "failed"
        page.goto(f"{app.url}/workflow?id={number}")
        expect(cell(page, "Check").get_by_text("The warehouse is closed.").first).to_be_visible()
    finally:
        (project / "closed").unlink()
    cell(page, "Check").get_by_role("button", name="Retry").click()
    expect(cell(page, "Check").get_by_text("Demand by region")).to_be_visible()
    _, steps = completed(app, number)
    assert [step["attempt"] for step in steps.values()] == [1, 1, 2]


def test_an_edited_helper_counts_without_a_restart(app, page, project):
    """After a change in the helper, the same settings run anew in the app that has been running all along."""
    first = started(app, rows=41)
    assert completed(app, first)[0]["scores"]["total"] == 82.0
    (project / "factor_of_story.py").write_text(HELPER.replace("FACTOR = 2", "FACTOR = 5"))
    try:
        page.goto(f"{app.url}/workflow?id={first}")
        press(page, "Restart")
        workflow, steps = completed(app, another_number(page, first))
    finally:
        (project / "factor_of_story.py").write_text(HELPER)
    assert workflow["scores"]["total"] == 205.0
    assert steps["collect"]["reused_from"] is None and steps["eğit"]["reused_from"] is None
    expect(cell(page, "Collect").get_by_text("205")).to_be_visible()


def test_a_step_of_the_same_name_in_another_pipeline_is_another_step(app):
    """Equal names and equal params do not make another pipeline's result one's own."""
    completed(app, started(app, rows=51))
    _, steps = completed(app, started(app, "stock", rows=51))
    assert steps["collect"]["result"] == {"total": -1} and steps["collect"]["reused_from"] is None
