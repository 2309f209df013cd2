"""Panels that redraw themselves while something can still change."""

from collections.abc import Callable

import streamlit as st

from pages.parts import crowd, visitor
from store import actors
from store.tables import now


def panel(key: str, draw: Callable[[], bool], changing: bool, foot: bool = True) -> None:
    """Draw a panel, and again every two seconds, or more where many look, while it returns that something can change.

    `changing` is what the page knows before it draws; the timer can be paused, and touches nothing else. A panel
    that puts the footer somewhere else says `foot=False` and calls `footer` itself.
    """
    every = _seconds(changing, key)

    def body() -> None:
        with actors.acting(actors.current()):  # looked up once for each drawing
            still = draw()
            if still and foot:
                footer(key)
        if _seconds(still, key) != every:
            st.rerun()

    st.fragment(body, run_every=every)()


def _seconds(changing: bool, key: str) -> int | None:
    """After how many seconds this panel is drawn again; None while its timer stands."""
    return crowd.here().pace(visitor.tab()) if changing and not _paused(key) else None


def _paused(key: str) -> bool:
    return bool(st.session_state.get(f"{key}-paused", False))


def footer(key: str) -> None:
    """How fresh the panel is, and the switch that stops its timer."""
    at = now()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        if _paused(key):
            st.caption(f":material/pause_circle: Paused, as of {visitor.clock(at)}", width="content")
        else:
            st.caption(
                f":material/sync: Live · every {crowd.here().seconds} s",
                width="content",
                help=f"Updated {visitor.exactly(at)}",
            )
        st.toggle("Pause updates", key=f"{key}-paused", persist_state="page")
