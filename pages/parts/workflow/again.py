"""Run again with other params: a form of the params, from which step on, and what would run and what be reused."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from jobs.pipelines import registry
from jobs.pipelines.params import Params
from jobs.verbs import outlooks
from jobs.verbs import workflows as verbs
from jobs.verbs.plans import CellPlan
from pages.parts import commands, forms, presentations, results, settings, words
from pages.parts.press import PageState
from store import steps, workflows
from store.errors import NotFoundError, RequestError
from store.workflows import Workflow

QUESTION = "again"
MOST_PLANNED = 300
LISTED = 100
KEPT_SECONDS = 5


def offered(workflow: Workflow) -> bool:
    """Whether a workflow has params of its pipeline, to be changed here; else its cells have settings."""
    try:
        known = registry.get(workflow.pipeline)
    except NotFoundError:
        return False
    return known.is_function


def draw(state: PageState, workflow_id: int, step: str = "") -> None:
    """The dialog."""
    workflow, rows = workflows.get(workflow_id), steps.brief([workflow_id])[workflow_id]
    changes = changes_of(workflow, opened=True)
    keys = [row.key for row in rows]
    first = st.selectbox(
        "Run again from",
        ["", *keys],
        index=keys.index(step) + 1 if step in keys else 0,
        key=f"again-from-{workflow_id}",
        format_func=lambda key: key or "No step: only what changed runs",
    )
    shown = settings.differences(workflow, {**workflow.params, **changes})
    st.caption(f":material/tune: {words.plain(', '.join(shown))}" if shown else "No param is changed.")
    try:
        _plan(workflow, changes, first or "", len(rows))
    except RequestError as refused:
        st.warning(words.plain(presentations.refusal(refused.message)), icon=":material/warning:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Run again", type="primary", icon=":material/play_arrow:", key="again-start"):
            _start(state, workflow_id, first or "", changes)
            st.rerun()
        typed = commands.rerun(workflow_id, first, changes) if first else commands.restart(workflow_id, changes)
        commands.popover([typed], key="command-again")
    state.problem()


def _start(state: PageState, workflow_id: int, first: str, changes: Params) -> None:
    if first:
        state.go(verbs.rerun_from, workflow_id, first, changes)
    else:
        state.go(verbs.restart, workflow_id, changes)


def changes_of(workflow: Workflow, opened: bool = False) -> dict[str, Any]:
    """The params of a workflow's pipeline as a form; returns those that were changed."""
    if not offered(workflow):
        return {}
    params = list(registry.get(workflow.pipeline).own_params)
    if not params:
        return {}
    with st.expander("Params", type="compact", expanded=opened, key=f"again-params-{workflow.id}"):
        entered = forms.param_widgets(params, workflow.params, f"again-{workflow.id}")
    before = {param.name: forms.fitting(param, workflow.params.get(param.name)) for param in params}
    return {name: value for name, value in entered.items() if value is not None and value != before[name]}


def _plan(workflow: Workflow, changes: Params, first: str, count: int) -> None:
    """What would run, and what be reused."""
    if count > MOST_PLANNED:
        st.caption(f"{words.count(count, 'step')}: equal ones are reused, others run.")
        return
    with st.spinner("Working out which steps are reused", show_time=False):  # the first time, the code is loaded
        cells = _planned(workflow.id, dict(changes), first)
    reused = [cell for cell in cells if cell.reused_from is not None]
    st.markdown(
        f":material/recycling: **{words.count(len(cells) - len(reused), 'step')} would run, {len(reused)} reused**"
    )
    rows = [[cell.key, f"reused from #{cell.reused_from}" if cell.reused_from else "runs"] for cell in cells[:LISTED]]
    results.draw_table({"columns": ["Step", "Then"], "rows": rows}, f"again-plan-{workflow.id}")


@st.cache_data(ttl=KEPT_SECONDS, max_entries=50, show_spinner=False)
def _planned(workflow_id: int, changes: Mapping[str, Any], first: str) -> list[CellPlan]:
    if first:
        return outlooks.of("rerun", workflow_id, changes, first)
    return outlooks.of("restart", workflow_id, changes)
