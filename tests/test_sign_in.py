"""Signing in, in a real browser with the real app: who comes in, what they see, and how it ends."""

import re

import pytest
from helpers.accounts import PASSWORD, command, sign_in
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def people(app):
    """An admin and a viewer, added beside the running app."""
    for name, role in (("ayşe", "admin"), ("veli", "viewer")):
        command(app, "user", "add", name, "--role", role, "--password-stdin", typed=PASSWORD)
    return app


@pytest.fixture
def browse(people, browser):
    """Opens a page in a browser of its own."""
    contexts = []

    def open_page(path):
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.goto(people.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_signing_in_leads_to_the_page_that_was_asked_for(browse):
    """A shared address asks to sign in, says when that was wrong, and then shows what was shared."""
    page = browse("/workflows?status=failed")
    expect(page).to_have_url(re.compile("/login"))
    sign_in(page, "ayşe", "not-the-password")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    sign_in(page, "AYŞE")
    expect(page).to_have_url(re.compile(r"/workflows\?status=failed$"), timeout=30_000)
    expect(page.get_by_role("heading", name="Workflows", exact=True)).to_be_visible(timeout=30_000)


def test_a_viewer_is_told_what_they_are(browse):
    """Where others start work, a viewer reads why there is nothing to press."""
    page = browse("/new")
    sign_in(page, "veli")
    expect(page.get_by_text("signed in as a viewer")).to_be_visible(timeout=30_000)
    assert page.get_by_role("button", name="Start training").count() == 0


def test_a_session_that_is_ended_takes_its_pages_along(people, browse):
    """When an admin ends somebody's sessions, their open page leads to the way in, by itself."""
    page = browse("/queues")
    sign_in(page, "veli")
    expect(page.get_by_role("heading", name="Queues").first).to_be_visible(timeout=30_000)
    command(people, "user", "signout", "veli")
    expect(page).to_have_url(re.compile("/login"), timeout=20_000)


def test_signing_out_closes_every_tab(browse):
    """Sign out on one tab, and the other of the same browser is out as well."""
    page = browse("/account")
    sign_in(page, "ayşe")
    expect(page.get_by_role("button", name="Sign out").first).to_be_visible(timeout=30_000)
    other = page.context.new_page()
    other.goto(page.url.replace("/account", "/queues"))
    expect(other.get_by_role("heading", name="Queues").first).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Sign out").first.click()
    expect(page).to_have_url(re.compile("/login"), timeout=20_000)
    expect(other).to_have_url(re.compile("/login"), timeout=20_000)
