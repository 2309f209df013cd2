"""What the params of a workflow are whose pipeline is a function: in one line below its name."""

import streamlit as st

from pages.parts import presentations, results, words
from store.workflows import Workflow

MOST, LONGEST = 5, 40


def line(workflow: Workflow) -> None:
    """The params, and all of them in full behind a button where the line has no room for them."""
    pipeline = presentations.of(workflow.pipeline).pipeline
    if pipeline is None or not pipeline.own_params or not workflow.params:
        return
    labels = {param.name: param.label for param in pipeline.own_params}
    values = {labels.get(name, words.titled(name)): words.value(value) for name, value in workflow.params.items()}
    short = [f"{words.inside(label)} {_short(value)}" for label, value in values.items()]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(":material/tune: " + words.plain(" · ".join(short[:MOST])), width="content")
        if len(short) > MOST or any(len(value) > LONGEST for value in values.values()):
            with st.popover("All params", type="tertiary", key="given"):
                rows = [[label, value] for label, value in values.items()]
                results.draw_table({"columns": ["Param", "Value"], "rows": rows}, "given-table")


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
