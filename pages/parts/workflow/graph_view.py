"""The view Graph of a workflow: what each step needs, with the one that is picked open below."""

import streamlit as st

from pages.parts import graph, words
from pages.parts.press import PageState
from pages.parts.workflow import cells, folds
from pages.parts.workflow.notebook import Notebook
from store.tables import Status


def draw(book: Notebook, state: PageState) -> None:
    """The steps as a graph; the one that is picked is open below it."""
    titles = {step.key: book.title(step) for step in book.steps}
    with st.container(border=True, horizontal_alignment="center", key="graph"):
        st.mermaid_chart(
            graph.mermaid(book.steps, book.needed, titles),
            width="content",
            alt=f"{len(book.steps)} steps and what each of them needs",
        )
    keys = {step.key: step for step in book.steps}
    first = book.failed or next((step for step in book.steps if step.status is Status.running), book.steps[-1])
    key = f"graph-{book.workflow.id}"
    if len(keys) > folds.MOST_CELLS:
        options = [step.key for step in folds.by_worth(book.steps)]
        chosen = st.selectbox(
            "Open a step",
            options,
            index=options.index(first.key),
            key=f"{key}-many",
            format_func=lambda key: f"{titles[key]} ({key}) · {words.status(keys[key].status)}",
        )
    else:
        chosen = st.pills(
            "Open a step",
            list(keys),
            default=first.key,
            required=True,
            key=key,
            format_func=lambda key: f"{words.ICONS[keys[key].status]} {words.plain(titles[key])}",
        )
    cells.draw(book, state, keys.get(str(chosen), first))
