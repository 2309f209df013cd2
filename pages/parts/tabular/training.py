"""Train on a table: the page New of the built-in pipeline, from a file to a started workflow."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from jobs.language import sentence, sentence_of
from jobs.pipelines import registry
from jobs.tabular import algorithms, fitness, proposal
from jobs.tabular.algorithms import Algorithm, Task
from jobs.tabular.column import KINDS_BY_HAND, Column, columns_of, with_kinds
from jobs.verbs import short_form, workflows
from pages.parts import address, commands, forms, presentations, words
from pages.parts.new import settings_form, sources, start
from pages.parts.tabular import names as called
from pages.parts.tabular import profile as drawn
from store import datasets as stored
from store.datasets import Dataset
from store.errors import NotFoundError
from store.messages import Message, StoredNotice
from store.workflows import Workflow

SHOWN_ELSEWHERE = ("target", "algorithm", "features", "kinds")
# Under which names the URL has the ticks and the kinds that were changed.
USED, KINDS = "columns", "kinds"
TASKS: dict[Task, str] = {"classification": "Classes", "regression": "A number"}
Settings = dict[str, Any]


def page() -> None:
    """Data, target, model, start."""
    dataset = chosen_dataset()
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
        target, task = choose_target(dataset, columns)
    if target is None:
        return
    with st.container(border=True):
        algorithm, settings, name = choose_model(dataset, target, task, used)
        if kinds:
            settings["kinds"] = kinds
    draft = short_form.draft(dataset.id, target, algorithm.key, settings)
    about = f"**{words.plain(target)}** by {words.plain(algorithm.lower_label)}"
    fitting = [each.key for each in algorithms.ALGORITHMS.values() if each.task == task]
    # What is proposed for this algorithm is not chosen for the others.
    proposed = short_form.draft(dataset.id, target, algorithm.key, {}).params
    chosen = {each: value for each, value in settings.items() if value != proposed.get(each)}
    common, tried = short_form.sweep(dataset.id, target, fitting, chosen)
    keys = tried[short_form.ALGORITHM]
    every = start.TryAll(common, tried, partial(typed_for_all, draft, target, keys, chosen), len(keys))
    shell = typed(draft, target, algorithm.key, settings, name)
    start.bar(draft, about, "Start training", name, shell, every, partial(apply, dataset))


def apply(dataset: Dataset, params: Settings) -> None:
    """Have the form hold other settings, or other columns, as a warning proposes them."""
    others = dict(params)
    if (kept := others.pop("features", None)) is not None:
        changes: dict[str, bool] = st.session_state.setdefault("new-use", {})
        used = {column.name: column.role == "feature" for column in columns_of(dataset)} | changes
        changes.update({name: False for name, use in used.items() if use and name not in kept})
        changes.pop(str(st.session_state.get(f"new-target-{dataset.id}")), None)
        redraw_ticks()
    if others:
        settings_form.add(registry.get(short_form.PIPELINE), others)


def redraw_ticks() -> None:
    """Have a new table of columns, which begins with the ticks that are remembered."""
    st.session_state["new-use-drawing"] = st.session_state.get("new-use-drawing", 0) + 1


def typed(draft: workflows.Draft, target: str, algorithm: str, settings: Settings, name: str) -> commands.Command:
    """How to start it from elsewhere, in the short form for training on a table. The dataset is named by its number:
    from the file alone, how it was read here would be lost."""
    ((given, dataset_id),) = draft.inputs.items()
    what = ["--input", f"{given}={dataset_id}", "--target", target, "--algorithm", algorithm]
    body = {"dataset_id": dataset_id, "target": target, "algorithm": algorithm}
    return commands.submit(what, settings, body, name)


def typed_for_all(
    draft: workflows.Draft, target: str, keys: Sequence[str], settings: Settings, called: str
) -> commands.Command:
    """How to try all algorithms from elsewhere, in the same short form."""
    ((given, dataset_id),) = draft.inputs.items()
    what = ["--input", f"{given}={dataset_id}", "--target", target, "--algorithms", ",".join(keys)]
    body = {"dataset_id": dataset_id, "target": target, "algorithms": list(keys)}
    return commands.sweep(what, settings, {}, body, called)


def address_of(before: Workflow) -> dict[str, str]:
    """What the URL says of the form that a workflow was started with."""
    known = registry.get(short_form.PIPELINE).params(before.params)
    changed = {
        name: value
        for name, value in before.params.items()
        if name in known and name not in SHOWN_ELSEWHERE and value != known[name].default
    }
    data, ticked = before.data, before.params.get("features")
    ticks = {}
    if data and isinstance(ticked, list):
        columns = columns_of(stored.get(data.dataset_id))
        ticks = {
            column.name: column.name in ticked
            for column in columns
            if (column.name in ticked) != (column.role == "feature") and column.name != before.params.get("target")
        }
    return {
        "dataset": str(data.dataset_id) if data else "",
        **{name: str(before.params.get(name) or "") for name in ("target", "algorithm")},
        settings_form.IN_ADDRESS: address.as_text(changed),
        USED: address.as_text(ticks),
        KINDS: address.as_text(before.params.get("kinds") or {}),
    }


def chosen_dataset() -> Dataset | None:
    """The dataset that the URL names."""
    if "dataset" not in st.query_params:
        return None
    number = address.number_in("dataset")
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
        shown = [each for each in drawn.still_true(dataset.notices, used or ()) if not said_below(each)]
        drawn.notices(shown, key=f"new-notices-{dataset.id}")
    return used, kinds


def said_below(notice: StoredNotice) -> bool:
    """Whether a notice is about a target, and said above the button that starts with that one."""
    return "target" in notice["values"]


def read_differently(dataset: Dataset) -> None:
    with st.popover("Reading settings", icon=":material/tune:", type="tertiary", key=f"new-reading-{dataset.id}"):
        again = drawn.read_again(dataset, key=f"new-change-{dataset.id}")
    if again:
        sources.show(again)


def choose_columns(dataset: Dataset) -> tuple[list[str] | None, dict[str, str]]:
    columns = columns_of(dataset)
    proposed = {column.name: column.role == "feature" for column in columns}
    changes: dict[str, bool] = st.session_state.setdefault("new-use", {})
    if address.moved(USED) or address.moved(KINDS):
        changes.clear()
        changes.update({name: bool(use) for name, use in address.values_in(USED).items()})
        st.session_state["new-kinds"] = {
            name: str(kind) for name, kind in address.values_in(KINDS).items() if kind in KINDS_BY_HAND
        }
        redraw_ticks()
    first = {name: changes.get(name, use) for name, use in proposed.items()}
    kinds: dict[str, str] = st.session_state.setdefault("new-kinds", {})
    target = st.session_state.get(f"new-target-{dataset.id}") or targets(dataset, with_kinds(columns, kinds))[1]
    if target in first:
        first[target] = False  # it is no input
    key = f"new-columns-{dataset.id}-{st.session_state.get('new-use-drawing', 0)}-{forms.mark([target])}"
    ticked, chosen = drawn.column_choice(columns, first, kinds, key, dataset.rows, target)
    if target is not None and target in ticked:
        if ticked[target]:
            redraw_ticks()  # a tick of the target would mean nothing, so it does not stay
            st.rerun()
        ticked[target] = changes.get(target, proposed[target])
    others = {name: kind for name, kind in kinds.items() if name not in ticked}
    st.session_state["new-kinds"] = others | chosen
    for name, use in ticked.items():
        if use != proposed[name]:
            changes[name] = use
        else:
            changes.pop(name, None)
    address.put(USED, address.as_text(changes))
    address.put(KINDS, address.as_text(st.session_state["new-kinds"]))
    # A column whose kind is set would be used, whatever was proposed before; the tick decides.
    proposed |= dict.fromkeys(chosen, True)
    return (None if ticked == proposed else [name for name, use in ticked.items() if use]), chosen


# 2  Target


def choose_target(dataset: Dataset, columns: Sequence[Column]) -> tuple[str | None, Task]:
    """The column to predict, and as what."""
    names, first = targets(dataset, columns)
    key = f"new-target-{dataset.id}"
    picking, description = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
    with picking:
        step_title(2, "Target")
        if (wanted := st.query_params.get("target")) and wanted not in names:
            st.warning(f"**{words.plain(wanted)}** in the address is no column that can be predicted here.")
        # A candidate that was pressed is in the state already; an index beside it would be a second opinion.
        if st.session_state.get(key) not in names:
            st.session_state[key] = first
        target = st.selectbox(
            "What should be predicted?",
            names,
            index=None,
            key=key,
            placeholder="Choose a column",
            on_change=lambda: sources.remember("target", st.session_state[key]),
        )
    with description:
        if target is None:
            candidates(dataset, names, key)
            return None, "classification"
        column = column_of(columns, target)
        task = choose_task(column, f"{key}-{forms.mark([target])}")
        st.markdown(about_target(dataset, column, task))
    return target, task


def candidates(dataset: Dataset, names: Sequence[str], key: str) -> None:
    """The columns that may be the target, where no name says so: a press chooses one."""
    found = proposal.proposal_of(dataset).get("candidates", [])
    why = {each["target"]: sentence_of(each["reason"]) for each in found if each["target"] in names}
    if not why:
        st.markdown(":material/arrow_back: Choose the column that the model should predict.")
        return
    st.pills(
        "It may be one of these",
        list(why),
        key=f"{key}-candidates",
        format_func=lambda name: f"{words.plain(name)} · {why[name]}",
        wrap=True,
        on_change=choose_candidate,
        args=(key,),
    )


def choose_candidate(key: str) -> None:
    """Have the box hold the candidate that was pressed."""
    if chosen := st.session_state.get(f"{key}-candidates"):
        st.session_state[key] = chosen
        sources.remember("target", chosen)


def choose_task(column: Column, key: str) -> Task:
    """Whether its values are classes or a number; asked where they can be both."""
    tasks = fitness.tasks(column)
    if len(tasks) < 2:
        return column.task
    asked = algorithms.ALGORITHMS.get(st.query_params.get("algorithm", ""))
    chosen = st.segmented_control(
        "Treat it as",
        tasks,
        default=asked.task if asked else tasks[0],
        required=True,
        key=f"{key}-task",
        format_func=TASKS.__getitem__,
        on_change=lambda: sources.remember("algorithm", algorithms.FIRST_CHOICE[st.session_state[f"{key}-task"]]),
    )
    return chosen or tasks[0]


def targets(dataset: Dataset, columns: Sequence[Column]) -> tuple[list[str], str | None]:
    """The columns that can be predicted, and the one that is chosen first."""
    names = [column.name for column in columns if column.kind not in ("empty", "date")]
    for wanted in (st.query_params.get("target"), proposal.proposal_of(dataset).get("target")):
        if wanted in names:
            return names, wanted
    return names, None


def about_target(dataset: Dataset, column: Column, task: Task) -> str:
    about = drawn.target_words(column, dataset.rows, task)
    if not dataset.exact:
        about += " :gray[in the first part of the file]"
    proposed = proposal.proposal_of(dataset)
    if column.name == proposed.get("target"):
        about += f"  \n:gray[Proposed because: {words.plain(sentence_of(proposed['reason']))}.]"
    return about


def column_of(columns: Sequence[Column], name: str) -> Column:
    return next(column for column in columns if column.name == name)


# 3  Model


def choose_model(dataset: Dataset, target: str, task: Task, used: list[str] | None) -> tuple[Algorithm, Settings, str]:
    """The algorithm, the settings that differ from the defaults, and the name."""
    fitting = {algorithm.key: algorithm for algorithm in algorithms.ALGORITHMS.values() if algorithm.task == task}
    step_title(3, "Model")
    key = f"new-algorithm-{task}"
    chosen = st.pills(
        "Algorithm",
        list(fitting),
        default=first_algorithm(dataset, list(fitting)),
        key=key,
        required=True,
        format_func=presentations.of(short_form.PIPELINE).choice,
        label_visibility="collapsed",
        on_change=lambda: sources.remember("algorithm", st.session_state[key]),
    )
    algorithm = fitting[str(chosen)]
    no_chances = "" if called.gives_chances(algorithm) else " It gives no chances, only classes and a score."
    st.markdown(f"{algorithm.sentence}{no_chances}")
    settings, name = choose_settings(dataset, target, algorithm)
    if used is not None:
        settings["features"] = [column for column in used if column != target]
    return algorithm, settings, name


def first_algorithm(dataset: Dataset, fitting: list[str]) -> str:
    for wanted in (st.query_params.get("algorithm"), proposal.proposal_of(dataset).get("algorithm")):
        if wanted in fitting:
            return str(wanted)
    return fitting[0]


def choose_settings(dataset: Dataset, target: str, algorithm: Algorithm) -> tuple[Settings, str]:
    """What differs from the defaults, and the name."""
    pipeline = registry.get(short_form.PIPELINE)
    fixed = {"target": target, "algorithm": algorithm.key}
    columns = [column.name for column in columns_of(dataset)]
    proposed = short_form.draft(dataset.id, target, algorithm.key).params  # as of few rows more epochs
    context = forms.FormContext(columns, presentations.of(pipeline.name).choice, proposed=proposed)
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
