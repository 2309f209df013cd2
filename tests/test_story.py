"""A newcomer's story in a real browser, with the real app: from a Turkish Excel export to a model that predicts."""

import json
import re
import subprocess
import sys
import time
import urllib.request

import pytest
from helpers.tables import turkish
from helpers.tiers import seldom
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 60_000
expect.set_options(timeout=30_000)
PREDICT = """
import sys, joblib, pandas
model, table = joblib.load(sys.argv[1]), pandas.read_csv(sys.argv[2], sep=";", decimal=",", encoding="cp1254")
right = (model.predict(table) == table["abone mi"]).mean()
assert not [name for name in sys.modules if name.split(".")[0] in ("jobs", "store", "pages", "streamlit")]
print(right)
"""


def ask(app, path):
    with urllib.request.urlopen(app.url + path, timeout=20) as answer:
        return json.load(answer)


def post(app, path, body):
    request = urllib.request.Request(app.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def predict(model, table):
    """The share of raw rows that a downloaded model gets right, in a process that knows nothing of Trainyard."""
    answer = subprocess.run(
        [sys.executable, "-I", "-c", PREDICT, str(model), str(table)],
        cwd=model.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return float(answer.stdout)


@pytest.fixture
def visit(app, browser):
    """Opens a page of the app in a browser of its own."""
    contexts = []

    def open_page(path):
        context = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(app.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def workflow_id(page):
    expect(page).to_have_url(re.compile(r"/workflow\?id=\d+"), timeout=PATIENCE)
    return int(re.search(r"id=(\d+)", page.url)[1])


def wait_until_completed(app, page):
    """Wait for the workflow to complete, and for the page to say so by itself."""
    number = workflow_id(page)
    end = time.monotonic() + PATIENCE / 1000
    while (status := ask(app, f"/api/workflows/{number}")["status"]) in ("pending", "running"):
        assert time.monotonic() < end, f"workflow {number} is still {status}"
        time.sleep(0.1)
    assert status == "completed"
    expect(page.get_by_role("button", name="Download model")).to_be_visible(timeout=PATIENCE)


def settle(page):
    """Wait until the page's script has ended."""
    page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for()


def press(page, name):
    page.get_by_role("button", name=name, exact=True).first.click()


def test_from_file_to_prediction(app, visit, tmp_path):
    """Upload, start, watch the curve grow, leave and come back, restart, compose, download, predict."""
    table = tmp_path / "müşteriler.csv"
    table.write_bytes(turkish(rows=4000))

    page = visit("/")
    expect(page).to_have_url(re.compile("/new"), timeout=PATIENCE)
    page.locator("input[type=file]").set_input_files(str(table))
    expect(page.get_by_text("abone mi").first).to_be_visible()
    page.get_by_text("Neural network", exact=True).click()
    expect(page.get_by_text("by neural network")).to_be_visible()
    page.get_by_text("Settings", exact=True).click()
    epochs = page.get_by_label("Epochs", exact=True)
    expect(epochs).to_have_count(1)
    settle(page)
    epochs.fill("150")
    epochs.press("Enter")
    expect(page.get_by_text("epochs 150")).to_be_visible()
    press(page, "Start training")
    first = workflow_id(page)

    expect(page.get_by_text("Validation").first).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .scatterlayer .trace').length > 0")
    seen = len(ask(app, f"/api/workflows/{first}/metrics"))
    page.context.close()

    elsewhere = visit(f"/workflow?id={first}")
    wait_until_completed(app, elsewhere)
    epochs_seen = [row["epoch"] for row in ask(app, f"/api/workflows/{first}/metrics")]
    assert epochs_seen == list(range(1, 151)) and 0 < seen <= 150
    assert ask(app, f"/api/workflows/{first}")["scores"]["accuracy"] > 0.8

    press(elsewhere, "Restart")
    expect(elsewhere).not_to_have_url(re.compile(rf"id={first}$"), timeout=PATIENCE)
    second = workflow_id(elsewhere)
    wait_until_completed(app, elsewhere)
    restarted = ask(app, f"/api/workflows/{second}")
    assert restarted["parent_id"] == first
    assert [step["reused_from"] for step in restarted["steps"]][:2] == [first, first]

    press(elsewhere, "Compose")
    elsewhere.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    expect(elsewhere).not_to_have_url(re.compile(rf"id={second}$"), timeout=PATIENCE)
    wait_until_completed(app, elsewhere)

    with elsewhere.expect_download() as download:
        press(elsewhere, "Download model")
    model = tmp_path / "model.joblib"
    download.value.save_as(model)
    assert predict(model, table) > 0.8


@pytest.mark.parametrize(
    "algorithm",
    seldom(["logistic_regression", "linear_svm", "perceptron", "passive_aggressive", "hist_gradient_boosting"]),
)
def test_each_algorithm_from_the_browser_to_a_model_that_predicts(app, visit, tmp_path, algorithm):
    """A Turkish file, started in the browser: the downloaded model beats the baseline on its raw rows."""
    table = tmp_path / "müşteriler.csv"
    table.write_bytes(turkish(rows=600))
    upload = urllib.request.Request(app.url + "/api/datasets?name=m.csv", table.read_bytes())
    with urllib.request.urlopen(upload, timeout=30) as answer:
        dataset = json.load(answer)["id"]
    page = visit(f"/new?dataset={dataset}&algorithm={algorithm}")
    press(page, "Start training")
    wait_until_completed(app, page)
    done = ask(app, f"/api/workflows/{workflow_id(page)}")
    assert (done["algorithm"], done["target"]) == (algorithm, "abone mi")
    model = tmp_path / "model.joblib"
    urllib.request.urlretrieve(f"{app.url}/api/workflows/{done['id']}/model", model)
    assert predict(model, table) > done["scores"]["baseline_accuracy"] + 0.1


def test_three_clicks_for_no_choices(app, visit):
    """The sample, then start: two clicks, and a model is there."""
    page = visit("/new")
    press(page, "Try it with the sample")
    press(page, "Start training")
    wait_until_completed(app, page)
    assert ask(app, f"/api/workflows/{workflow_id(page)}")["scores"]["accuracy"] > 0.8


def test_a_double_click_starts_one_workflow(app, visit):
    """Starting twice by accident is starting once."""
    before = len(ask(app, "/api/workflows?limit=100"))
    page = visit("/new")
    press(page, "Try it with the sample")
    page.get_by_role("button", name="Start training", exact=True).first.dblclick()
    workflow_id(page)
    page.wait_for_timeout(1500)
    assert len(ask(app, "/api/workflows?limit=100")) == before + 1


def test_twenty_at_once(app, visit):
    """Twenty workflows submitted at once all complete on two workers, while every page stays quick to use."""
    dataset = post(app, "/api/datasets/sample", {})["id"]
    body = {"dataset_id": dataset, "target": "churned", "algorithm": "logistic_regression"}
    ids = {post(app, "/api/workflows", body | {"params": {"random_state": seed}})["id"] for seed in range(20)}
    page = visit("/queues")
    for path in ("/new", "/workflows", f"/workflow?id={max(ids)}", "/datasets", "/queues"):
        page.goto(app.url + path)
        page.locator("[data-testid=stMain] h1, [data-testid=stMain] h2").first.wait_for(timeout=10_000)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        states = {each["status"] for each in ask(app, "/api/workflows?limit=200") if each["id"] in ids}
        if states == {"completed"}:
            return
        time.sleep(0.5)
    raise AssertionError(f"not all completed: {states}")


@pytest.mark.parametrize(
    "path",
    [
        "/new",
        "/workflows",
        "/datasets",
        "/queues",
        "/rq-dashboard",
        "/workflow?id=1",
        "/compare?ids=1,2",
        "/workflow?id=rubbish",
        "/compare?ids=<b>",
        "/datasets?id=-1",
        "/workflows?page=zzz&sort=;drop&status=x",
    ],
)
@pytest.mark.parametrize("width", [1400, 420])
def test_pages_open_without_errors(app, visit, path, width):
    """Every page opens at every width, shows no exception, and is not wider than its window."""
    page = visit("/queues")
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(app.url + path)
    page.locator("[data-testid=stMain] h1, [data-testid=stMain] h2").first.wait_for()
    page.wait_for_timeout(700)
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert errors == []
