"""The page New of any pipeline: its inputs, its settings, its graph and its last runs."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from jobs.pipelines import Input, Pipeline
from jobs.verbs import sweeps
from jobs.verbs import workflows as verbs
from jobs.verbs.workflows import Draft
from pages.parts import address, commands, forms, graph, presentations, words
from pages.parts.new import gallery, settings_form, start
from store import datasets
from store.datasets import Dataset
from store.errors import NotFoundError, RequestError
from store.workflows import Workflow

LISTED = 200
RUNS = 3


def page(pipeline: Pipeline) -> None:
    """The form of one pipeline."""
    form, sidebar = st.columns([3, 2], gap="medium")
    with sidebar:
        _sidebar(pipeline)
    with form:
        with st.container(border=True, key="new-inputs"):
            chosen = _inputs(pipeline)
            name = st.text_input(
                "Name", key="new-name", max_chars=verbs.NAME_LENGTH, persist_state="page", placeholder=pipeline.shown
            )
        inputs = {name: dataset.id for name, dataset in chosen.items()}
        params, changed, refused = _settings(pipeline, chosen, inputs)
    draft = Draft(pipeline.name, params, inputs)
    typed = commands.run(draft.pipeline, changed, draft.inputs, (name or "").strip())
    about = f"**{words.plain(pipeline.shown)}**"
    tries = None if refused else _try_all(pipeline, draft, changed)
    start.bar(draft, about, "Start", (name or "").strip(), typed, tries, refused=refused)


def _typed(draft: Draft, params: settings_form.Settings, values: Mapping[str, str], called: str) -> commands.Command:
    """What to type for trying all choices."""
    given = [part for name, dataset_id in draft.inputs.items() for part in ("--input", f"{name}={dataset_id}")]
    body = {"pipeline": draft.pipeline, "inputs": dict(draft.inputs)}
    return commands.sweep(["--pipeline", draft.pipeline, *given], params, values, body, called)


def _try_all(pipeline: Pipeline, draft: Draft, changed: settings_form.Settings) -> start.TryAll | None:
    """Every choice of the param that the pipeline marks for it, if any."""
    for param in sweeps.tried(pipeline, draft.params):
        params = {name: value for name, value in draft.params.items() if name != param.name}
        values = {param.name: sweeps.EVERY}
        chosen = {name: value for name, value in changed.items() if name != param.name}
        typed = partial(_typed, draft, chosen, values)
        return start.TryAll(Draft(draft.pipeline, params, draft.inputs), values, typed)
    return None


def address_of(before: Workflow) -> dict[str, str]:
    """What the URL says of the form that a workflow was started with."""
    given = {name: str(row.dataset_id) for name, row in before.inputs.items()}
    written = presentations.of(before.pipeline).pipeline
    chosen = _chosen_before(written, before) if written else {}
    return {"pipeline": before.pipeline, **given, settings_form.IN_ADDRESS: address.as_text(chosen)}


def _inputs(pipeline: Pipeline) -> dict[str, Dataset]:
    """One picker an input."""
    listed = {row.id: row.name for row in datasets.listed(limit=LISTED)} if pipeline.inputs else {}
    picked = {}
    for each in pipeline.inputs:
        if dataset := _pick(each, listed):
            picked[each.name] = dataset
    if pipeline.inputs and not listed:
        st.caption("There are no datasets yet. Add one with Train on a table: drop a file there, then come back.")
    return picked


def _pick(wanted: Input, listed: dict[int, str]) -> Dataset | None:
    number = address.number_in(wanted.name)
    options = dict(listed)
    if number is not None and number not in options:
        try:
            options[number] = datasets.get(number).title  # an older version, or beyond those listed
        except NotFoundError:
            number = None
    key = f"new-input-{wanted.name}"
    chosen = st.selectbox(
        wanted.label + (" (optional)" if wanted.optional else ""),
        list(options),
        index=list(options).index(number) if number in options else None,
        key=key,
        format_func=lambda dataset_id: options.get(dataset_id, ""),
        placeholder="Choose a dataset",
        help=wanted.help or None,
        on_change=lambda: _remember(wanted.name, st.session_state[key]),
    )
    try:
        return datasets.get(chosen) if chosen is not None else None
    except NotFoundError:
        return None


def _remember(name: str, dataset_id: int | None) -> None:
    if dataset_id is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(dataset_id)


def _form_context(
    pipeline: Pipeline, chosen: Mapping[str, Dataset], proposed: settings_form.Settings
) -> forms.FormContext:
    first = next(iter(pipeline.in_order(chosen).values()), None)
    columns = [str(column["name"]) for column in first.columns] if first else [] if pipeline.inputs else None
    return forms.FormContext(columns, presentations.of(pipeline.name).choice, proposed=proposed)


def _settings(
    pipeline: Pipeline, chosen: Mapping[str, Dataset], inputs: verbs.Inputs
) -> tuple[settings_form.Settings, settings_form.Settings, list[RequestError]]:
    """What to start with, what of it differs from what the pipeline proposes for these inputs, and why it cannot be."""
    try:
        return *_proposed_settings(pipeline, chosen, inputs), []
    except RequestError as refused:
        return {}, {}, [refused]


def _proposed_settings(
    pipeline: Pipeline, chosen: Mapping[str, Dataset], inputs: verbs.Inputs
) -> tuple[settings_form.Settings, settings_form.Settings]:
    before = {name: value for name, value in settings_form.current(pipeline).items() if value is not None}
    proposed = _proposed(pipeline, inputs, before)
    context = _form_context(pipeline, chosen, proposed)
    if not pipeline.params(before):
        st.caption("This pipeline has no settings.")
        return proposed, {}
    with st.container(border=True, key="new-settings"):
        changed = settings_form.draw(pipeline, {}, (), context)
        settings_form.summary(pipeline, changed, {}, context)
        _proposal_words(pipeline, context)
    if changed != before and _proposed(pipeline, inputs, changed) != proposed:
        st.rerun()  # another setting is proposed beside the one that was changed
    given = {name: value for name, value in changed.items() if value is not None}
    return verbs.propose(pipeline.name, inputs, given), given


def _proposed(pipeline: Pipeline, inputs: verbs.Inputs, chosen: settings_form.Settings) -> settings_form.Settings:
    """What is proposed beside what was chosen; of a chosen setting, what was proposed before it was."""
    given = {name: value for name, value in chosen.items() if value is not None}
    first = verbs.propose(pipeline.name, inputs)
    beside = verbs.propose(pipeline.name, inputs, given) if given else first
    return {name: value for name, value in beside.items() if name not in given} | {
        name: first[name] for name in given if name in first
    }


def _proposal_words(pipeline: Pipeline, context: forms.FormContext) -> None:
    """What the pipeline proposes instead of its defaults, in a line."""
    known = pipeline.params(context.proposed)
    changes = [
        forms.changed_words(known[name], value, context.choice)
        for name, value in context.proposed.items()
        if name in known and value is not None and value != known[name].default
    ]
    if changes:
        st.caption(f":material/auto_awesome: Proposed for this data: {', '.join(changes)}")


def _sidebar(pipeline: Pipeline) -> None:
    """What it does: its description, its graph, its last runs."""
    with st.container(border=True, key="new-about"):
        if pipeline.description:
            st.markdown(words.plain(pipeline.description))
        st.markdown("**Last runs**")
        gallery.last_run(pipeline, most=RUNS)
        if not pipeline.steps:
            st.caption("Which steps it has is known when it runs.")
            return
        st.markdown(f"**{words.count(len(pipeline.steps), 'step')}**")
        with st.container(horizontal_alignment="center"):
            st.mermaid_chart(
                graph.written(pipeline), width="content", alt=f"The steps of {words.plain(pipeline.shown)}"
            )


def _chosen_before(pipeline: Pipeline, before: Workflow) -> settings_form.Settings:
    """The settings that a workflow was started with; the form tells which of them are not as proposed."""
    known = pipeline.params(before.params)
    return {name: value for name, value in before.params.items() if name in known and value is not None}
