"""The view Log of a workflow: the lines of all its steps together, with a search and a filter by level; newest below,
followed while it runs."""

from datetime import UTC

import streamlit as st

from jobs.language import text_of
from jobs.verbs import run_logs
from pages.parts import address, commands, visitor, words
from pages.parts.workflow.notebook import Notebook
from store.logs import Line

HEIGHT = 520
MOST_CHOICES = 300
LONGEST = 100_000
TEXT, LEVEL, STEP, BEFORE = "log-text", "log-level", "log-step", "log-before"
LEVELS = {"": "All levels", "warning": "Warnings and errors", "error": "Only errors"}
WIDTH = 190


def draw(book: Notebook) -> None:
    """The filters, a page of lines, and the way to others and to a file."""
    wanted, before = _filters(book), address.number_in(BEFORE)
    page = run_logs.newest(book.workflow.id, wanted, before)
    names = {step.id: step.key for step in book.steps}
    if page.lines:
        with st.container(height=_height(page.lines), border=False, autoscroll=before is None, key="run-log"):
            st.code(_text(page.lines, names), language=None, wrap_lines=True)
    elif wanted != run_logs.Which():
        st.caption("No line matches.")
    else:
        st.caption("No log lines." if book.workflow.status.over else "No output yet.")
    _pages(page, before)
    _download(book, wanted)


def _height(lines: list[Line]) -> int:
    """As high as a few lines need, and no higher than a screen."""
    return min(HEIGHT, 60 + 24 * len(lines))


def _filters(book: Notebook) -> run_logs.Which:
    """What to look for; the URL holds it."""
    workflow_id = book.workflow.id
    for name in (TEXT, LEVEL, STEP):
        if address.moved(name):
            st.session_state[f"{name}-{workflow_id}"] = st.query_params.get(name, "") or (None if name == STEP else "")
    with st.container(horizontal=True, gap="small", key="run-log-filters"):
        text = st.text_input(
            "Search the log",
            key=f"{TEXT}-{workflow_id}",
            type="search",
            placeholder="Search the log",
            label_visibility="collapsed",
            icon=":material/search:",
            live=True,
        )
        level = st.selectbox(
            "Level",
            list(LEVELS),
            key=f"{LEVEL}-{workflow_id}",
            format_func=lambda each: LEVELS.get(each, each),
            label_visibility="collapsed",
            width=WIDTH,
            required=True,
        )
        step = _step(book)
    chosen = {TEXT: (text or "").strip(), LEVEL: level or "", STEP: step or ""}
    if any(st.query_params.get(name, "") != value for name, value in chosen.items()):
        address.put(BEFORE, "")
    for name, value in chosen.items():
        address.put(name, value)
    return run_logs.Which(chosen[TEXT], chosen[LEVEL] if chosen[LEVEL] in run_logs.LEVELS else "", step)


def _step(book: Notebook) -> str | None:
    """One step, where they can be listed; of more, the URL may name one."""
    keys = [step.key for step in book.steps]
    key = f"{STEP}-{book.workflow.id}"
    if len(keys) > MOST_CHOICES:
        asked = st.session_state.get(key)
        return asked if asked in keys else None
    if st.session_state.get(key) not in keys:
        st.session_state[key] = None
    return st.selectbox(
        "Step",
        keys,
        index=None,
        key=key,
        placeholder="All steps",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _text(lines: list[Line], names: dict[int, str]) -> str:
    zone = visitor.zone() or UTC
    width = max(len(names.get(line.step_id, "")) for line in lines)
    written = [
        f"{line.at.astimezone(zone):%H:%M:%S}  {names.get(line.step_id, ''):<{width}}  "
        f"{'' if line.level == 'info' else line.level.upper() + ' '}{text_of(line.text, line.message)}"
        for line in lines
    ]
    while len(written) > 1 and sum(map(len, written)) > LONGEST:  # one print may be as long as a book
        del written[0]
    return "\n".join(written)


def _pages(page: run_logs.LogPage, before: int | None) -> None:
    if not page.older and before is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Older",
            icon=":material/keyboard_arrow_up:",
            key="log-older",
            disabled=not page.older,
            on_click=address.put,
            args=(BEFORE, str(page.lines[0].id) if page.lines else ""),
        )
        st.button(
            "Newest",
            icon=":material/keyboard_double_arrow_down:",
            key="log-newest",
            disabled=before is None,
            on_click=address.put,
            args=(BEFORE, ""),
        )
        st.caption(f"{words.count(len(page.lines), 'line')} a page", width="content")


def _download(book: Notebook, wanted: run_logs.Which) -> None:
    workflow_id = book.workflow.id

    def content() -> bytes:
        return "".join(run_logs.written(workflow_id, wanted)).encode()

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "Download",
            content,
            f"workflow-{workflow_id}.log",
            "text/plain",
            key="log-download",
            on_click="ignore",
            icon=":material/download:",
            help="Every line that the filters let through, of all pages",
        )
        commands.popover([commands.run_log(workflow_id, wanted)], key="command-log")
