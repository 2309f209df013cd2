"""The dialogs of the workflow page; each does one verb."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from jobs.tabular import algorithms
from jobs.verbs import workflows as verbs
from pages.parts import commands, forms, words
from pages.parts.workflow import actions, cells
from store import workflows
from store.errors import Refused
from store.workflows import Filter, Workflow

CHOICES = 200


def show(workflow: Workflow) -> None:
    """The dialog that is open on this workflow's page, if any."""
    if draw := DIALOGS.get(actions.asked(workflow.id)):
        draw(workflow)


@st.dialog("Compose a new workflow", width="large", on_dismiss=actions.close)
def compose(workflow: Workflow) -> None:
    """The data of one workflow with the configuration of another."""
    actions.settle_part()
    choices = {each.id: each for each in [*workflows.find(Filter(), limit=CHOICES), workflow]}
    ids = sorted(choices, reverse=True)
    others = [workflow.parent_id, *ids]
    other = next((number for number in others if number in choices and number != workflow.id), workflow.id)
    left, right = st.columns(2, gap="medium")
    with left:
        data_from = _pick("Data and target from", "compose-data", choices, ids, workflow.id)
        _data_preview(choices[data_from])
    with right:
        config_from = _pick("Configuration from", "compose-config", choices, ids, other)
        _config_preview(choices[config_from])
    try:
        values, plan = verbs.compose_preview(data_from, config_from)
    except Refused as refused:
        st.warning(words.plain(forms.labelled(refused.sentence)), icon=":material/warning:")
        return
    _differences(choices[data_from], choices[config_from], values)
    st.caption(f":material/recycling: {words.sentence(cells.plan_words(plan))}")
    _problem()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start", type="primary", icon=":material/play_arrow:", key="compose-start"):
            actions.perform(verbs.compose, data_from, config_from)
            st.rerun()
        commands.popover([commands.compose(data_from, config_from)], key="command-compose")


@st.dialog("Cancel this workflow?", on_dismiss=actions.close)
def cancel(workflow: Workflow) -> None:
    actions.settle_part()
    st.markdown("What runs stops at once, and what waits is not run. Completed steps are kept; Retry goes on there.")
    _problem()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Cancel the workflow",
            type="primary",
            icon=":material/cancel:",
            key="cancel-yes",
            on_click=actions.perform,
            args=(verbs.cancel, workflow.id),
            kwargs={"leave": False},
        )
        _keep("Keep it running")
        commands.popover([commands.cancel(workflow.id)], key="command-cancel")


@st.dialog("Name and note", on_dismiss=actions.close)
def describe(workflow: Workflow) -> None:
    actions.settle_part()
    name = st.text_input("Name", workflow.name, key=f"describe-name-{workflow.id}", max_chars=verbs.NAME_LENGTH)
    note = st.text_area(
        "Note",
        workflow.note,
        key=f"describe-note-{workflow.id}",
        height=120,
        placeholder="What was tried, and what came out of it",
    )
    _problem()
    with st.container(horizontal=True):
        if st.button("Save", type="primary", key="describe-save"):  # not a callback: that would get the text before
            actions.perform(verbs.describe, workflow.id, name, note, leave=False)
            st.rerun()
        _keep("Leave as it is")
        commands.popover([commands.describe(workflow.id)], key="command-describe")


@st.dialog("Delete this workflow?", on_dismiss=actions.close)
def delete(workflow: Workflow) -> None:
    actions.settle_part()
    st.markdown(
        f"**#{workflow.id} {words.plain(workflow.name)}** goes for good, with its model, scores, curves and logs. "
        f"The dataset {words.plain(workflow.dataset_name)} stays, and so do workflows that reused its cells."
    )
    _problem()
    with st.container(horizontal=True):
        st.button(
            "Delete",
            type="primary",
            icon=":material/delete:",
            key="delete-yes",
            on_click=actions.perform,
            args=(verbs.remove, [workflow.id]),
            kwargs={"leave": False},
        )
        _keep("Keep it")
        commands.popover([commands.delete(workflow.id)], key="command-delete")


def _keep(label: str) -> None:
    if st.button(label, key="dialog-keep"):
        actions.close()
        st.rerun()


def _problem() -> None:
    if sentence := actions.said():
        st.error(words.plain(sentence), icon=":material/error:")


def _pick(label: str, key: str, choices: Mapping[int, Workflow], ids: list[int], chosen: int) -> int:
    return int(
        st.selectbox(
            label, ids, index=ids.index(chosen), key=key, format_func=lambda number: f"#{number} {choices[number].name}"
        )
        or chosen
    )


def _data_preview(workflow: Workflow) -> None:
    version = f", version {workflow.dataset_version}" if workflow.dataset_version > 1 else ""
    st.markdown(
        f":material/table_chart: {words.plain(workflow.dataset_name)}{version}  \n"
        f":material/target: predicts {words.plain(workflow.target)}"
    )


def _config_preview(workflow: Workflow) -> None:
    said = [
        f"{words.plain(name.replace('_', ' '))} {words.plain(_value(workflow.params.get(name)))}"
        for name in ("learning_rate", "epochs", "batch_size")
        if workflow.params.get(name) is not None
    ]
    st.markdown(
        f":material/model_training: {words.plain(_algorithm(workflow.algorithm))}  \n"
        f":material/tune: {', '.join(said) or 'its own settings'}"
    )


def _differences(data: Workflow, config: Workflow, values: Mapping[str, Any]) -> None:
    """What differs between the two, and what the new workflow takes."""
    sides = [
        _facts(data.dataset_name, data.dataset_version, data.target, data.algorithm, data.params),
        _facts(config.dataset_name, config.dataset_version, config.target, config.algorithm, config.params),
        _facts(data.dataset_name, data.dataset_version, values["target"], values["algorithm"], values["params"]),
    ]
    names = [
        name
        for name in dict.fromkeys(name for side in sides for name in side)
        if len({side.get(name, "–") for side in sides[:2]}) > 1
    ]
    if data.id == config.id:
        st.info("Both are the same workflow; this starts it once more, unchanged.", icon=":material/info:")
    elif not names:
        st.info("The two do not differ in data, target or settings.", icon=":material/info:")
    else:
        frame = pd.DataFrame(
            [[name, *(side.get(name, "–") for side in sides)] for name in names],
            dtype="str",
            columns=["Differs in", f"#{data.id}", f"#{config.id} ", "New workflow"],
        )
        st.dataframe(frame, hide_index=True, key="compose-table", height=min(len(names) + 1, 9) * 35 + 3)


def _facts(dataset: str, version: int, target: str, algorithm: str, params: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        "Dataset": dataset if version == 1 else f"{dataset} (version {version})",
        "Target": target,
        "Algorithm": _algorithm(algorithm),
    }
    return facts | {name.replace("_", " ").capitalize(): _value(value) for name, value in sorted(params.items())}


def _algorithm(key: str) -> str:
    try:
        return algorithms.get(key).label
    except Refused:
        return key


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return words.number(value) if isinstance(value, float) else str(value)


DIALOGS: dict[str, Callable[[Workflow], None]] = {
    "compose": compose,
    "cancel": cancel,
    "describe": describe,
    "delete": delete,
}
