"""What flows ask people, over all workflows: a box above the list, and one line in the side bar."""

import streamlit as st

from jobs.verbs import questions
from pages.parts import links, visitor, words
from store import workflows
from store.tables import Status

SHOWN = 3
ICON = words.ICONS[Status.waiting]


def box(key: str) -> None:
    """The questions that wait longest, each with the way to its answer."""
    total, asked = questions.open_everywhere(SHOWN)
    if not asked:
        return
    names = {each.id: each.name for each in workflows.get_many([each.workflow_id for each in asked])}
    with st.container(border=True, key=f"{key}-asked", gap="xsmall"):
        st.markdown(f":violet[{ICON}] **{words.count(total, 'question')} to answer**")
        for each in asked:
            name, text = st.columns([4, 9.2], vertical_alignment="center", gap="small")
            with name:
                links.workflow(each.workflow_id, words.plain(f"#{each.workflow_id} {names.get(each.workflow_id, '')}"))
            until = f" (until {visitor.clock(each.until)})" if each.until else ""
            text.caption(f"{words.plain(each.text)}{until}")
        if total > len(asked):
            st.caption(f"And {words.count(total - len(asked))} more.")


def line() -> None:
    """How many questions are open, in the side bar, with the way there."""
    total, asked = questions.open_everywhere(1)
    if not asked:
        return
    label = f":violet[{words.count(total, 'question')} to answer]"
    if total == 1:
        links.workflow(asked[0].workflow_id, label, icon=ICON)
    else:
        st.page_link("workflows.py", label=label, icon=ICON, width="content")
