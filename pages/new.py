"""New: what to run, and with what."""

import contextlib

import streamlit as st

from jobs.language import sentence
from jobs.pipelines import Pipeline, registry
from pages.parts import address, visitor, words
from pages.parts.new import form, gallery
from pages.parts.tabular import training
from pages.parts.tabular.presentation import PIPELINE
from store import workflows
from store.errors import NotFoundError


def page() -> None:
    follow_back()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header("New workflow", anchor=False, width="content")
        if not bare() and visitor.may_change():
            st.button("Start over", icon=":material/restart_alt:", type="tertiary", key="new-over", on_click=start_over)
    if visitor.only_looking():
        instead()
        return
    chosen = chosen_pipeline()
    offered = gallery.pipelines()
    gallery.faults()
    if bare() and len(offered) > 1:
        gallery.draw(offered, chosen.name)
    elif len(offered) > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{words.plain(chosen.shown)}**", width="content")
            st.button(
                "Other pipelines",
                icon=":material/apps:",
                type="tertiary",
                key="new-others",
                on_click=st.query_params.clear,
            )
    if chosen.name == PIPELINE:
        training.page()
    else:
        form.page(chosen)


def start_over() -> None:
    """An empty form; the menu's own New leaves a filled one as it is."""
    st.query_params.clear()
    st.session_state["new-name"] = ""


def bare() -> bool:
    """Whether nothing has been chosen yet."""
    return not {"dataset", "pipeline"} & set(st.query_params)


def chosen_pipeline() -> Pipeline:
    """The pipeline that the URL names; else the built-in one."""
    name = st.query_params.get("pipeline") or PIPELINE
    try:
        return registry.get(name)
    except NotFoundError as refused:
        st.warning(words.plain(sentence(refused.message)), icon=":material/search_off:")
        return registry.get(PIPELINE)


def follow_back() -> None:
    """Back from a workflow leads to /new?id=42, as Streamlit leaves it; then have the URL say what that was started
    with."""
    number = None if {"dataset", "pipeline"} & set(st.query_params) else address.number_in("id")
    if number is None:
        return
    with contextlib.suppress(NotFoundError):
        before = workflows.get(number)
        of = training.address_of if before.pipeline == PIPELINE else form.address_of
        st.query_params.from_dict({name: text for name, text in of(before).items() if text})


def instead() -> None:
    """Draw the page for visitors who may not start workflows."""
    st.markdown(
        "Here an analyst drops a table, chooses what to predict, and gets a trained and tested model. "
        "You can look at the results:"
    )
    if (number := address.number_in("dataset")) is not None:
        st.page_link(
            "datasets.py",
            label="The dataset of this link",
            icon=":material/table_chart:",
            query_params={"id": str(number)},
            width="content",
        )
    st.page_link("workflows.py", label="All workflows", icon=":material/list_alt:", width="content")
    st.page_link("datasets.py", label="All datasets", icon=":material/table_chart:", width="content")


page()
