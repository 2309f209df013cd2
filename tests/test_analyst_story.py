"""An analyst's story in a real browser, start to end: an Excel file in, every model tried, a threshold moved, a report
saved, today's customers predicted. And the same by commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from datetime import datetime, timedelta

import numpy as np
import openpyxl
import pytest
from conftest import App
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 120_000
expect.set_options(timeout=90_000)
HEADER = ["Müşteri No", "Kayıt Zamanı", "Şehir", "Dakika", "Görüş", "İki Ay Sonra"]
GLAD = ["çok memnunum", "hızlı ve güzel", "teşekkür ederim herkese", "İyi ki gelmişim"]
SAD = ["çok yavaş", "pahalı buldum", "bir türlü açılmıyor", "IŞIK yanmıyor yine"]
FILLERS = ["dün", "akşam", "mağazada", "telefonda", "bugün", "arkadaşım", "yeni", "paket", "için", "geldim"]


def customers(path, rows, seed, answers=True):
    """A workbook of Turkish names, with a moment, a text, copies of rows and a target whose name says nothing."""
    random, begin = np.random.default_rng(seed), datetime(2026, 1, 1)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(HEADER if answers else HEADER[:-1])
    made = []
    for number in range(rows):
        moment = begin + timedelta(hours=int(random.integers(0, 5000)), minutes=int(random.integers(0, 60)))
        fee, sad = float(round(random.gamma(4, 60), 2)), random.random() < 0.4
        words = [*random.choice(FILLERS, 4), random.choice(SAD if sad else GLAD), *random.choice(FILLERS, 3)]
        leaves = 2.2 * sad + (fee - 240) / 200 + 0.6 * (moment.hour >= 18) + random.normal(0, 0.5) > 1.2
        city = str(random.choice(["İstanbul", "Ağrı", "Muş", "Iğdır"]))
        made.append([50_000 + number, moment, city, fee, " ".join(map(str, words)), "gitti" if leaves else "kaldı"])
    for row in [*made, *made[: rows // 20]]:
        sheet.append(row if answers else row[:-1])
    book.save(path)
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The app, and the two workbooks: what is known of customers, and those of today."""
    folder = tmp_path_factory.mktemp("analyst")
    app = App(folder / "home")
    yield app, customers(folder / "müşteriler.xlsx", 900, 1), customers(folder / "bugün.xlsx", 40, 2, answers=False)
    for process in app.stop():
        process.kill()


def ask(app, path):
    with urllib.request.urlopen(app.url + path, timeout=20) as answer:
        return json.load(answer)


def press(page, name):
    page.get_by_role("button", name=name).first.click()


def saved(page, name, folder):
    """Press a button that downloads something; where it lies."""
    with page.expect_download() as download:
        press(page, name)
    download.value.save_as(path := folder / download.value.suggested_filename)
    return path


def rows_of(path):
    return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]


def by_browser(today):
    """Where the first test leaves what the browser predicted, for the second to compare."""
    return today.with_name("by browser.xlsx")


def test_from_a_workbook_to_predictions_in_the_browser(shop, browser, tmp_path):
    """No target is guessed; every algorithm is tried and ranked; a threshold is moved; a report and predictions come
    out."""
    app, known, today = shop
    context = browser.new_context(viewport={"width": 1400, "height": 1600}, accept_downloads=True, locale="tr-TR")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app.url}/new")
    page.locator("input[type=file]").set_input_files(str(known))
    expect(page.get_by_text("rows are exact copies of others")).to_be_visible()
    expect(page.get_by_text("It may be one of these")).to_be_visible()
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name=HEADER[-1]).click()
    press(page, re.compile("Try all"))
    page.wait_for_url(re.compile(r"/sweep\?id=1"))
    expect(page.get_by_text("6 of 6 trials completed")).to_be_visible()

    board = ask(app, "/api/sweeps/1")["leaderboard"]
    assert all(row["status"] == "completed" for row in board)
    chosen = next(row["workflow_id"] for row in board if row["values"]["algorithm"] == "logistic_regression")
    workflow = ask(app, f"/api/workflows/{chosen}")
    assert workflow["scores"]["accuracy"] > 0.75, "moments and words are learned from"

    page.goto(f"{app.url}/workflow?id={chosen}")
    expect(page.get_by_text("gitti, with")).to_be_visible()
    page.get_by_text("Threshold", exact=True).click()
    for name, value in (("A false alarm costs", "1"), ("A found row gains", "5")):
        page.get_by_role("textbox", name=name).fill(value)
        page.get_by_role("textbox", name=name).press("Enter")
    press(page, re.compile("Best for these costs: "))
    press(page, re.compile("^Predict gitti from .* on"))
    expect(page.get_by_text('"gitti" is predicted from a chance of')).to_be_visible()

    report = saved(page, "Download report", tmp_path).read_text("utf-8")
    assert HEADER[-1] in report and "gitti" in report and not re.search(r"(src|href)=.?https?:", report)

    page.get_by_text("Predict", exact=True).click()
    page.locator("input[type=file]").set_input_files(str(today))
    file = saved(page, re.compile("Download 42 rows"), tmp_path)
    header, *rows = rows_of(file)
    shutil.copy(file, by_browser(today))
    assert header == [*HEADER[:-1], "prediction", "probability", "chance of gitti"] and len(rows) == 42
    assert {row[-3] for row in rows} == {"gitti", "kaldı"} and isinstance(rows[0][1], datetime)
    context.close()


def test_the_same_by_commands(shop, tmp_path):
    """What the browser did, from a terminal in the same home; both give the same predictions."""
    app, known, today = shop

    def command(*given):
        done = subprocess.run(
            [sys.executable, "-m", "jobs", *map(str, given)],
            env=os.environ | {"TRAINYARD_HOME": str(app.home)},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Sweep 2" in command("sweep", known, "--target", HEADER[-1], "--wait")
    board = json.loads(command("sweep", "show", 2, "--json"))["leaderboard"]
    chosen = next(row["workflow_id"] for row in board if row["values"]["algorithm"] == "logistic_regression")
    assert "gitti" in command("threshold", chosen, "--false-alarm-cost", 1, "--found-gain", 5)
    command("report", chosen, "-o", tmp_path / "report.html")
    assert "gitti" in (tmp_path / "report.html").read_text("utf-8")
    command("predict", chosen, today, "-o", tmp_path / "out.xlsx")
    assert by_browser(today).exists(), "this test needs the one above"
    assert rows_of(tmp_path / "out.xlsx") == rows_of(by_browser(today))
