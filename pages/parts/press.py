"""Presses and dialogs: a verb that runs once, even when its button is pressed twice, and its result.

A page keeps one `PageState`. Its buttons call verbs through `press` or `go`; its dialogs are opened by `ask`, drawn by
`dialog`, and closed by `close`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from jobs.language import sentence
from pages.parts import links, words
from store.errors import RequestError

DOUBLE_CLICK_SECONDS = 2.0


@dataclass
class PageState:
    """What a page remembers between two runs: the open dialog, and the result of the last press.

    The second half of a double click can interrupt a run wherever the page touches `st.session_state`, but not where
    it sets a field of this.
    """

    question: str = ""
    about: Any = ""
    secret: str = ""
    toast: str = ""
    refused: str = ""
    leads_to: tuple[str, dict[str, str]] | None = None
    changed: bool = False
    act: int = 0
    at: float = 0.0

    def press(self, verb: Callable[..., Any], *args: Any) -> Any:
        """Call a verb and return its result; None when it was refused, or is the second half of a double click."""
        act = hash((verb.__name__, repr(args)))
        if act == self.act and time.monotonic() - self.at < DOUBLE_CLICK_SECONDS:
            return None
        self.refused = ""
        try:
            made = verb(*args)
        except RequestError as refused:
            self.refused = sentence(refused.message)
            return None
        self.act, self.at, self.changed = act, time.monotonic(), True
        return made

    def go(self, verb: Callable[..., Any], *args: Any) -> None:
        """Call a verb that makes a workflow; the next run of the page opens that."""
        if made := self.press(verb, *args):
            self.close()
            self.open(made.id)

    def follow(self) -> None:
        """At the top of a page: open what the last press leads to."""
        self.changed = False
        if self.leads_to:
            page, query = self.leads_to
            self.leads_to = None
            st.switch_page(page, query_params=query)

    def open(self, workflow_id: int) -> None:
        """Have the next run of the page open a workflow."""
        self.leads_to = links.WORKFLOW, {"id": str(workflow_id)}

    def refresh(self) -> None:
        """At the top of a fragment: run the whole page when a button of this part changed something."""
        if self.leads_to or self.changed or (self.refused and not self.question):
            st.rerun()

    def ask(self, question: str, about: Any = "") -> None:
        """Open a dialog; it stays open, whatever else is redrawn, until it is closed."""
        self.question, self.about, self.secret, self.refused = question, about, "", ""

    def close(self, toast: str = "") -> None:
        """Close the dialog; `toast` is shown once."""
        self.question = self.about = self.secret = self.refused = ""
        self.toast = toast

    def dialog(
        self, title: str, icon: str, draw: Callable[[], None], width: Literal["small", "large"] = "small"
    ) -> None:
        """Draw the question that is open as a dialog."""
        shown = self.question

        def body() -> None:
            if self.question != shown:
                st.rerun()  # the first half of a double click has closed it
            draw()

        st.dialog(title, icon=f":material/{icon}:", width=width, on_dismiss=self.close)(body)()

    def confirm(self, do: str, icon: str, keep: str, key: str, destroys: bool = False) -> bool:
        """Draw the two buttons of a dialog that asks for confirmation; return True once it is given. What cannot be
        undone is red."""
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(keep, key=f"{key}-keep"):
                self.close()
                st.rerun()
            if destroys:
                return st.button(f":red[:material/{icon}: {do}]", key=f"{key}-sure")
            return st.button(do, type="primary", icon=f":material/{icon}:", key=f"{key}-sure")

    def report(self) -> None:
        """Show the result of the last press, once."""
        if self.toast:
            st.toast(words.plain(self.toast), icon=":material/check_circle:")
            self.toast = ""
        if not self.question:
            self.problem()

    def problem(self) -> None:
        """Show once why the last press was refused."""
        if self.refused:
            st.error(words.plain(self.refused), icon=":material/error:")
            self.refused = ""


def page_state(key: str) -> PageState:
    """Return the state of the page with this key, for this visitor."""
    state: PageState = st.session_state.setdefault(key, PageState())
    return state
