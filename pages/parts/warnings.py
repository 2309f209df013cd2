"""Warnings, the weightiest first: a few are open, the others folded; each with the button that helps, if one does."""

from collections.abc import Callable, Sequence

import streamlit as st

from jobs.pipelines.warnings import Remedy, WorkflowWarning
from pages.parts import presentation

OPEN = 3

# Draws the button of a remedy, under a key.
Button = Callable[[Remedy, str], None]


def draw(found: Sequence[WorkflowWarning], key: str, button: Button) -> None:
    """Every warning with its button."""
    # One line too many is better shown than folded away behind a line of its own.
    opened = len(found) if len(found) <= OPEN + 1 else OPEN
    for number, warning in enumerate(found[:opened]):
        _line(warning, f"{key}-{number}", button)
    if rest := found[opened:]:
        with st.expander(f"{len(rest)} more", type="compact", key=f"{key}-more"):
            for number, warning in enumerate(rest, opened):
                _line(warning, f"{key}-{number}", button)


def _line(warning: WorkflowWarning, key: str, button: Button) -> None:
    if warning.remedy is None:
        st.markdown(presentation.notice_line(warning.notice))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(presentation.notice_line(warning.notice), width="content")
        button(warning.remedy, key)
