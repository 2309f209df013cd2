"""A press on a button whose verb runs once, even when it is pressed twice, and what came of it."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts import words
from store.errors import Refused

DOUBLE_CLICK_SECONDS = 2.0


@dataclass
class Held:
    """What a page remembers between two runs: the question that is open, and what the last press led to.

    The second half of a double click can end a run wherever the page touches `st.session_state`, but not where it
    changes a field of this.
    """

    question: str = ""
    about: str = ""
    secret: str = ""
    said: str = ""
    refused: str = ""
    act: int = 0
    at: float = 0.0

    def press(self, verb: Callable[..., Any], *args: Hashable) -> Any:
        """Call a verb and return what it made; None when it was refused, or is the same press again."""
        act = hash((verb.__name__, args))
        if act == self.act and time.monotonic() - self.at < DOUBLE_CLICK_SECONDS:
            return None
        self.refused = ""
        try:
            made = verb(*args)
        except Refused as refused:
            self.refused = refused.sentence
            return None
        self.act, self.at = act, time.monotonic()
        return made

    def ask(self, question: str, about: str = "") -> None:
        """Open a dialog; it stays open, whatever else is drawn anew, until it is answered."""
        self.question, self.about, self.secret, self.refused = question, about, "", ""

    def answered(self, said: str = "") -> None:
        self.question = self.about = self.secret = self.refused = ""
        self.said = said

    def dialog(self, title: str, icon: str, draw: Callable[[], None]) -> None:
        """Draw the question that is open as a dialog."""
        asked = self.question

        def body() -> None:
            if self.question != asked:
                st.rerun()  # the first half of a double click has answered it
            draw()

        st.dialog(title, icon=f":material/{icon}:", on_dismiss=self.answered)(body)()

    def tell(self) -> None:
        """Say once what came of the last press."""
        if self.said:
            st.toast(words.plain(self.said), icon=":material/check_circle:")
            self.said = ""
        if not self.question:
            self.problem()

    def problem(self) -> None:
        if self.refused:
            st.error(words.plain(self.refused), icon=":material/error:")
            self.refused = ""


def held(key: str) -> Held:
    """What the page with this key remembers for this visitor."""
    found: Held = st.session_state.setdefault(key, Held())
    return found
