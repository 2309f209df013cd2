"""New: one page from a file to a started workflow."""

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

import streamlit as st

from jobs.engine import queue_view
from jobs.language import sentence_of
from jobs.pipelines import Param, registry
from jobs.tabular import algorithms
from jobs.tabular.algorithms import Algorithm
from jobs.tabular.column import Column, columns_of
from jobs.verbs import short_form, workflows
from pages.parts import address, commands, forms, links, visitor, words
from pages.parts.new import sources
from pages.parts.tabular import profile as drawn
from store import datasets as stored
from store import workflows as stored_workflows
from store.datasets import Dataset
from store.errors import NotFound, Refused
from store.workflows import Workflow

STEPS = {"upload": "Reading", "preprocess": "Preparing the data", "train": "Training", "evaluate": "Testing"}
ELSEWHERE = {"target", "algorithm", "features"}
Settings = dict[str, Any]


def page() -> None:
    st.header("New workflow", anchor=False)
    if visitor.only_looking():
        instead()
        return
    dataset = chosen_dataset()
    sources.refusal()
    if dataset is None:
        st.markdown(
            "Drop a table, choose what to predict, and get a trained and tested model. "
            ":gray[Files stay on this server.]"
        )
        with st.container(border=True):
            step_title(1, "Data")
            sources.choose()
        return
    with st.container(border=True):
        used = data(dataset)
    with st.container(border=True):
        target = choose_target(dataset)
    if target is None:
        return
    with st.container(border=True):
        algorithm, settings = choose_model(dataset, target, used)
    start(dataset, target, algorithm, settings)


def instead() -> None:
    """What somebody can do here who may not start anything."""
    st.markdown(
        "Here an analyst drops a table, chooses what to predict, and gets a trained and tested model. "
        "What came of it is for you to see:"
    )
    if (number := address.number_in("dataset")) is not None:
        st.page_link(
            "datasets.py",
            label="The dataset that this link names",
            icon=":material/table_chart:",
            query_params={"id": str(number)},
            width="content",
        )
    st.page_link("workflows.py", label="All workflows", icon=":material/list_alt:", width="content")
    st.page_link("datasets.py", label="All datasets", icon=":material/table_chart:", width="content")


# 1  Data


def chosen_dataset() -> Dataset | None:
    """The dataset that the URL names."""
    if "dataset" in st.query_params:
        number = address.number_in("dataset")
    elif before := started_before():
        number = before.data.dataset_id if before.data else None
    else:
        return None
    try:
        if number is None:
            raise NotFound("The link does not name a dataset.")
        return stored.get(number)
    except NotFound as refused:
        st.warning(
            f"{words.plain(refused.sentence)} It may have been deleted. Choose other data below.",
            icon=":material/search_off:",
        )
        return None


def started_before() -> Workflow | None:
    """Back from a workflow leads to /new?id=42, as Streamlit leaves it: there is what that was started with."""
    number = None if "dataset" in st.query_params else address.number_in("id")
    with contextlib.suppress(NotFound):
        return stored_workflows.get(number) if number is not None else None
    return None


def asked_for(name: str) -> str | None:
    """What the URL says of the target or the algorithm."""
    before = started_before()
    return st.query_params.get(name) or (before.facets.get(name) if before else None)


def data(dataset: Dataset) -> list[str] | None:
    """What was read, and which columns may be used; None when that is as proposed."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        step_title(1, "Data")
        st.markdown(f"**{words.plain(dataset.title)}** · {drawn.summary(dataset)}", width="content")
        read_differently(dataset)
        with st.popover("Other data", icon=":material/swap_horiz:", type="tertiary", key="new-other"):
            sources.choose()
    drawn.first_part(dataset)
    drawn.notices(dataset.notices, key=f"new-notices-{dataset.id}")
    columns, rows = st.tabs(["Columns", "First rows"])
    with columns:
        used = choose_columns(dataset)
    with rows:
        drawn.preview_table(columns_of(dataset), dataset.preview, key=f"new-preview-{dataset.id}", most=5)
    return used


def read_differently(dataset: Dataset) -> None:
    with st.popover("Change", icon=":material/tune:", type="tertiary", key=f"new-reading-{dataset.id}"):
        again = drawn.read_again(dataset, key=f"new-change-{dataset.id}")
    if again:
        sources.show(again)


def choose_columns(dataset: Dataset) -> list[str] | None:
    columns = columns_of(dataset)
    proposed = {column.name: column.role == "feature" for column in columns}
    changes: dict[str, bool] = st.session_state.setdefault("new-use", {})
    first = {name: changes.get(name, use) for name, use in proposed.items()}
    ticked = drawn.column_choice(columns, first, f"new-columns-{dataset.id}", dataset.rows)
    for name, use in ticked.items():
        if use != proposed[name]:
            changes[name] = use
        else:
            changes.pop(name, None)
    return None if ticked == proposed else [name for name, use in ticked.items() if use]


# 2  Target


def choose_target(dataset: Dataset) -> str | None:
    names = [column.name for column in columns_of(dataset) if column.kind != "empty"]
    proposal = dataset.proposal or {}
    wanted = asked_for("target")
    first = wanted if wanted in names else proposal.get("target")
    key = f"new-target-{dataset.id}"
    picking, saying = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
    with picking:
        step_title(2, "Target")
        target = st.selectbox(
            "What should be predicted?",
            names,
            index=names.index(first) if first in names else None,
            key=key,
            placeholder="Choose a column",
            on_change=lambda: sources.remember("target", st.session_state[key]),
        )
    with saying:
        if target is None:
            st.markdown(":material/arrow_back: Choose the column that the model shall predict.")
            return None
        st.markdown(about_target(dataset, target))
    return target


def about_target(dataset: Dataset, target: str) -> str:
    said = drawn.target_words(column_of(dataset, target), dataset.rows)
    if not dataset.exact:
        said += " :gray[in the first part of the file]"
    proposal = dataset.proposal or {}
    if target == proposal.get("target"):
        said += f"  \n:gray[Proposed because: {words.plain(sentence_of(proposal['reason']))}.]"
    return said


def column_of(dataset: Dataset, name: str) -> Column:
    return next(column for column in columns_of(dataset) if column.name == name)


# 3  Model


def choose_model(dataset: Dataset, target: str, used: list[str] | None) -> tuple[Algorithm, Settings]:
    task = column_of(dataset, target).task
    fitting = {algorithm.key: algorithm for algorithm in algorithms.ALGORITHMS.values() if algorithm.task == task}
    step_title(3, "Model")
    key = f"new-algorithm-{task}"
    chosen = st.pills(
        "Algorithm",
        list(fitting),
        default=first_algorithm(dataset, target, list(fitting)),
        key=key,
        required=True,
        format_func=lambda name: fitting[name].label,
        label_visibility="collapsed",
        on_change=lambda: sources.remember("algorithm", st.session_state[key]),
    )
    algorithm = fitting[str(chosen)]
    st.markdown(algorithm.sentence)
    settings = choose_settings(dataset, target, algorithm)
    if used is not None:
        settings["features"] = [name for name in used if name != target]
    return algorithm, settings


def first_algorithm(dataset: Dataset, target: str, fitting: list[str]) -> str:
    proposal = dataset.proposal or {}
    for wanted in (asked_for("algorithm"), proposal.get("algorithm")):
        if wanted in fitting:
            return str(wanted)
    return fitting[0]


def choose_settings(dataset: Dataset, target: str, algorithm: Algorithm) -> Settings:
    """What differs from the defaults."""
    kept: Settings = st.session_state.setdefault("new-settings", {})
    form = st.session_state.setdefault("new-form", 0)
    chosen = {**kept, "target": target, "algorithm": algorithm.key}
    names = [column.name for column in columns_of(dataset)]
    changed: Settings = {}
    with st.expander("Settings", icon=":material/tune:", key="new-settings-open"):
        st.text_input(
            "Name",
            key="new-name",
            max_chars=workflows.NAME_LENGTH,
            persist_state="page",
            placeholder=f"{dataset.name}, {algorithm.spoken}",
        )
        for step, params in settings_by_step(chosen):
            st.markdown(f"**{STEPS.get(step, step.capitalize())}**")
            values = forms.param_widgets(params, kept, f"new-{form}-{algorithm.key}-{step}", names)
            changed |= forms.touched(params, values)
    known = shown_params(chosen)
    st.session_state["new-settings"] = {name: value for name, value in kept.items() if name not in known} | changed
    if set(shown_params({**chosen, **changed})) != set(known):
        st.rerun()  # a setting brought others with it, or took them away
    if changed:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                "Changed: " + ", ".join(setting_words(known[name], value) for name, value in changed.items()),
                width="content",
            )
            st.button(
                "Back to defaults",
                icon=":material/undo:",
                type="tertiary",
                key="new-defaults",
                on_click=back_to_defaults,
            )
    return changed


def settings_by_step(chosen: Mapping[str, Any]) -> list[tuple[str, list[Param]]]:
    """The params of each step, training first; one that several steps share is asked for once."""
    steps = sorted(registry.get(short_form.PIPELINE).steps, key=lambda step: step.name != "train")
    seen = set(ELSEWHERE)
    found = []
    for step in steps:
        params = [param for param in step.params_for(chosen) if param.name not in seen]
        seen |= {param.name for param in params}
        if params:
            found.append((step.name, params))
    return found


def shown_params(chosen: Mapping[str, Any]) -> dict[str, Param]:
    every = registry.get(short_form.PIPELINE).params(chosen)
    return {name: param for name, param in every.items() if name not in ELSEWHERE}


def setting_words(param: Param, value: Any) -> str:
    if isinstance(value, bool):
        said = "on" if value else "off"
    else:
        said = words.number(value) if isinstance(value, float) else str(value).replace("_", " ")
    return words.plain(f"{param.label.lower()} {said}")


def back_to_defaults() -> None:
    st.session_state["new-settings"] = {}
    st.session_state["new-form"] += 1


# 4  Start


def start(dataset: Dataset, target: str, algorithm: Algorithm, settings: Settings) -> None:
    draft = short_form.draft(dataset.id, target, algorithm.key, settings)
    problems = workflows.problems(draft.pipeline, draft.params, draft.inputs)
    for problem in problems:
        st.error(words.plain(forms.labelled(problem.sentence)), icon=":material/error:")
    for told in () if problems else workflows.notices(draft.pipeline, draft.params, draft.inputs):
        st.info(words.plain(told), icon=":material/info:")
    name = str(st.session_state.get("new-name") or "").strip()
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pressed = st.button(
            "Start training", type="primary", icon=":material/play_arrow:", key="new-start", disabled=bool(problems)
        )
        if not problems:
            st.markdown(outlook(dataset, target, algorithm, settings), width="content")
    with st.expander(
        "The same from a terminal or a program", icon=":material/terminal:", type="compact", key="new-commands"
    ):
        commands.draw([commands.start(dataset, target, algorithm.key, settings, name)])
    if not pressed:
        # Only a visit without a click ends a request: the second half of a double click finds the first's workflow.
        if st.session_state.pop("new-started", False) or "new-request" not in st.session_state:
            st.session_state["new-request"] = uuid.uuid4().hex
        return
    try:
        workflow = workflows.start(
            draft.pipeline,
            draft.params,
            draft.inputs,
            name,
            request=st.session_state.setdefault("new-request", uuid.uuid4().hex),
        )
    except Refused as refused:
        st.error(words.plain(refused.sentence), icon=":material/error:")
        return
    st.session_state["new-started"] = True
    links.go_to_workflow(workflow.id)


def outlook(dataset: Dataset, target: str, algorithm: Algorithm, settings: Settings) -> str:
    """What will happen: what runs, what is reused, who does it."""
    draft = short_form.draft(dataset.id, target, algorithm.key, settings)
    plan = workflows.plan(draft.pipeline, draft.params, draft.inputs)
    what = f"**{words.plain(target)}** by {words.plain(algorithm.spoken)}"
    running = [cell for cell in plan if cell.reused_from is None]
    reused = [cell for cell in plan if cell.reused_from is not None]
    if not running:
        return f"{what} · this ran before as \\#{plan[-1].reused_from}: its results are reused at once"
    said = words.count(len(running), "step")
    if reused:
        names = " and ".join(cell.step for cell in reused)
        said += f" to run; {names} {'is' if len(reused) == 1 else 'are'} reused from \\#{reused[-1].reused_from}"
    return f"{what} · :gray[{said} · {workers_words()}]"


def workers_words() -> str:
    now = queue_view.snapshot()
    if not now.reachable:
        return ":orange[the queue is away: the workflow is saved, and starts when it is back]"
    if not now.workers:
        return ":orange[no worker is running yet; it waits for one]"
    free = sum(worker.state != "busy" for worker in now.workers)
    if free:
        return f"{words.count(free, 'worker')} free"
    return f"all {len(now.workers)} workers busy, it waits its turn"


def step_title(number: int, name: str) -> None:
    st.markdown(f"##### :gray[{number}]  {name}", width="content")


page()
