"""Try all in a real browser, with the real app: from the sample to a leaderboard, and on to Compare."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 90_000
expect.set_options(timeout=30_000)


def ask(app, path, method="GET"):
    request = urllib.request.Request(app.url + path, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.rare
def test_every_algorithm_is_tried_and_ranked(app, browser):
    """One press starts six trials; the page becomes a leaderboard by itself, prepared once, and leads to Compare."""
    dataset = ask(app, "/api/datasets/sample", "POST")["id"]
    context = browser.new_context(viewport={"width": 1400, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app.url}/new?dataset={dataset}")
    page.get_by_role("button", name="Try all 6").click()
    page.wait_for_url(re.compile(r"/sweep\?id=\d+"))
    expect(page.get_by_text("Leaderboard")).to_be_visible()
    expect(page.get_by_text("6 of 6 trials completed")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name=re.compile("accuracy"))).to_be_visible()
    number = re.search(r"id=(\d+)", page.url)[1]
    sweep = ask(app, f"/api/sweeps/{number}")
    best = sweep["leaderboard"][0]
    assert sweep["best"] == best["workflow_id"] and best["equal"] and best["score"] > 0.8
    rows = ask(app, f"/api/workflows?sweep_id={sweep['id']}")
    reused = [step["reused_from"] is not None for row in rows for step in row["steps"] if step["key"] == "preprocess"]
    assert sorted(reused) == [False, True, True, True, True, True], "prepared once"
    page.get_by_role("main").get_by_role("link", name="Compare").click()
    page.wait_for_url(re.compile(r"/compare\?ids="))
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    context.close()
