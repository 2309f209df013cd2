"""What each step leaves, drawn for people: a line or two, curves while they grow, and results by their kind."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from jobs.pipelines import Measure, registry
from pages.parts import charts, presentation, presentations, results, words
from pages.parts.presentation import View
from pages.parts.workflow.curves import Shared
from pages.parts.workflow.notebook import Notebook
from store import files, steps
from store.errors import RequestError
from store.steps import Step

MOST_ACROSS = 3


def summary(book: Notebook, step: Step) -> None:
    """What a step left, in a line or two, and what the reader should know about it."""
    if not step.result:
        return
    shown = presentations.of(book.workflow.pipeline)
    for line in shown.summary(step):
        st.markdown(line)
    presentation.draw_notices(shown.notices(step))


def details(book: Notebook, step: Step) -> None:
    """Curves as long as they grow, and the results of the step."""
    if shared := book.curves.get(step.id):
        _learning(book, step, shared)
    if step.result:
        items = presentations.of(book.workflow.pipeline).shown(step, partial(saved, step.id))
        results.draw(items, f"results-{step.id}")


def views(book: Notebook, step: Step) -> dict[str, View]:
    """What more there is to see of a step's output, by the word on its button."""
    return presentations.of(book.workflow.pipeline).views(step) if step.result else {}


def saved(step_id: int, name: str) -> bytes | None:
    """The bytes of a file that a step saved."""
    ref = steps.artifacts_of(step_id).get(name)
    try:
        return files.verified(ref).read_bytes() if ref else None
    except (RequestError, OSError):
        return None


def _learning(book: Notebook, step: Step, shared: Shared) -> None:
    """The curves, side by side; while the step runs there is room for epochs to come."""
    shown = presentations.of(book.workflow.pipeline)
    names = charts.measures(shared.curves, registry.main_measures())
    epochs = shown.epochs(step) if not step.status.over else None
    across = min(len(names), MOST_ACROSS)
    for begin in range(0, len(names), across):
        for cell, name in zip(st.columns(across), names[begin : begin + across], strict=False):
            with cell:
                _curve(step, shared, shown.measure(name), epochs, shown.best_epoch(step))
    zoomed = [key for name in names if (key := _zoom_key(step, name)) in st.session_state]
    if zoomed:
        st.button(
            "Show all epochs",
            icon=":material/zoom_out_map:",
            type="tertiary",
            key=f"unzoom-{step.id}",
            on_click=_zoom_out,
            args=(zoomed,),
        )


def _curve(step: Step, shared: Shared, measure: Measure, epochs: int | None, best: int | None) -> None:
    """One chart. Streamlit rebuilds a chart whose data changes, which would lose what the reader zoomed to; so while it
    is live, the part that is dragged over is remembered here and drawn from then on."""
    key, zoom_key = f"learning-{step.id}-{measure.name}", _zoom_key(step, measure.name)
    figure = shared.chart(measure, epochs, best, st.session_state.get(zoom_key))
    alt = f"{words.plain(measure.shown)} by epoch"
    shown: dict[str, Any] = {"key": key, "config": charts.CONFIG, "alt": alt}
    if step.status.over:
        st.plotly_chart(figure, **shown)
    else:
        st.plotly_chart(figure, on_select=lambda: _zoom_in(key, zoom_key), selection_mode="box", **shown)


def _zoom_key(step: Step, measure: str) -> str:
    return f"zoom-{step.id}-{measure}"


def _zoom_in(key: str, zoom_key: str) -> None:
    boxes = st.session_state[key]["selection"]["box"]
    if boxes:
        st.session_state[zoom_key] = (sorted(boxes[-1]["x"]), sorted(boxes[-1]["y"]))


def _zoom_out(zoomed: Sequence[str]) -> None:
    for key in zoomed:
        st.session_state.pop(key, None)
