"""One workflow: a notebook whose cells are durable background jobs."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from jobs.language import numbers, sentence
from jobs.pipelines.warnings import Remedy
from jobs.verbs import models, predictions, report, spreadsheet
from jobs.verbs import warnings as found_warnings
from jobs.verbs import workflows as verbs
from pages.parts import address, chart, commands, links, live, notify, presentations, visitor, warnings, words
from pages.parts.press import PageState
from pages.parts.workflow import (
    bar,
    cells,
    controls,
    dialogs,
    given,
    graph_view,
    notebook,
    predict,
    question,
    run_log,
    threshold,
    timeline_view,
    views,
)
from pages.parts.workflow.notebook import Notebook
from store import actors, datasets, files, metrics, workflows
from store.errors import NotFoundError
from store.tables import Status
from store.workflows import Filter, Workflow

ORIGINS = {
    "restart": "restart of",
    "compose": "data of",
    "rerun": "changed from",
    "predict": "predicted by",
    "repeat": "repeats",
}
MOST_SCORES = 6
DONE = {Status.completed: "✓ done · ", Status.failed: "✗ failed · "}


def show() -> None:
    state = dialogs.page_state()
    state.follow()
    workflow = _requested()
    if workflow is None:
        return
    if workflow.status is Status.failed and workflow.seen_at is None:
        verbs.mark_seen(workflow.id)
    _header(workflow, state)
    key = f"live-{workflow.id}"
    first: list[Callable[[int], Notebook]] = [notebook.read]
    live.panel(key, lambda: _panel(workflow, state, key, first), not workflow.status.over, foot=False)
    if state.about and state.about[0] == workflow.id:
        dialogs.show(state)


def _requested() -> Workflow | None:
    """The workflow in the URL; where there is none, a way on."""
    given = str(st.query_params.get("id", "")).strip()
    number = address.number_in("id")
    try:
        if number is not None:
            return workflows.get(number)
        what = "This address does not name a workflow" if given else "Choose a workflow"
    except NotFoundError:
        what = f"There is no workflow {number}"
    _nothing(what, deleted=number is not None)
    return None


def _nothing(what: str, deleted: bool) -> None:
    st.header(what, anchor=False)
    st.markdown(
        "It may have been deleted, or the link was cut off."
        if deleted
        else "A workflow's address ends in its number, such as workflow?id=42."
    )
    with st.container(horizontal=True):
        if st.button("All workflows", type="primary", icon=":material/list_alt:", key="to-workflows"):
            st.switch_page("workflows.py")
        if visitor.may_change() and st.button("New workflow", icon=":material/add_circle:", key="to-new"):
            st.switch_page("new.py")
    if recent := workflows.find(Filter(), limit=5):
        st.space("small")
        st.caption("The latest ones")
        for each in recent:
            links.workflow(each.id, f"#{each.id} {words.plain(each.name)}", icon=words.ICONS[each.status])


def _header(workflow: Workflow, state: PageState) -> None:
    """What it is, and what can be done with it; only what changes by itself is redrawn by the timer."""
    with st.container(horizontal=True):  # as high as the heading of pages with a button beside it
        st.header(f":gray[#{workflow.id}] {words.plain(workflow.name)}", anchor=False)
    # Beside a long name, the buttons would stand below it until Cancel goes, and then jump up.
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        with st.container():  # so that its text makes room for the buttons
            st.caption(presentations.of(workflow.pipeline).about(workflow))
            given.line(workflow)
            _tags(workflow)
        controls.buttons(workflow, state)
    if workflow.note:
        st.caption(f":material/sticky_note_2: {words.plain_lines(workflow.note)}")
    _newer_data(workflow, state)
    state.report()


def _tags(workflow: Workflow) -> None:
    """Its tags, each of which leads to the workflows that have it."""
    if not workflow.tags:
        return
    with st.container(horizontal=True, gap="xsmall", key="tags"):
        for tag in workflow.tags:
            st.page_link(
                "workflows.py",
                label=words.plain(tag),
                icon=":material/label:",
                query_params={"tag": tag},
                width="content",
            )


def _newer_data(workflow: Workflow, state: PageState) -> None:
    """Offer the same settings on the newest version of its data."""
    data = workflow.data
    if data is None or not workflow.status.over or (newest := datasets.versions(data.name)[0]).version <= data.version:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/new_releases: {words.plain(data.name)} has a newer version {newest.version}, "
            f"added {words.ago(newest.created_at)}.",
            width="content",
        )
        st.button(
            f"Same settings on version {newest.version}",
            icon=":material/update:",
            key="repeat",
            on_click=state.go,
            args=(verbs.repeat, workflow.id, newest.id),
            **visitor.changes("Starts a new workflow with these settings on the new data."),
        )
        commands.popover([commands.repeat(workflow.id, newest.id)], key="command-repeat")


def _panel(workflow: Workflow, state: PageState, key: str, first: list[Callable[[int], Notebook]]) -> bool:
    """Everything that changes by itself; answers whether it still can."""
    state.refresh()
    read = first.pop() if first else notebook.lately
    try:
        book = read(workflow.id)
    except NotFoundError:
        st.rerun()
    with chart.pictures_of(workflow.name):
        _book(book, state, key)
    return not book.workflow.status.over


def _book(book: Notebook, state: PageState, key: str) -> None:
    workflow_id = book.workflow.id
    _status_line(book, key)
    bar.draw(book)
    _tab_title(book)
    question.draw_open(book.steps, state)
    above = st.container()  # there from the beginning, so that the cells do not change places when it is filled
    if book.workflow.status is Status.completed:
        with above:
            _summary(book, state)
    over = book.workflow.status is Status.completed
    needed, movable = (predictions.needed(workflow_id), threshold.offered(workflow_id)) if over else (None, None)
    further = [name for name, offer in ((views.PREDICT, needed), (views.THRESHOLD, movable)) if offer]
    view = views.choose(book, further)
    if needed and view == views.PREDICT:
        predict.draw(workflow_id, needed)
    elif movable and view == views.THRESHOLD:
        threshold.draw(workflow_id, movable, state)
    elif view == views.GRAPH:
        graph_view.draw(book, state)
    elif view == views.TIMELINE:
        timeline_view.draw(book)
    elif view == views.LOG:
        run_log.draw(book)
    else:
        cells.draw(book, state)


def _status_line(book: Notebook, key: str) -> None:
    workflow = book.workflow
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        cells.badge(book.standing)
        st.caption(
            _when(workflow),
            width="content",
            help=f"Created {visitor.exactly(workflow.created_at)}, started "
            f"{visitor.exactly(workflow.started_at)}, ended {visitor.exactly(workflow.ended_at)}",
        )
        if workflow.parent_id and workflow.origin in ORIGINS:
            links.workflow(workflow.parent_id, f"{ORIGINS[workflow.origin]} #{workflow.parent_id}")
        if workflow.config_from and workflow.config_from != workflow.parent_id:
            links.workflow(workflow.config_from, f"with the settings of #{workflow.config_from}")
        if workflow.sweep_id:
            links.sweep(workflow.sweep_id, f"trial of sweep {workflow.sweep_id}")
        # A flow may yet handle what failed while it runs.
        if (failed := book.failed) and (workflow.status.over or not book.is_flow):
            step = words.plain(words.inside(book.title(failed)))
            st.markdown(f":red[Stopped at {step}: {words.plain(notebook.error(failed))}]")
        if not workflow.status.over:
            st.space("stretch")
            live.footer(key)
        notify.watch(workflow, book.standing, question.first_open(book.steps))


def _tab_title(book: Notebook) -> None:
    """Tell browser tabs apart, and say how far it is: #29 big60 · 45 % · Trainyard."""
    workflow, number = book.workflow, len(book.steps)
    if book.standing is Status.running and number:
        standing = words.percent(sum(map(notebook.share, book.steps)) / number, 0)
    else:
        standing = words.status(book.standing)
    # Where the browser may not show a notice, the title tells the end to who watched.
    done = DONE.get(workflow.status, "") if notify.ended_here(workflow) else ""
    st.set_page_config(page_title=f"{done}#{workflow.id} {workflow.name} · {standing} · Trainyard")


def _when(workflow: Workflow) -> str:
    by = f" by {words.plain(workflow.created_by)}" if workflow.created_by and visitor.has_signed_in() else ""
    if workflow.started_at is None:
        return f"created {words.ago(workflow.created_at)}{by}"
    if workflow.ended_at is None:
        return f"started {words.ago(workflow.started_at)}{by}"
    started = f"started{by}, " if by else ""
    ended = f"at {visitor.clock(workflow.ended_at)}" if workflow.ended_at else "–"  # nothing here would let "ago" grow
    return f"{started}took {words.duration(workflow.seconds)}, ended {ended}"


def _summary(book: Notebook, state: PageState) -> None:
    """How good it is, and the model to take away."""
    shown = presentations.of(book.workflow.pipeline)
    scores = shown.scores(book.workflow, book.steps)
    headline = shown.headline(book.workflow, book.steps)
    others = shown.other_scores(scores)[:MOST_SCORES]
    model = controls.model(book.workflow.id)
    predicted = predictions.leaves_file(book.steps)
    found = found_warnings.of_workflow(book.workflow, book.steps)
    with st.container(border=True, key="summary"):
        if headline:
            st.markdown(f"#### {headline}", anchors=False)
        if below := shown.below_headline(book.workflow, book.steps):
            st.markdown(below)
        warnings.draw(found, f"warning-{book.workflow.id}", partial(_remedy, book.workflow, state))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            with st.container(horizontal=True, gap="medium"):
                for measure in map(shown.measure, others):
                    value = words.score(measure, scores[measure.name])
                    told = [measure.help and f"{measure.help}.", shown.interval(measure.name, book.steps)]
                    st.metric(measure.shown, value, width="content", help=" ".join(filter(None, told)) or None)
            with st.container(horizontal=True, gap="small", width="content"):
                _downloads(book, model)
                if predicted:
                    predict.predictions_link(book.workflow.id)


def _remedy(workflow: Workflow, state: PageState, remedy: Remedy, key: str) -> None:
    """The button that runs again with what helps, as a new workflow."""
    st.button(
        words.plain(sentence(remedy.words)),
        icon=":material/play_arrow:",
        key=key,
        on_click=state.go,
        args=(verbs.rerun_from, workflow.id, remedy.step, remedy.params),
        **visitor.changes("Starts a new workflow; this one stays as it is."),
    )


def _downloads(book: Notebook, model: files.FileRef | None) -> None:
    workflow_id = book.workflow.id
    if model:
        st.download_button(
            "Download model",
            _model_file(workflow_id),
            # One primary button a screen: there is another one below while new rows are predicted.
            type="secondary"
            if st.session_state.get(views.PREDICT_VIEW) in (views.PREDICT, views.THRESHOLD)
            else "primary",
            file_name=f"workflow-{workflow_id}.joblib",
            mime="application/octet-stream",
            key="download-model",
            icon=":material/download:",
            on_click="ignore",
            help=f"joblib file, {words.size(model.size)}: load it and call predict on raw rows.",
        )
    if book.curves:
        st.download_button(
            "Download metrics",
            partial(_metrics_csv, workflow_id, numbers.current().code),
            mime="text/csv",
            file_name=f"workflow-{workflow_id}-metrics.csv",
            key="download-metrics",
            icon=":material/table_view:",
            on_click="ignore",
        )
    st.download_button(
        "Download report",
        # Made in another thread, which knows nothing of the visitor.
        partial(report.html, workflow_id, numbers.current().code, str(visitor.zone() or "")),
        mime="text/html",
        file_name=report.file_name(workflow_id),
        key="download-report",
        icon=":material/print:",
        on_click="ignore",
        help="One HTML file to print or send: scores, charts, settings, and how to repeat it.",
    )


def _model_file(workflow_id: int) -> Callable[[], bytes]:
    """Return what reads the model file once it is wanted, in another thread, for the visitor of now."""
    visitor_now = actors.current()

    def read() -> bytes:
        with actors.acting(visitor_now):
            return models.model_file(workflow_id).read()

    return read


def _metrics_csv(workflow_id: int, language: str) -> bytes:
    rows = metrics.of_workflow(workflow_id)
    names = ["epoch", *sorted({name for row in rows for name in row} - {"epoch"})]
    return spreadsheet.to_csv(names, [[row.get(name) for name in names] for row in rows], language)


show()
