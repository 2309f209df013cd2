"""Presses and dialogs: a verb that runs once, even when its button is pressed twice, and what came of it.

A page keeps one `Held`. Its buttons call verbs through `press` or `go`; its dialogs are opened by `ask`, drawn by
`dialog`, and closed by `answered`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from pages.parts import links, words
from store.errors import RequestError

DOUBLE_CLICK_SECONDS = 2.0


@dataclass
class Held:
    """What a page remembers between two runs: the question that is open, and what the last press led to.

    The second half of a double click can interrupt a run wherever the page touches `st.session_state`, but not where
    it sets a field of this.
    """

    question: str = ""
    about: Any = ""
    secret: str = ""
    said: str = ""
    refused: str = ""
    leads_to: tuple[str, dict[str, str]] | None = None
    changed: bool = False
    act: int = 0
    at: float = 0.0

    def press(self, verb: Callable[..., Any], *args: Any) -> Any:
        """Call a verb and return what it made; None when it was refused, or is the second half of a double click."""
        act = hash((verb.__name__, repr(args)))
        if act == self.act and time.monotonic() - self.at < DOUBLE_CLICK_SECONDS:
            return None
        self.refused = ""
        try:
            made = verb(*args)
        except RequestError as refused:
            self.refused = refused.sentence
            return None
        self.act, self.at, self.changed = act, time.monotonic(), True
        return made

    def go(self, verb: Callable[..., Any], *args: Any) -> None:
        """Call a verb that makes a workflow; the next run of the page opens that."""
        if made := self.press(verb, *args):
            self.answered()
            self.leads_to = links.WORKFLOW, {"id": str(made.id)}

    def settle(self) -> None:
        """At the top of a page: open what the last press leads to."""
        self.changed = False
        if self.leads_to:
            page, query = self.leads_to
            self.leads_to = None
            st.switch_page(page, query_params=query)

    def settle_part(self) -> None:
        """At the top of a fragment: run the whole page when a button of this part changed something."""
        if self.leads_to or self.changed or (self.refused and not self.question):
            st.rerun()

    def ask(self, question: str, about: Any = "") -> None:
        """Open a dialog; it stays open, whatever else is redrawn, until it is answered."""
        self.question, self.about, self.secret, self.refused = question, about, "", ""

    def answered(self, said: str = "") -> None:
        """Close the dialog; `said` is shown once."""
        self.question = self.about = self.secret = self.refused = ""
        self.said = said

    def dialog(
        self, title: str, icon: str, draw: Callable[[], None], width: Literal["small", "large"] = "small"
    ) -> None:
        """Draw the question that is open as a dialog."""
        asked = self.question

        def body() -> None:
            if self.question != asked:
                st.rerun()  # the first half of a double click has answered it
            draw()

        st.dialog(title, icon=f":material/{icon}:", width=width, on_dismiss=self.answered)(body)()

    def sure(self, do: str, icon: str, keep: str, key: str) -> bool:
        """The two buttons of a question that something depends on; True when the reader wants it done."""
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(keep, key=f"{key}-keep"):
                self.answered()
                st.rerun()
            return st.button(do, type="primary", icon=f":material/{icon}:", key=f"{key}-sure")

    def tell(self) -> None:
        """Say once what came of the last press."""
        if self.said:
            st.toast(words.plain(self.said), icon=":material/check_circle:")
            self.said = ""
        if not self.question:
            self.problem()

    def problem(self) -> None:
        """Say once why the last press was refused."""
        if self.refused:
            st.error(words.plain(self.refused), icon=":material/error:")
            self.refused = ""


def held(key: str) -> Held:
    """What the page with this key remembers for this visitor."""
    found: Held = st.session_state.setdefault(key, Held())
    return found
