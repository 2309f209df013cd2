"""Limits by tag on the page Queues: what there is, and how to set and remove one."""

import streamlit as st

from jobs.verbs import tag_limits
from pages.parts import commands, tables, visitor
from pages.parts.press import PageState
from store import limits, workflows

KEY = "queues-limits"


def draw(state: PageState) -> None:
    """The limits with how many steps run and wait, and the form of a new one."""
    known = limits.listed()
    if not known and not visitor.may_change():
        return
    with st.container(border=True, key=KEY):
        st.markdown("**Limits by tag**", help="At most so many steps with a tag run at the same time.")
        if known:
            rows = [[each.tag, str(each.most), str(each.running), str(each.waiting)] for each in known]
            tables.texts(
                ["Tag", "At most", "Running", "Waiting"], rows, {"Tag": 220}, 90, "Limits by tag", f"{KEY}-table"
            )
        else:
            st.caption("No tag has a limit: as many steps run as there are workers.")
        if visitor.may_change():
            _form(state, [each.tag for each in known])
        state.problem()


def _form(state: PageState, limited: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        tag = st.selectbox(
            "Tag",
            sorted({*workflows.tags_used(), *limited}),
            index=None,
            accept_new_options=True,
            key=f"{KEY}-tag",
            placeholder="Choose or type a tag",
            width=220,
        )
        most = st.number_input("At most", 0, tag_limits.MOST, 1, key=f"{KEY}-most", width=120)
        st.button(
            "Set limit",
            icon=":material/speed:",
            key=f"{KEY}-set",
            disabled=not tag,
            on_click=state.press,
            args=(tag_limits.put, tag, int(most)),
        )
        if tag in limited:
            st.button(
                "Remove",
                icon=":material/close:",
                key=f"{KEY}-remove",
                type="tertiary",
                on_click=state.press,
                args=(tag_limits.remove, tag),
            )
        commands.popover([commands.limit(tag or "TAG", int(most))], key=f"{KEY}-command")
