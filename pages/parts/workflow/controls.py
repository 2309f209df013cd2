"""Controls: what can be done with the workflow of a page, beside its name."""

from typing import Any

import streamlit as st

from jobs.verbs import workflows as verbs
from pages.parts import commands, visitor
from pages.parts.press import PageState
from pages.parts.workflow import again
from store import files, steps
from store.errors import NotFoundError
from store.tables import Status
from store.workflows import Workflow

AGAIN = {"Other params": (again.QUESTION, ":material/tune: Run again with other params")}
MORE = {
    "Name and note": ("describe", ":material/edit: Name, note and tags"),
    "Delete": ("delete", ":material/delete: Delete"),
}


def buttons(workflow: Workflow, state: PageState) -> None:
    """The buttons beside the name."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        if not workflow.status.over:
            st.button(
                "Cancel",
                icon=":material/cancel:",
                key="cancel",
                on_click=state.ask,
                args=("cancel", (workflow.id,)),
                **visitor.changes(),
            )
        elif workflow.status is Status.cancelled:
            st.button(
                "Retry",
                icon=":material/replay:",
                key="retry",
                on_click=state.press,
                type="primary",
                args=(verbs.retry, workflow.id),
                **visitor.changes("Continues where it was cancelled."),
            )
        st.button(
            "Restart",
            icon=":material/restart_alt:",
            key="restart",
            **_restarting(workflow, state),
            **visitor.changes(
                "Runs again as a new workflow: trains anew, and reuses what is unchanged above. A threshold that was "
                "moved is not taken along, as the model is another."
            ),
        )
        st.button(
            "Compose",
            icon=":material/merge:",
            key="compose",
            on_click=state.ask,
            args=("compose", (workflow.id,)),
            **visitor.changes("The data of one workflow with the algorithm and settings of another."),
        )
        commands.popover(_commands(workflow), key="commands")
        if visitor.may_change():
            more = MORE | AGAIN if again.offered(workflow) else MORE
            st.menu_button(
                "More",
                list(more),
                key="more",
                type="tertiary",
                format_func=lambda name: more[name][1],
                on_click=_more,
                args=(state, workflow.id),
            )


def _restarting(workflow: Workflow, state: PageState) -> dict[str, Any]:
    """What a press on Restart does: it asks first while the workflow has not ended."""
    if workflow.status.over:
        return {"on_click": state.go, "args": (verbs.restart, workflow.id)}
    return {"on_click": state.ask, "args": ("restart", (workflow.id,))}


def _more(state: PageState, workflow_id: int) -> None:
    if chosen := st.session_state.get("more"):
        state.ask((MORE | AGAIN)[chosen][0], (workflow_id,))


def _commands(workflow: Workflow) -> list[commands.Command]:
    shown = _commands_of_changes(workflow) if visitor.may_change() else []
    if workflow.status is Status.completed:
        shown += commands.downloads(workflow.id, with_model=model(workflow.id) is not None)
    return [*shown, commands.show(workflow.id)]


def _commands_of_changes(workflow: Workflow) -> list[commands.Command]:
    shown = [commands.restart(workflow.id)]
    if not workflow.status.over:
        shown.append(commands.cancel(workflow.id))
    elif workflow.status is not Status.completed:
        shown.append(commands.retry(workflow.id))
    return shown


def model(workflow_id: int) -> files.FileRef | None:
    """The model that a workflow left; None where it left none."""
    try:
        return steps.model_of(workflow_id)
    except NotFoundError:
        return None  # a pipeline need not leave a model
