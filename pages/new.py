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
from store.workflows import Workflow


def page() -> None:
    st.header("New workflow", anchor=False)
    if visitor.only_looking():
        instead()
        return
    before = started_before()
    chosen = chosen_pipeline(before)
    offered = gallery.pipelines()
    gallery.faults()
    if bare(before) and len(offered) > 1:
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
        training.page(before)
    else:
        form.page(chosen, before)


def bare(before: Workflow | None) -> bool:
    """Whether nothing has been chosen yet."""
    return before is None and not {"dataset", "pipeline"} & set(st.query_params)


def chosen_pipeline(before: Workflow | None) -> Pipeline:
    """The pipeline that the URL names, or that of the workflow to begin with; else the built-in one."""
    name = st.query_params.get("pipeline") or (before.pipeline if before else PIPELINE)
    try:
        return registry.get(name)
    except NotFoundError as refused:
        st.warning(words.plain(sentence(refused.message)), icon=":material/search_off:")
        return registry.get(PIPELINE)


def started_before() -> Workflow | None:
    """The workflow to begin with: Back from a workflow leads to /new?id=42, as Streamlit leaves it."""
    number = None if {"dataset", "pipeline"} & set(st.query_params) else address.number_in("id")
    with contextlib.suppress(NotFoundError):
        return workflows.get(number) if number is not None else None
    return None


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
