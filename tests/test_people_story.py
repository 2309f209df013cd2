"""From nobody to several people in a real browser: what only a browser can show, such as double clicks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.accounts import PASSWORD, command, sign_in
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAILS = """
from helpers import cast
from jobs import chain
number = cast.play(mood="refuses")
chain.run_workflow(number)
print(number)
"""


@pytest.fixture
def tab(app, browser):
    """Opens a page of the app, in a browser of its own."""
    contexts = []

    def open_page(path):
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 1000}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(app.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def failed_workflow(app):
    """A workflow that fails at once; its cell offers Retry."""
    made = subprocess.run(
        [sys.executable, "-c", FAILS],
        env=os.environ | {"TRAINYARD_HOME": str(app.home)},
        text=True,
        cwd=Path(__file__).parent.parent,
        check=True,
        timeout=60,
        capture_output=True,
    )
    return int(made.stdout)


def test_the_first_admin_brings_in_the_second_person(app, tab):
    """Adding oneself leads to the way in; a double click adds one person and makes one token; a role that is taken
    away while a page is open is told there."""
    admin = tab("/people")
    admin.get_by_label("Your name").fill("ayşe")
    admin.get_by_label("Password", exact=True).fill(PASSWORD)
    admin.get_by_label("Repeat the password").fill(PASSWORD)
    admin.get_by_role("button", name="Create my admin account").dblclick()
    expect(admin).to_have_url(re.compile("/login"), timeout=30_000)
    sign_in(admin, "ayşe")
    expect(admin.get_by_text("1 person")).to_be_visible(timeout=30_000)

    admin.get_by_role("button", name="Add person").click()
    admin.get_by_label("Name").fill("zeynep")
    admin.get_by_role("button", name="Add", exact=True).dblclick()
    expect(admin.get_by_role("heading", name="Password of zeynep")).to_be_visible(timeout=30_000)
    made = admin.get_by_role("dialog").locator("code").inner_text()
    admin.get_by_role("button", name="Done").click()
    expect(admin.get_by_text("2 people")).to_be_visible(timeout=30_000)
    expect(admin.get_by_text(made)).to_have_count(0)

    number = failed_workflow(app)
    analyst = tab(f"/workflow?id={number}")
    sign_in(analyst, "zeynep", made)
    retry = analyst.get_by_role("button", name="Retry")
    expect(retry).to_be_enabled(timeout=60_000)
    command(app, "user", "role", "zeynep", "viewer")
    retry.click()
    expect(analyst.get_by_text("who may not do this")).to_be_visible(timeout=30_000)
    expect(retry).to_have_count(0)

    analyst.get_by_role("link", name="Signed in as zeynep").click()
    analyst.get_by_role("button", name="Create token").click()
    dialog = analyst.get_by_role("dialog")
    dialog.get_by_label("What is it for").fill("laptop")
    dialog.get_by_role("button", name="Create token").dblclick()
    expect(dialog.get_by_text("Copy it now")).to_be_visible(timeout=30_000)
    secret = dialog.locator("code").first.inner_text()
    assert secret.startswith("ty_")
    analyst.keyboard.press("Escape")
    expect(dialog).to_have_count(0, timeout=30_000)
    expect(analyst.get_by_role("button", name="Revoke")).to_have_count(1)
    analyst.get_by_role("button", name="Create token").click()
    expect(dialog.get_by_label("What is it for")).to_be_visible(timeout=30_000)
    assert secret not in analyst.content()
