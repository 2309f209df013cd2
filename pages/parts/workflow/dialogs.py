"""The dialogs about workflows, each with one verb: on the page of one, and on the list for those that are ticked."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from jobs.language import sentence
from jobs.pipelines import Param, registry
from jobs.verbs import sweeps
from jobs.verbs import workflows as verbs
from pages.parts import commands, presentations, press, settings, tables, words
from pages.parts.press import PageState
from pages.parts.workflow import again, bulk, cells
from store import datasets, tags, workflows
from store.errors import RequestError
from store.tables import Status
from store.workflows import Filter, Workflow

CHOICES = 200
LISTED = 8
SETTINGS = 4
# So many of the latest workflows are asked whether their configuration fits.
TRIED = 10
SETTINGS_SHOWN = 4
LONGEST_NOTE = 4000
LIST = "workflows"
# So many are started again only after a question.
MANY = 3


def page_state() -> PageState:
    """What the page of one workflow remembers."""
    return press.page_state("workflow-state")


def list_state() -> PageState:
    """What the list of workflows remembers."""
    return press.page_state(f"{LIST}-state")


def show(state: PageState) -> None:
    """The dialog that is open, if any."""
    if state.question == bulk.OUTCOMES or state.question.startswith(bulk.QUESTION):
        bulk.show(state)
        return
    ids = list(state.about or ())
    if state.question == again.QUESTION:
        state.dialog("Run again with other params", "tune", partial(again.draw, state, *state.about), width="large")
    elif state.question == "describe":
        state.dialog("Name, note and tags", "edit", partial(_describe, state, ids[0]))
    elif state.question == "delete":
        state.dialog(f"Delete {_named(ids)}?", "delete", partial(_delete, state, ids))
    elif state.question == "cancel":
        state.dialog(f"Cancel {_named(ids)}?", "cancel", partial(_cancel, state, ids))
    elif state.question == "restart":
        state.dialog(f"Run {_named(ids)} again?", "restart_alt", partial(_restart, state, ids))
    elif state.question == "compose":
        state.dialog("Compose a new workflow", "merge", partial(_compose, state, ids[0]), width="large")


def _named(ids: Sequence[int]) -> str:
    """#12, or 3 workflows."""
    return f"#{ids[0]}" if len(ids) == 1 else words.count(len(ids), "workflow")


def _compose(state: PageState, workflow_id: int) -> None:
    """The data of one workflow with the configuration of another."""
    workflow = workflows.get(workflow_id)
    latest = workflows.find(Filter(pipelines=(workflow.pipeline,)), limit=CHOICES)
    choices = {each.id: each for each in [*latest, workflow]}
    st.caption("A new workflow: the data and the target of one, with the settings of another. Neither of them changes.")
    ids = sorted(choices, reverse=True)
    other = _other(workflow, choices, [workflow.parent_id, *ids])
    left, right = st.columns(2, gap="medium")
    with left:
        data_from = _pick("Data from", "compose-data", choices, ids, workflow.id)
        _data_preview(choices[data_from])
    with right:
        config_from = _pick("Settings from", "compose-config", choices, ids, other)
        _config_preview(choices[config_from])
        changes = _instead(choices[data_from], choices[config_from]) | again.changes_of(choices[config_from])
    try:
        draft, plan = verbs.compose_preview(data_from, config_from, changes)
    except RequestError as refused:
        st.warning(words.plain(presentations.refusal(refused.message)), icon=":material/warning:")
        return
    _differences(choices[data_from], choices[config_from], draft)
    st.caption(f":material/recycling: {words.sentence(cells.plan_words(plan, draft.pipeline))}")
    state.problem()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start", type="primary", icon=":material/play_arrow:", key="compose-start"):
            state.go(verbs.compose, data_from, config_from, None, changes)
            st.rerun()
        commands.popover([commands.compose(data_from, config_from, changes)], key="command-compose")


def _other(workflow: Workflow, choices: Mapping[int, Workflow], ids: Sequence[int | None]) -> int:
    """The workflow whose configuration is proposed for the data of one: the first that fits, else any other."""
    known = map(choices.get, filter(None, ids))
    others = [each for each in known if each is not None and each.id != workflow.id]
    fitting = (each for each in others[:TRIED] if _misfit(workflow, each) is None)
    return next(fitting, others[0] if others else workflow).id


def _instead(data: Workflow, config: Workflow) -> dict[str, Any]:
    """What is chosen instead of a choice, such as the algorithm, that does not fit the data; nothing where it fits."""
    param = _misfit(data, config)
    if param is None:
        return {}
    of = presentations.of(config.pipeline)
    present = words.plain(of.choice(str(config.params.get(param.name))))
    st.markdown(f":material/swap_horiz: {present} does not fit this data; the other settings stay where they apply.")
    chosen = st.selectbox(
        f"{param.label} instead",
        param.choices,
        index=param.choices.index(param.default) if param.default in param.choices else 0,
        key=f"compose-instead-{data.id}-{config.id}",
        format_func=of.choice,
    )
    return {param.name: str(chosen)}


def _misfit(data: Workflow, config: Workflow) -> Param | None:
    """The param whose choice in a configuration does not fit the data, with the choices that do."""
    try:
        draft = verbs.composed(data, config)
        given = datasets.get(data.data.dataset_id) if data.data else None
        for param in sweeps.tried(registry.get(draft.pipeline), draft.params):
            offered = presentations.of(draft.pipeline).offered(param, draft.params, given)
            if draft.params.get(param.name) not in offered.choices:
                return offered
    except RequestError:
        return None  # why it cannot be composed is said below
    return None


def restart(state: PageState, ids: Sequence[int]) -> None:
    """Run each of them again; those that started are named also when another one is refused."""
    bulk.carry_out(state, "restart", ids)


def _restart(state: PageState, ids: Sequence[int]) -> None:
    """Asked of many at once, and while one of them has not ended: two copies would share the workers."""
    going = [row for row in workflows.get_many(ids) if not row.status.over]
    for row in going[:LISTED]:
        waits = row.status is Status.pending
        st.markdown(f"{words.plain(f'#{row.id} {row.name}')} is still {'waiting' if waits else 'running'}.")
    if len(going) > LISTED:
        st.caption(f"and {len(going) - LISTED} more")
    if going:
        st.markdown("Running it again now starts a second copy; both share the workers.")
    else:
        st.markdown(f"{words.count(len(ids), 'new workflow')} will wait for the workers; the old ones stay.")
    if state.confirm("Run again", "restart_alt", "Keep one" if going else "Not now", "restart-twice"):
        if state is list_state():
            restart(state, ids)
        else:
            state.go(verbs.restart, ids[0])
        st.rerun()
    state.problem()


def _cancel(state: PageState, ids: Sequence[int]) -> None:
    rows = workflows.get_many(ids)
    going = [row.id for row in rows if not row.status.over]
    if len(going) < len(rows):
        st.markdown(f"{words.count(len(rows) - len(going), 'workflow')} of these ended already and stay as they are.")
    st.markdown(
        "Running steps stop at once and waiting ones do not run. Completed steps are kept; Retry continues from them."
    )
    several = len(going) > 1
    verb, given = (verbs.cancel_all, going) if several else (verbs.cancel, ids[0])
    label = f"Cancel {_named(going)}" if several else "Cancel workflow"
    if state.confirm(label, "cancel", "Keep running", "cancel") and state.press(verb, given):
        state.close(f"{_named(going) if several else f'#{ids[0]}'} {'are' if several else 'is'} cancelled.")
        st.rerun()
    state.problem()
    commands.popover([commands.cancel_all(going) if several else commands.cancel(ids[0])], key="command-cancel")


def _describe(state: PageState, workflow_id: int) -> None:
    try:
        workflow = workflows.get(workflow_id)
    except RequestError as refused:
        st.error(words.plain(sentence(refused.message)), icon=":material/error:")
        return
    with st.form(f"describe-{workflow_id}", border=False):
        name = st.text_input("Name", workflow.name, key=f"describe-name-{workflow_id}", max_chars=verbs.NAME_LENGTH)
        note = st.text_area(
            "Note",
            workflow.note,
            key=f"describe-note-{workflow_id}",
            height=120,
            max_chars=LONGEST_NOTE,
            placeholder="What you tried, and what came out of it",
        )
        chosen = st.multiselect(
            "Tags",
            sorted({*workflows.tags_used(), *workflow.tags}),
            default=list(workflow.tags),
            accept_new_options=True,
            max_selections=tags.MOST,
            key=f"describe-tags-{workflow_id}",
            placeholder="Choose tags, or type new ones",
        )
        pressed = st.form_submit_button("Save", type="primary", key="describe-save")
    if pressed and state.press(_described, workflow, name, note, chosen):
        state.close("Saved.")
        st.rerun()
    state.problem()
    commands.popover([commands.describe(workflow_id)], key="command-describe")


def _described(workflow: Workflow, name: str, note: str, chosen: Sequence[str]) -> Workflow:
    """Change the name, the note and, where they differ, the tags."""
    if set(chosen) != set(workflow.tags):
        verbs.tag([workflow.id], chosen, [tag for tag in workflow.tags if tag not in chosen])
    return verbs.describe(workflow.id, name, note)


def _delete(state: PageState, ids: Sequence[int]) -> None:
    rows = workflows.get_many(ids)
    st.markdown("\n".join(f"- {words.plain(f'#{row.id} {row.name}')}" for row in rows[:LISTED]))
    if len(rows) > LISTED:
        st.caption(f"and {len(rows) - LISTED} more")
    st.markdown(
        f"This permanently deletes {'its' if len(rows) == 1 else 'their'} steps, curves, scores, logs and models. "
        "Datasets stay, and so does every file that another workflow uses."
    )
    sure = state.confirm("Delete", "delete", "Keep", "delete", destroys=True)
    if sure and state is list_state() and bulk.carry_out(state, "delete", ids) and not state.refused:
        st.rerun()
    elif sure and state is not list_state() and state.press(verbs.remove, list(ids)) is not None:
        state.close()
        state.leads_to = "workflows.py", {}
        tables.forget(LIST)
        list_state().toast = f"{_named(ids)} is deleted."
        st.rerun()
    state.problem()
    commands.popover([commands.delete_all(ids)], key="command-delete")


def _pick(label: str, key: str, choices: Mapping[int, Workflow], ids: list[int], chosen: int) -> int:
    return int(
        st.selectbox(
            label, ids, index=ids.index(chosen), key=key, format_func=lambda number: f"#{number} {choices[number].name}"
        )
        or chosen
    )


def _data_preview(workflow: Workflow) -> None:
    given = ", ".join(words.plain(each.title) for each in workflow.inputs.values()) or "no dataset"
    about = [f"{words.plain(name)}: {words.plain(value)}" for name, value in settings.of_data(workflow).items()]
    st.markdown("  \n".join([f":material/table_chart: {given}", *about[:SETTINGS]]))


def _config_preview(workflow: Workflow) -> None:
    changed = settings.changed(workflow).items()
    changes = [f"{words.plain(words.inside(name))} {words.plain(value)}" for name, value in changed]
    shown = words.sentence(", ".join(changes[:SETTINGS])) or "Every setting as proposed"
    more = f" and {len(changes) - SETTINGS} more" if len(changes) > SETTINGS else ""
    st.markdown(f":material/tune: {shown}{more}")


def _differences(data: Workflow, config: Workflow, draft: verbs.Draft) -> None:
    """What differs between the two, and what the new workflow takes."""
    known = registry.get(draft.pipeline).params(draft.params)
    taken = {name: param.default for name, param in known.items()} | dict(draft.params)
    sides = [
        settings.described(data),
        settings.described(config),
        settings.data(data) | settings.of_params(draft.pipeline, taken),
    ]
    names = [
        name
        for name in dict.fromkeys(name for side in sides for name in side)
        if len({side.get(name, "–") for side in sides}) > 1
    ]
    if data.id == config.id:
        st.info("Both are the same workflow; this runs it again, unchanged.", icon=":material/info:")
    elif not names:
        st.info("The two do not differ in data or settings.", icon=":material/info:")
    else:
        frame = pd.DataFrame(
            [[name, *(side.get(name, "–") for side in sides)] for name in names],
            dtype="str",
            columns=["Differs in", f"#{data.id}", f"#{config.id} ", "New workflow"],
        )
        st.dataframe(frame, hide_index=True, key="compose-table", height=min(len(names) + 1, 9) * 35 + 3)
