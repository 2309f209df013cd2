"""Train on a table: the page New of the built-in pipeline, from a file to a started workflow."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from jobs.language import sentence, sentence_of
from jobs.pipelines import registry
from jobs.tabular import algorithms
from jobs.tabular.algorithms import Algorithm
from jobs.tabular.column import Column, columns_of, with_kinds
from jobs.verbs import short_form, workflows
from pages.parts import address, commands, forms, presentations, words
from pages.parts.new import settings_form, sources, start
from pages.parts.tabular import profile as drawn
from store import datasets as stored
from store.datasets import Dataset
from store.errors import NotFoundError
from store.messages import Message
from store.workflows import Workflow

SHOWN_ELSEWHERE = ("target", "algorithm", "features", "kinds")
Settings = dict[str, Any]


def page(before: Workflow | None) -> None:
    """Data, target, model, start; `before` is a workflow to begin with, as after Back from it."""
    dataset = chosen_dataset(before)
    sources.refusal()
    if dataset is None:
        with st.container(border=True):
            step_title(1, "Data")
            st.markdown(
                "Drop a table, choose what to predict, and get a trained and tested model. "
                ":gray[Files stay on this server.]"
            )
            sources.choose()
        return
    with st.container(border=True):
        used, kinds = data(dataset)
    columns = with_kinds(columns_of(dataset), kinds)
    with st.container(border=True):
        target = choose_target(dataset, columns, before)
    if target is None:
        return
    with st.container(border=True):
        algorithm, settings, name = choose_model(dataset, column_of(columns, target), used, before)
        if kinds:
            settings["kinds"] = kinds
    draft = short_form.draft(dataset.id, target, algorithm.key, settings)
    about = f"**{words.plain(target)}** by {words.plain(algorithm.lower_label)}"
    common, tried = short_form.sweep(dataset.id, target, None, settings)
    every = start.TryAll(common, tried, len(tried[short_form.ALGORITHM]))
    start.bar(draft, about, "Start training", name, typed(draft, target, algorithm.key, settings, name), every)


def typed(draft: workflows.Draft, target: str, algorithm: str, settings: Settings, name: str) -> commands.Command:
    """How to start it from elsewhere, in the short form for training on a table. The dataset is named by its number:
    from the file alone, how it was read here would be lost."""
    ((given, dataset_id),) = draft.inputs.items()
    what = ["--input", f"{given}={dataset_id}", "--target", target, "--algorithm", algorithm]
    body = {"dataset_id": dataset_id, "target": target, "algorithm": algorithm}
    return commands.submit(what, settings, body, name)


def chosen_dataset(before: Workflow | None) -> Dataset | None:
    """The dataset that the URL names, or that of the workflow to begin with."""
    if "dataset" in st.query_params:
        number = address.number_in("dataset")
    elif before and before.data:
        number = before.data.dataset_id
    else:
        return None
    try:
        if number is None:
            raise NotFoundError(Message("link_without_dataset"))
        return stored.get(number)
    except NotFoundError as refused:
        st.warning(
            f"{words.plain(sentence(refused.message))} It may have been deleted. Choose other data below.",
            icon=":material/search_off:",
        )
        return None


def requested(name: str, before: Workflow | None) -> str | None:
    """Return the target or algorithm that the URL names, or that of the workflow to begin with."""
    return st.query_params.get(name) or (before.facets.get(name) if before else None)


# 1  Data


def data(dataset: Dataset) -> tuple[list[str] | None, dict[str, str]]:
    """What was read; which columns may be used, None when that is as proposed; and the kinds that were set by hand."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        step_title(1, "Data")
        st.markdown(f"**{words.plain(dataset.title)}** · {drawn.summary(dataset)}", width="content")
        read_differently(dataset)
        with st.popover("Other data", icon=":material/swap_horiz:", type="tertiary", key="new-other"):
            sources.choose()
    drawn.first_part(dataset)
    told = st.container()
    columns, rows = st.tabs(["Columns", "First rows"])
    with columns:
        used, kinds = choose_columns(dataset)
    with rows:
        drawn.preview_table(columns_of(dataset), dataset.preview, key=f"new-preview-{dataset.id}", most=5)
    with told:  # filled last: what is ticked below is not left out
        drawn.notices(drawn.still_true(dataset.notices, used or ()), key=f"new-notices-{dataset.id}")
    return used, kinds


def read_differently(dataset: Dataset) -> None:
    with st.popover("Change", icon=":material/tune:", type="tertiary", key=f"new-reading-{dataset.id}"):
        again = drawn.read_again(dataset, key=f"new-change-{dataset.id}")
    if again:
        sources.show(again)


def choose_columns(dataset: Dataset) -> tuple[list[str] | None, dict[str, str]]:
    columns = columns_of(dataset)
    proposed = {column.name: column.role == "feature" for column in columns}
    changes: dict[str, bool] = st.session_state.setdefault("new-use", {})
    first = {name: changes.get(name, use) for name, use in proposed.items()}
    kinds: dict[str, str] = st.session_state.setdefault("new-kinds", {})
    ticked, chosen = drawn.column_choice(columns, first, kinds, f"new-columns-{dataset.id}", dataset.rows)
    others = {name: kind for name, kind in kinds.items() if name not in ticked}
    st.session_state["new-kinds"] = others | chosen
    for name, use in ticked.items():
        if use != proposed[name]:
            changes[name] = use
        else:
            changes.pop(name, None)
    # A column whose kind is set would be used, whatever was proposed before; the tick decides.
    proposed |= dict.fromkeys(chosen, True)
    return (None if ticked == proposed else [name for name, use in ticked.items() if use]), chosen


# 2  Target


def choose_target(dataset: Dataset, columns: Sequence[Column], before: Workflow | None) -> str | None:
    names, first = targets(dataset, columns, before)
    key = f"new-target-{dataset.id}"
    picking, description = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
    with picking:
        step_title(2, "Target")
        if (wanted := st.query_params.get("target")) and wanted not in names:
            st.warning(f"**{words.plain(wanted)}** in the address is no column that can be predicted here.")
        target = st.selectbox(
            "What should be predicted?",
            names,
            index=names.index(first) if first in names else None,
            key=key,
            placeholder="Choose a column",
            on_change=lambda: sources.remember("target", st.session_state[key]),
        )
    with description:
        if target is None:
            st.markdown(":material/arrow_back: Choose the column that the model should predict.")
            return None
        st.markdown(about_target(dataset, column_of(columns, target)))
    return target


def targets(dataset: Dataset, columns: Sequence[Column], before: Workflow | None) -> tuple[list[str], str | None]:
    """The columns that can be predicted, and the one that is chosen first."""
    names = [column.name for column in columns if column.kind not in ("empty", "date")]
    for wanted in (requested("target", before), (dataset.proposal or {}).get("target")):
        if wanted in names:
            return names, wanted
    return names, None


def about_target(dataset: Dataset, column: Column) -> str:
    about = drawn.target_words(column, dataset.rows)
    if not dataset.exact:
        about += " :gray[in the first part of the file]"
    proposal = dataset.proposal or {}
    if column.name == proposal.get("target"):
        about += f"  \n:gray[Proposed because: {words.plain(sentence_of(proposal['reason']))}.]"
    return about


def column_of(columns: Sequence[Column], name: str) -> Column:
    return next(column for column in columns if column.name == name)


# 3  Model


def choose_model(
    dataset: Dataset, target: Column, used: list[str] | None, before: Workflow | None
) -> tuple[Algorithm, Settings, str]:
    """The algorithm, the settings that differ from the defaults, and the name."""
    task = target.task
    fitting = {algorithm.key: algorithm for algorithm in algorithms.ALGORITHMS.values() if algorithm.task == task}
    step_title(3, "Model")
    key = f"new-algorithm-{task}"
    chosen = st.pills(
        "Algorithm",
        list(fitting),
        default=first_algorithm(dataset, list(fitting), before),
        key=key,
        required=True,
        format_func=presentations.of(short_form.PIPELINE).choice,
        label_visibility="collapsed",
        on_change=lambda: sources.remember("algorithm", st.session_state[key]),
    )
    algorithm = fitting[str(chosen)]
    st.markdown(algorithm.sentence)
    settings, name = choose_settings(dataset, target.name, algorithm)
    if used is not None:
        settings["features"] = [column for column in used if column != target.name]
    return algorithm, settings, name


def first_algorithm(dataset: Dataset, fitting: list[str], before: Workflow | None) -> str:
    proposal = dataset.proposal or {}
    for wanted in (requested("algorithm", before), proposal.get("algorithm")):
        if wanted in fitting:
            return str(wanted)
    return fitting[0]


def choose_settings(dataset: Dataset, target: str, algorithm: Algorithm) -> tuple[Settings, str]:
    """What differs from the defaults, and the name."""
    pipeline = registry.get(short_form.PIPELINE)
    fixed = {"target": target, "algorithm": algorithm.key}
    columns = [column.name for column in columns_of(dataset)]
    context = forms.FormContext(columns, presentations.of(pipeline.name).choice)
    # The settings of training first: they are what people change.
    steps = sorted(pipeline.steps, key=lambda step: step.name != "train")
    with st.expander("Settings", icon=":material/tune:", key="new-settings-open"):
        name = st.text_input(
            "Name",
            key="new-name",
            max_chars=workflows.NAME_LENGTH,
            persist_state="page",
            placeholder=f"{dataset.name}, {algorithm.lower_label}",
        )
        changed = settings_form.draw(pipeline, fixed, SHOWN_ELSEWHERE, context, steps)
    settings_form.summary(pipeline, changed, fixed, context)
    return changed, (name or "").strip()


def step_title(number: int, name: str) -> None:
    st.markdown(f"##### :gray[{number}]  {name}", width="content")
