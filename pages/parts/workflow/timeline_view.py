"""The view Timeline of a workflow: when each attempt waited and ran; many steps share a row for each fold."""

import streamlit as st

from pages.parts import address, chart, timeline_chart, visitor, words
from pages.parts.workflow import folds, timeline
from pages.parts.workflow.notebook import Notebook
from store.steps import Step
from store.tables import now

IN_ADDRESS = "fold"
LISTED = 60


def draw(book: Notebook) -> None:
    """The chart, and for many steps the choice of a fold to look into."""
    titles = {step.key: book.title(step) for step in book.steps}
    at = book.workflow.ended_at or now()
    if len(book.steps) <= timeline.MOST_ROWS:
        bars = timeline.of_steps(book.steps, book.attempts, titles, at)
        rows = list(timeline.row_names(book.steps, titles).values())
    else:
        listed = folds.of(book.steps)
        fold = _fold(book, listed)
        if fold is None:
            shown_folds = listed[:LISTED]
            if len(listed) > LISTED:
                st.caption(f"The first {LISTED} of {words.count(len(listed), 'fold')}.")
            bars, rows = timeline.of_folds(shown_folds, book.attempts, at), [each.title for each in shown_folds]
        else:
            shown = _page_of(fold, book.workflow.id)
            bars = timeline.of_steps(shown, book.attempts, titles, at)
            rows = list(timeline.row_names(shown, titles).values())
    if not bars:
        st.caption("Nothing has run yet.")
        return
    with st.container(border=True, key="timeline"):
        chart.draw(
            timeline_chart.figure(bars, rows, visitor.zone(), at),
            key=f"timeline-{book.workflow.id}",
            alt="Timeline: when each step waited and ran",
        )
    if not any(bar.kind == timeline.WAITED for bar in bars):
        return
    waiting = sum((bar.end - bar.begin).total_seconds() for bar in bars if bar.kind == timeline.WAITED)
    running = sum((bar.end - bar.begin).total_seconds() for bar in bars if bar.kind != timeline.WAITED)
    st.caption(f"Together, these steps ran for {words.duration(running)} and waited for {words.duration(waiting)}.")


def _fold(book: Notebook, listed: list[folds.Fold]) -> folds.Fold | None:
    """The fold whose steps have rows of their own, if one is chosen; the URL holds it."""
    by_key = {fold.key: fold for fold in listed}
    key = f"timeline-fold-{book.workflow.id}"
    if address.moved(IN_ADDRESS):
        asked = st.query_params.get(IN_ADDRESS, "")
        st.session_state[key] = asked if asked in by_key else None
    chosen = st.selectbox(
        "Look into",
        list(by_key),
        index=None,
        key=key,
        format_func=lambda each: by_key[each].title if each in by_key else "",
        placeholder="All steps, folded",
        label_visibility="collapsed",
        width=320,
    )
    address.put(IN_ADDRESS, chosen or "")
    return by_key.get(chosen or "")


def _page_of(fold: folds.Fold, workflow_id: int) -> list[Step]:
    pages = -(-len(fold.steps) // timeline.MOST_ROWS)
    place = st.pagination(pages, key=f"timeline-page-{workflow_id}") if pages > 1 else 1
    return list(fold.steps[(place - 1) * timeline.MOST_ROWS : place * timeline.MOST_ROWS])
