"""Notices of the browser: offered before and while a workflow runs, sent when it has ended under the visitor's eyes."""

import json

import streamlit as st
from helpers.notebooks import claim, done, page, tabular
from helpers.visitors import checked

from pages.parts import notify
from store import steps
from store.messages import Message


def notices(seen):
    """The data that the page hands to the browser for notices."""
    return [json.loads(each.proto.json) for each in seen.get("bidi_component")]


def test_a_notice_is_offered_while_a_workflow_runs_and_sent_when_it_ended(home, monkeypatch):
    """The button is there while something can still end; then what ended, and how, goes to the browser."""
    titles = []
    monkeypatch.setattr(st, "set_page_config", lambda **given: titles.append(given.get("page_title")))
    number = done(tabular(name="big <60>"), "upload", "preprocess")
    seen = page(id=number)
    (offered,) = notices(seen)
    assert offered["id"] == number and offered["ended"] == "" and offered["words"]["off"] == "Notify me when it ends"
    done(number, "train", "evaluate")
    seen = checked(seen.run())
    (sent,) = notices(seen)
    assert sent["title"] == f"#{number} big <60>" and sent["ended"].startswith("Completed")
    assert titles[-1] == f"✓ done · #{number} big <60> · Completed · Trainyard"


def test_what_had_ended_before_is_no_news(home, monkeypatch):
    """Who opens the page of a workflow that is over gets neither a button nor a notice, nor a title that says so."""
    titles = []
    monkeypatch.setattr(st, "set_page_config", lambda **given: titles.append(given.get("page_title")))
    number = done(tabular(), "upload", "preprocess", "train", "evaluate")
    assert notices(page(id=number)) == [] and titles[-1].startswith(f"#{number} ")


def test_a_failure_is_told_too(home, monkeypatch):
    """A workflow that failed has ended."""
    titles = []
    monkeypatch.setattr(st, "set_page_config", lambda **given: titles.append(given.get("page_title")))
    number = done(tabular(), "upload", "preprocess")
    seen = page(id=number)
    steps.fail(claim(number, "train"), Message("error", {"text": "It broke."}), "", again=False)
    (sent,) = notices(checked(seen.run()))
    assert sent["ended"].startswith("Failed") and titles[-1].startswith("✗ failed · ")


def test_the_script_sends_nothing_anywhere():
    """It remembers one choice in the browser and asks for permission on a click; it writes text, and no markup."""
    for forbidden in ("fetch(", "XMLHttpRequest", "innerHTML", "eval(", "import(", "http"):
        assert forbidden not in notify.JS
    assert "requestPermission" in notify.JS.partition("onclick")[2]
