"""The field beside the list of workflows that opens one by its number or name, for those who use the keyboard."""

from collections.abc import Mapping, Sequence

import streamlit as st

from jobs.language import sentence
from pages.parts.press import PageState
from pages.parts.workflow import dialogs
from store.ids import read_id
from store.messages import Message
from store.workflows import Workflow

KEY, WIDTH = f"{dialogs.LIST}-open-one", 110


def draw(state: PageState, rows: Sequence[Workflow]) -> None:
    """Names in the table are opened with a click only; here one of this page or any number can be typed."""
    names = {f"#{row.id} {row.name}": row.id for row in rows}
    st.selectbox(
        "Open a workflow",
        list(names),
        index=None,
        key=KEY,
        placeholder="Open #",
        accept_new_options=True,
        on_change=_open,
        args=(state, names),
        label_visibility="collapsed",
        width=WIDTH,
    )


def _open(state: PageState, names: Mapping[str, int]) -> None:
    """Have the page open what was chosen or typed, or say that it is no workflow."""
    entered = str(st.session_state[KEY] or "").strip()
    st.session_state[KEY] = None
    number = names.get(entered) or read_id(entered.removeprefix("#"))
    if number is not None:
        state.open(number)
    elif entered:
        state.refused = sentence(Message("no_such_workflow", {"workflow": entered}))
