"""The buttons of a cell that has ended otherwise than it should: try it again, alone or with all others."""

import streamlit as st

from jobs.verbs import workflows as verbs
from pages.parts import commands, visitor
from pages.parts.press import PageState
from pages.parts.workflow import again
from pages.parts.workflow.notebook import Notebook
from store.steps import Step
from store.tables import Status

ENDED_BADLY = (Status.failed, Status.skipped, Status.cancelled)


def buttons(book: Notebook, step: Step, state: PageState, main: bool) -> None:
    """Retry for a failed step: all that did not complete, and where others failed too or still run, only this one."""
    over = book.workflow.status.over
    if over:
        st.button(
            "Retry",
            icon=":material/replay:",
            key=f"retry-{step.id}",
            type="primary" if main else "secondary",
            on_click=state.press,
            args=(verbs.retry, step.workflow_id),
        )
    if not over or sum(row.status is Status.failed and not row.handled for row in book.steps) > 1:
        _this(step, state)


def one(book: Notebook, step: Step, state: PageState) -> None:
    """Retry of a step that stood still, with what it needs and what then can run."""
    if visitor.may_change() and step.status in ENDED_BADLY and not step.handled and len(book.steps) > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _this(step, state)
            commands.popover([commands.retry(step.workflow_id, step.key)], key=f"command-retry-{step.id}")


def _this(step: Step, state: PageState) -> None:
    st.button(
        "Retry this step",
        icon=":material/replay:",
        key=f"retry-one-{step.id}",
        help="With what it needs and what then can run; others stay as they are.",
        on_click=state.press,
        args=(verbs.retry, step.workflow_id, step.key),
    )


def run_from_here(book: Notebook, step: Step, state: PageState) -> None:
    """Run a plain function again with all below it, as a new workflow, with other params if wanted."""
    if visitor.may_change() and again.offered(book.workflow):
        st.button(
            "Run from here",
            icon=":material/play_arrow:",
            key=f"from-{step.id}",
            help="As a new workflow; you can change params and see what is reused first.",
            on_click=state.ask,
            args=(again.QUESTION, (step.workflow_id, step.key)),
        )
