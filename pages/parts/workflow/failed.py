"""A step that failed, in its cell: why, what to do, and the button that does it."""

import streamlit as st

from jobs.verbs import workflows as verbs
from pages.parts import presentations, visitor, words
from pages.parts.press import PageState
from pages.parts.workflow import notebook
from pages.parts.workflow.notebook import Notebook
from store.steps import Step

LOG_HEIGHT = 320


def draw(book: Notebook, step: Step, state: PageState) -> None:
    """Why it failed, what to do, and the button that does it."""
    if step.handled:
        st.warning(words.plain(notebook.error(step)), icon=":material/low_priority:")
        st.caption("The flow handled this and went on, so Retry leaves it as it is.")
        _technical(step)
        return
    st.error(words.plain(notebook.error(step)), icon=":material/error:")
    if visitor.may_change():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Retry",
                icon=":material/replay:",
                key=f"retry-{step.id}",
                type="secondary" if step.error_code in ("refused", "error") else "primary",
                on_click=state.press,
                args=(verbs.retry, step.workflow_id),
            )
            st.caption(presentations.of(book.workflow.pipeline).advice(step), width="stretch")
    else:
        st.caption("An analyst can retry it or run it with other settings.")
    _technical(step)


def _technical(step: Step) -> None:
    if step.traceback:
        with st.expander("Technical details", type="compact", key=f"traceback-{step.id}"):
            st.code(step.traceback, language=None, wrap_lines=True, height=LOG_HEIGHT)
