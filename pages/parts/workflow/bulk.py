"""One control for several workflows: one question, and then what became of each."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from jobs.language import sentence
from jobs.verbs import bulk
from jobs.verbs import workflows as verbs
from jobs.verbs.bulk import Outcome
from pages.parts import commands, links, tables, words
from pages.parts.press import PageState
from store import tags, workflows
from store.tables import Status
from store.workflows import Workflow

QUESTION, OUTCOMES = "all-", "outcomes"
LIST = "workflows"
LISTED = 8
# For each control: its words and icon, what it does, and what it did.
WORDS = {
    "retry": ("Retry", "replay", "Steps that did not complete run again, in place; completed ones stay.", "retried"),
    "restart": ("Restart", "restart_alt", "", "running again"),
    "delete": ("Delete", "delete", "", "deleted"),
}


def show(state: PageState) -> None:
    """The question of a control, or what became of each workflow."""
    if state.question == OUTCOMES:
        state.dialog("What happened to each", "checklist", partial(_outcomes, state, state.about))
    elif state.question == f"{QUESTION}tag":
        ids = list(state.about)
        state.dialog(f"Tag {words.count(len(ids), 'workflow')}", "label", partial(_tag, state, ids))
    elif state.question.startswith(QUESTION):
        act, ids = state.question.removeprefix(QUESTION), list(state.about)
        title = f"{WORDS[act][0]} {words.count(len(ids), 'workflow')}?"
        state.dialog(title, WORDS[act][1], partial(_question, state, act, ids))


def carry_out(state: PageState, act: str, ids: Sequence[int]) -> list[Outcome]:
    """Do it to each, close the question, and show what became of them where something was refused."""
    outcomes: list[Outcome] = state.press(bulk.do, act, list(ids)) or []
    if not outcomes:
        return []
    tables.forget(LIST)
    if any(each.refused for each in outcomes):
        if len(outcomes) == 1:
            state.refused = sentence(outcomes[0].refused) if outcomes[0].refused else ""
        else:
            state.ask(OUTCOMES, (act, outcomes))
    elif act == "restart":
        state.close(f"Running again as {', '.join(f'#{each.started}' for each in outcomes)}.")
    else:
        several = len(outcomes) > 1
        what = words.count(len(outcomes), "workflow") if several else f"#{outcomes[0].workflow_id}"
        state.close(f"{what} {'are' if several else 'is'} {WORDS[act][3]}.")
    return outcomes


def _question(state: PageState, act: str, ids: list[int]) -> None:
    rows = workflows.get_many(ids)
    can = [row for row in rows if row.status in (Status.failed, Status.cancelled)]
    _listed(can)
    if left_out := len(rows) - len(can):
        st.caption(f"{words.count(left_out, 'workflow')} of these did not fail and will be refused.")
    st.markdown(WORDS[act][2])
    label, icon = WORDS[act][:2]
    if state.confirm(f"{label} {len(rows)}", icon, "Not now", f"all-{act}"):
        carry_out(state, act, ids)
        st.rerun()
    state.problem()
    commands.popover([commands.all_of(act, ids)], key=f"command-all-{act}")


def _listed(rows: Sequence[Workflow]) -> None:
    named = [f"- {words.plain(f'#{row.id} {row.name}')}, {words.status(row.status).lower()}" for row in rows[:LISTED]]
    st.markdown("\n".join(named))
    if len(rows) > LISTED:
        st.caption(f"and {len(rows) - LISTED} more")


def _tag(state: PageState, ids: list[int]) -> None:
    rows = workflows.get_many(ids)
    _listed(rows)
    had = sorted({tag for row in rows for tag in row.tags})
    add = st.multiselect(
        "Add",
        sorted({*workflows.tags_used(), *had}),
        accept_new_options=True,
        max_selections=tags.MOST,
        key="tag-add",
        placeholder="Choose tags, or type new ones",
    )
    remove = st.multiselect("Take away", had, key="tag-remove", placeholder="None") if had else []
    if st.button("Save", type="primary", icon=":material/label:", key="tag-save", disabled=not (add or remove)):
        if state.press(verbs.tag, ids, add, remove):
            state.close("Saved.")
        st.rerun()
    state.problem()
    commands.popover([commands.tag_all(ids)], key="command-tag")


def _outcomes(state: PageState, about: tuple[str, list[Outcome]]) -> None:
    act, outcomes = about
    done = [each for each in outcomes if not each.refused]
    st.markdown(f"**{len(done)} of {words.count(len(outcomes), 'workflow')} {WORDS[act][3]}**")
    with st.container(height=320 if len(outcomes) > LISTED else "content", border=False, gap="xsmall"):
        for each in outcomes:
            if each.refused:
                st.markdown(f":red[:material/error:] {words.plain(sentence(each.refused))}")
            elif each.started is not None:
                text = f"#{each.workflow_id} runs again as #{each.started}"
                links.workflow(each.started, text, icon=":material/check:")
            else:
                st.markdown(f":green[:material/check:] #{each.workflow_id} is {WORDS[act][3]}.")
    if st.button("Close", key="outcomes-close"):
        state.close()
        st.rerun()
