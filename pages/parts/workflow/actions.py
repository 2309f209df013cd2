"""What a press on a button of the workflow page does: one verb, then a way on."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.parts import links
from store.errors import Refused

GO, AGAIN, SAID, DIALOG, ACTED = (f"workflow-{word}" for word in ("go", "again", "said", "dialog", "acted"))
DOUBLE_CLICK_SECONDS = 2.0


def perform(verb: Callable[..., Any], *args: Any, leave: bool = True) -> None:
    """Call a verb; then go to the workflow it made, or stay and draw anew. A double click acts once."""
    act = (verb.__name__, repr(args))
    if just_done(act):
        return
    try:
        made = verb(*args)
    except Refused as refused:
        st.session_state[SAID] = refused.sentence
        return
    done(act)
    st.session_state.pop(DIALOG, None)
    if leave:
        st.session_state[GO] = made.id
    else:
        st.session_state[AGAIN] = True


def just_done(act: object) -> bool:
    """Whether this very act was done a moment ago, as by the first half of a double click."""
    before, at = st.session_state.get(ACTED, (None, 0.0))
    return bool(before == act and time.monotonic() - at < DOUBLE_CLICK_SECONDS)


def done(act: object) -> None:
    st.session_state[ACTED] = (act, time.monotonic())


def ask(dialog: str, workflow_id: int) -> None:
    """Open a dialog; it stays open, whatever else is drawn anew, until it is closed."""
    st.session_state[DIALOG] = (dialog, workflow_id)


def asked(workflow_id: int) -> str:
    """Which dialog is open on this workflow's page."""
    dialog, opened_on = st.session_state.get(DIALOG, ("", None))
    return dialog if opened_on == workflow_id else ""


def close() -> None:
    st.session_state.pop(DIALOG, None)
    st.session_state.pop(SAID, None)


def settle() -> None:
    """At the top of a page: go where the last act leads."""
    st.session_state.pop(AGAIN, None)
    go = st.session_state.pop(GO, None)
    if go is not None:
        links.go_to_workflow(go)


def settle_part() -> None:
    """At the top of a fragment or dialog: let the page act on what a button of this part did."""
    refused = SAID in st.session_state and DIALOG not in st.session_state  # in a dialog, that says so itself
    if GO in st.session_state or AGAIN in st.session_state or refused:
        st.rerun()


def said() -> str:
    """Why the last act was refused; said once."""
    return str(st.session_state.pop(SAID, ""))
