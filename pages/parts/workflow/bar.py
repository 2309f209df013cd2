"""The thin bar above the cells: how far each step is, or all of them."""

import streamlit as st

from pages.parts import words
from pages.parts.workflow import folds, notebook
from pages.parts.workflow.notebook import Notebook
from store.steps import Step
from store.tables import Status

MOST_BARS = 12


def draw(book: Notebook) -> None:
    """One thin bar a step, side by side; of many one for all."""
    if len(book.steps) > MOST_BARS:
        done = sum(map(notebook.share, book.steps)) / len(book.steps)
        over = sum(step.status is Status.completed for step in book.steps)
        others = folds.counted(step for step in book.steps if step.status is not Status.completed)
        text = f"{words.count(over)} of {words.count(len(book.steps))} completed" + (f", {others}" if others else "")
        st.progress(min(done, 1.0), text=text)
        return
    with st.grid(len(book.steps), min_column_width=80, gap="xsmall", key="bar"):
        for step in book.steps:
            name = f"{words.ICONS[step.status]} {words.plain(book.title(step))}"
            share = notebook.share(step)
            # A filled bar has the one colour of progress; a name in another colour would contradict it.
            st.progress(share, text=name if share else f":{_colour(step)}[{name}]")


def _colour(step: Step) -> str:
    """That of its status; a failure that a flow handled stops nothing."""
    return "orange" if step.handled and step.status is Status.failed else words.COLOURS[step.status]
