"""A step that failed, in its cell: why, what to do, and the button that does it."""

import streamlit as st

from pages.parts import presentations, visitor, words
from pages.parts.press import PageState
from pages.parts.workflow import notebook, retrying
from pages.parts.workflow.notebook import Notebook
from store.steps import Step
from store.tables import StepRole

LOG_HEIGHT = 320


def draw(book: Notebook, step: Step, state: PageState) -> None:
    """Why it failed, what to do, and the button that does it."""
    if step.handled:
        st.warning(words.plain(notebook.error(step)), icon=":material/low_priority:")
        st.caption("The flow handled this and went on, so Retry leaves it as it is.")
        _technical(step)
        return
    st.error(words.plain(notebook.error(step)), icon=":material/error:")
    if blames_another(book, step):
        st.caption("Its cell is below, with what to do.")
        return
    if visitor.may_change():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            retrying.buttons(book, step, state, main=step.error_code not in ("refused", "error"))
            st.caption(presentations.of(book.workflow.pipeline).advice(step), width="stretch")
    else:
        st.caption("An analyst can retry it or run it with other settings.")
    _technical(step)


def blames_another(book: Notebook, step: Step) -> bool:
    """Whether a flow failed because of a step that has a cell of its own."""
    return step.role == StepRole.driver and book.failed is not None and book.failed.id != step.id


def _technical(step: Step) -> None:
    if step.traceback:
        with st.expander("Technical details", type="compact", key=f"traceback-{step.id}"):
            st.code(step.traceback, language=None, wrap_lines=True, height=LOG_HEIGHT)
