"""Ways from page to page; the URL always holds what is looked at."""

from typing import NoReturn

import streamlit as st

WORKFLOW = "workflow.py"
SWEEP = "sweep.py"
PIPELINE = "pipeline.py"
NEW = "new.py"


def workflow(workflow_id: int, label: str | None = None, icon: str | None = None) -> None:
    """A link to a workflow's page."""
    st.page_link(
        WORKFLOW, label=label or f"#{workflow_id}", icon=icon, width="content", query_params={"id": str(workflow_id)}
    )


def sweep(sweep_id: int, label: str | None = None, icon: str | None = None) -> None:
    """A link to a sweep's page."""
    st.page_link(
        SWEEP, label=label or f"Sweep {sweep_id}", icon=icon, width="content", query_params={"id": str(sweep_id)}
    )


def pipeline(name: str, label: str) -> None:
    """A link to a pipeline's page."""
    st.page_link(PIPELINE, label=label, width="content", query_params={"name": name})


def new(pipeline_name: str) -> None:
    """A link to the form of a pipeline on New."""
    st.page_link(
        NEW, label="New run", icon=":material/add_circle:", width="content", query_params={"pipeline": pipeline_name}
    )


def go_to_sweep(sweep_id: int) -> NoReturn:
    st.switch_page(SWEEP, query_params={"id": str(sweep_id)})


def go_to_workflow(workflow_id: int) -> NoReturn:
    st.switch_page(WORKFLOW, query_params={"id": str(workflow_id)})
