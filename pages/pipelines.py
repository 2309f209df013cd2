"""Pipelines: each with its last runs, how many of them completed, and how long they take."""

import streamlit as st

from jobs.pipelines import Pipeline, registry
from pages.parts import address, links, visitor, words
from pages.parts.new import gallery
from pages.parts.pipelines import lately
from store import workflows

PER_PAGE = 25
LEGEND = "✓ completed, ✕ failed, ■ cancelled, ▶ running, ○ waiting; the newest is the last."


def page() -> None:
    st.header("Pipelines", anchor=False)
    gallery.faults()
    known = registry.everything()
    gone = sorted(set(workflows.pipelines_used()) - {each.name for each in known})
    listed: list[Pipeline | str] = [*(each for each in known if each.offered), *gone]
    pages = -(-len(listed) // PER_PAGE)
    place = min(max(address.number_in("page") or 1, 1), max(pages, 1))
    for each in listed[(place - 1) * PER_PAGE : place * PER_PAGE]:
        _row(each)
    st.caption(f"The last {lately.RUNS} runs of each: {LEGEND}")
    if pages > 1:
        st.pagination(pages, key="page", bind="query-params")


def _row(pipeline: Pipeline | str) -> None:
    """One pipeline, or the name of one whose code is not here any more."""
    name = pipeline if isinstance(pipeline, str) else pipeline.name
    shown = words.titled(name) if isinstance(pipeline, str) else pipeline.shown
    about = "Its code is not loaded." if isinstance(pipeline, str) else gallery.about(pipeline)
    runs = lately.of(name)
    with st.container(border=True, key=f"pipelines-{name}"):
        what, how, start = st.columns([4, 4, 1.3], vertical_alignment="center")
        with what, st.container(gap="xsmall"):
            links.pipeline(name, f"**{words.plain(shown)}**")
            if about:
                st.caption(words.plain(about))
        with how, st.container(gap="xsmall"):
            if runs.runs:
                st.markdown(runs.marks, help=LEGEND)
            st.caption(runs.told)
        if not isinstance(pipeline, str) and visitor.may_change():
            with start:
                links.new(name)


page()
