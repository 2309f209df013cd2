"""What each step leaves, drawn for people: a line or two, curves while they grow, and results by their kind."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from jobs.pipelines import Measure
from jobs.verbs import warnings
from pages.parts import chart, charts, presentation, presentations, results, words
from pages.parts.presentation import View
from pages.parts.workflow import curves
from pages.parts.workflow.curves import Shared
from pages.parts.workflow.notebook import Notebook
from store import files, outputs, steps
from store.errors import RequestError
from store.messages import Message
from store.outputs import Output
from store.steps import Step
from store.tables import Status, StepRole

MOST_ACROSS = 3


# Their cells say in words what they came to; no process did them, so there is no log either.
SHOWN_ELSEWHERE = (StepRole.question, StepRole.once)


def summary(book: Notebook, step: Step) -> None:
    """What a step left, in a line or two, and what the reader should know about it."""
    if not step.result or step.role in SHOWN_ELSEWHERE:
        return
    shown = presentations.of(book.workflow.pipeline)
    for line in shown.summary(step):
        st.markdown(line)
    above = _above(book)
    presentation.draw_notices([notice for notice in shown.notices(step) if notice.message not in above])


def _above(book: Notebook) -> list[Message]:
    """What stands under the headline already."""
    if book.workflow.status is not Status.completed:
        return []
    return [warning.notice.message for warning in warnings.of_workflow(book.workflow, book.steps)]


def details(book: Notebook, step: Step) -> None:
    """Curves as long as they grow, and the results of the step."""
    if shared := book.curves.get(step.id):
        _learning(book, step, shared)
    if step.result and step.role not in SHOWN_ELSEWHERE:
        items = presentations.of(book.workflow.pipeline).shown(step, partial(saved, step.id))
        results.draw(items, f"results-{step.id}")


def left_by(shown: Sequence[Step]) -> dict[int, list[Output]]:
    """What plain functions among these steps left, by the step's id, read at once."""
    return outputs.of_steps([step.id for step in shown if step.source and step.status is Status.completed])


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
    names = charts.measures(shared.curves, book.main_measures)
    epochs = shown.epochs(step) if not step.status.over else None
    across = min(len(names), MOST_ACROSS)
    for begin in range(0, len(names), across):
        for cell, name in zip(st.columns(across), names[begin : begin + across], strict=False):
            with cell:
                _curve(step, shared, shown.measure(name), epochs, shown.best_epoch(step))
    if zoom := st.session_state.get(_zoom_key(step)):
        st.button(
            f"Epochs {words.count(zoom[0])} to {words.count(zoom[1])} · Show all epochs",
            icon=":material/zoom_out_map:",
            type="tertiary",
            key=f"unzoom-{step.id}",
            on_click=_zoom_out,
            args=(step,),
        )


def _curve(step: Step, shared: Shared, measure: Measure, epochs: int | None, best: int | None) -> None:
    """One chart. Streamlit rebuilds a chart whose data changes, which would lose what the reader zoomed to; so the
    epochs that are dragged over in one are remembered here, and all charts of the step show those from then on."""
    zoom = st.session_state.get(_zoom_key(step))
    # Another part makes another chart: the frame that was dragged would stay in the old one.
    key = f"learning-{step.id}-{measure.name}" + (f"-{zoom[0]}-{zoom[1]}" if zoom else "")
    chart.draw(
        shared.chart(measure, epochs, best, zoom),
        key,
        f"{words.plain(measure.shown)} by epoch",
        on_select=lambda: _zoom_in(key, step),
        selection_mode="box",
    )


def _zoom_key(step: Step) -> str:
    return f"zoom-{step.id}"


def _zoom_in(key: str, step: Step) -> None:
    if boxes := st.session_state[key]["selection"]["box"]:
        st.session_state[_zoom_key(step)] = curves.whole_epochs(boxes[-1]["x"])


def _zoom_out(step: Step) -> None:
    st.session_state.pop(_zoom_key(step), None)
