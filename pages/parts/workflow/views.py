"""Views: how a workflow is looked at. The choice is in the URL, so that a colleague who gets it sees the same."""

from collections.abc import Sequence

import streamlit as st

from pages.parts import address
from pages.parts.workflow.notebook import Notebook

CELLS, GRAPH = ":material/view_agenda: Cells", ":material/account_tree: Graph"
TIMELINE, LOG = ":material/view_timeline: Timeline", ":material/notes: Log"
PREDICT = ":material/online_prediction: Predict"
THRESHOLD = ":material/balance: Threshold"
IN_ADDRESS = "view"
# As the URL says them; without one, the cells are shown.
WORDS = {GRAPH: "graph", TIMELINE: "timeline", LOG: "log", PREDICT: "predict", THRESHOLD: "threshold"}
PREDICT_VIEW = "workflow-view-predict"


def choose(book: Notebook, further: Sequence[str]) -> str:
    """Which view: steps below each other, as a graph, over time or by what they said; or something that a completed
    workflow offers: to predict new rows, or to move its threshold."""
    offered = [CELLS, *([GRAPH] if len(book.steps) > 1 else []), TIMELINE, LOG, *further]
    key = PREDICT_VIEW if PREDICT in further else "workflow-view"
    st.session_state.setdefault(key, CELLS)
    if address.moved(IN_ADDRESS) or st.session_state[key] not in offered:
        word = st.query_params.get(IN_ADDRESS, "")
        asked = next((view for view in offered if WORDS.get(view) == word), CELLS)
        st.session_state[key] = asked
    chosen = str(
        st.segmented_control(
            "Show",
            offered,
            required=True,
            key=key,
            label_visibility="collapsed",
        )
    )
    address.put(IN_ADDRESS, WORDS.get(chosen, ""))
    return chosen


def has_button_below() -> bool:
    """Whether the view that is shown has a primary button of its own."""
    return st.session_state.get(PREDICT_VIEW) in (PREDICT, THRESHOLD)
