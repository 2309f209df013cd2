"""The archive: every workflow there is, what to look at first, and what to do with several at once."""

from dataclasses import replace

import streamlit as st

from jobs.language import sentence
from jobs.pipelines import registry
from jobs.verbs import questions
from jobs.verbs import workflows as verbs
from pages.parts import links, live, presentations, tables, visitor, words
from pages.parts.press import PageState
from pages.parts.workflow import dialogs
from pages.parts.workflow_list import actions, listing, questions_asked
from pages.parts.workflow_list import view as listing_view
from pages.parts.workflow_list.view import ListView
from store import metrics, steps, sweeps, workflows
from store.tables import Status
from store.workflows import Filter, Workflow

KEY = dialogs.LIST
SHOWN_FAILURES = 3
WIDTH = 165
FACETS = 3


def page() -> None:
    state = dialogs.list_state()
    state.follow()
    _come_back()
    _title()
    state.report()
    if not workflows.count(Filter()):
        _nothing_yet()
        return
    questions_asked.box(KEY)
    _inbox()
    view = _filters(listing_view.parse(st.query_params.to_dict()))
    first = [listing.rows(view)]
    live.panel(KEY, lambda: _table(state, first), changing=listing.changing(first[0][0]))
    dialogs.show(state)


def _come_back() -> None:
    """Going to a page with a query, Streamlit leaves that query here in the history; Back finds what was looked at."""
    if {"id", "ids"} & set(st.query_params):
        st.query_params.from_dict(st.session_state.pop(f"{KEY}-url", {}))


def _title() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header("Workflows", anchor=False, width="content")
        if st.button("New workflow", type="primary", icon=":material/add:", key=f"{KEY}-new", **visitor.changes()):
            st.switch_page("new.py")


def _nothing_yet() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown("#### No workflows yet", width="content", text_alignment="center")
        st.markdown(
            "A workflow is one run of a pipeline, such as training a model on your table. Each one stays here with its "
            "settings, curves and scores, to compare, run again or build on.",
            text_alignment="center",
        )
        if visitor.may_change():
            st.page_link("new.py", label="Start the first one", icon=":material/arrow_forward:", width="content")
        st.space("small")


def _inbox() -> None:
    """What failed and has not been looked at yet."""
    unseen = Filter(unseen_failures=True, sort="ended_at")
    failed = workflows.find(unseen, SHOWN_FAILURES)
    if not failed:
        return
    total = workflows.count(unseen)
    failures = steps.failures([workflow.id for workflow in failed])
    with st.container(border=True, key=f"{KEY}-inbox", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":red[:material/error:] **{words.count(total, 'failed workflow')} to look at**")
            if total > len(failed):
                st.button(
                    "Show all",
                    key=f"{KEY}-unseen",
                    type="tertiary",
                    icon=":material/filter_list:",
                    on_click=_go_to,
                    args=(ListView(unseen=True),),
                )
            if visitor.may_change():
                st.button(
                    "Mark all as seen",
                    key=f"{KEY}-seen-all",
                    type="tertiary",
                    icon=":material/done_all:",
                    on_click=verbs.mark_seen,
                )
        for workflow in failed:
            step, error = failures.get(workflow.id, ("", None))
            _failure(workflow, step, sentence(error) if error else "")


def _failure(workflow: Workflow, step: str, reason: str) -> None:
    name, why, seen = st.columns([4, 8, 1.2], vertical_alignment="center", gap="small")
    with name:
        links.workflow(workflow.id, words.plain(f"#{workflow.id} {workflow.name}"))
    why.caption(f"{words.plain(words.titled(step))}, {words.ago(workflow.ended_at)}: {words.plain(reason)}")
    if visitor.may_change():
        seen.button(
            "Seen",
            key=f"{KEY}-seen-{workflow.id}",
            icon=":material/done:",
            type="tertiary",
            help=f"Mark as seen. It failed at {visitor.exactly(workflow.ended_at)}.",
            on_click=verbs.mark_seen,
            args=(workflow.id,),
        )


def _filters(view: ListView) -> ListView:
    """The row of filters; what is chosen in it goes to the URL."""
    if st.session_state.get(f"{KEY}-url") != view.url():
        _fill(view)  # the URL changed by itself: on arrival, and after Back
    with st.container(horizontal=True, gap="small", key=f"{KEY}-filters"):
        text = st.text_input(
            "Search",
            key=f"{KEY}-text",
            type="search",
            placeholder="Name, note, #number",
            live=True,
            label_visibility="collapsed",
            icon=":material/search:",
        )
        pipeline = _pipeline_filter()
        facets = {name: _facet_filter(name) for name in _facets_offered(pipeline)}
        dataset = _dataset_filter()
        sweep = _sweep_filter()
        tags = _tag_filter()
        sort = _sorting(pipeline)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{KEY}-narrowing"):
        statuses = st.pills(
            "Status",
            list(listing_view.STATUSES),
            selection_mode="multi",
            key=f"{KEY}-status",
            wrap=True,
            label_visibility="collapsed",
            format_func=lambda word: f"{words.ICONS[Status(word)]} {words.status(Status(word))}",
        )
        mine = visitor.has_signed_in() and st.toggle("Mine", key=f"{KEY}-mine", help="Only those that you started")
    now = ListView(
        tuple(statuses),
        pipeline or "",
        {name: value for name, value in facets.items() if value},
        dataset,
        (text or "").strip()[: listing_view.LONGEST_TEXT],
        view.unseen,
        sort,
        view.page,
        mine,
        sweep,
        tuple(tags),
    )
    if now != view:
        now = replace(now, page=1)
        _remember(now)
    if now.unseen:
        st.button(
            "Only failures not seen yet",
            key=f"{KEY}-all",
            icon=":material/close:",
            on_click=_go_to,
            args=(replace(now, unseen=False),),
        )
    return now


def _pipeline_filter() -> str | None:
    """Which pipeline, where there is more than one."""
    used = workflows.pipelines_used()
    if len(used) < 2 and not st.session_state.get(f"{KEY}-pipeline"):
        return None
    return st.selectbox(
        "Pipeline",
        used,
        index=None,
        key=f"{KEY}-pipeline",
        format_func=lambda name: presentations.of(name).label,
        placeholder="Any pipeline",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _facets_offered(pipeline: str | None) -> list[str]:
    """The facets to filter by: those of the chosen pipeline, or the first few of all; and those that are chosen."""
    names = workflows.facet_names()
    chosen = [name for name in names if st.session_state.get(f"{KEY}-facet-{name}")]
    offered = [name for name in names if workflows.facet_values(name)]
    if pipeline:
        latest = workflows.find(Filter(pipelines=(pipeline,)), limit=1)
        offered = [name for name in offered if latest and name in latest[0].facets]
    return [name for name in names if name in chosen or name in offered[:FACETS]]


def _facet_filter(name: str) -> str | None:
    values, chosen = workflows.facet_values(name), st.session_state.get(f"{KEY}-facet-{name}")
    if chosen and chosen not in values:  # beyond those that are offered
        values.append(chosen)
    return st.selectbox(
        words.titled(name),
        values,
        index=None,
        key=f"{KEY}-facet-{name}",
        format_func=lambda value: presentations.facet(name, value),
        placeholder=f"Any {words.inside(words.titled(name))}",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _dataset_filter() -> int | None:
    datasets = workflows.datasets_used()
    return st.selectbox(
        "Dataset",
        list(datasets),
        index=None,
        key=f"{KEY}-dataset",
        format_func=lambda key: datasets.get(key, ""),
        placeholder="Any dataset",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _sweep_filter() -> int | None:
    """Which sweep, where there is any."""
    names = sweeps.names()
    if not names:
        return None
    return st.selectbox(
        "Sweep",
        list(names),
        index=None,
        key=f"{KEY}-sweep",
        format_func=lambda number: f"Sweep {number}: {names.get(number, '')}",
        placeholder="Any sweep",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _tag_filter() -> list[str]:
    """Which tags, where there are any; a workflow has all of those that are chosen."""
    known = workflows.tags_used()
    if not known:
        return []
    return st.multiselect(
        "Tags",
        known,
        key=f"{KEY}-tags",
        placeholder="Any tag",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _sorting(pipeline: str | None) -> str:
    """By what, of what the chosen pipeline has; what is chosen already stays."""
    sorts, chosen = listing_view.sorts(pipeline or ""), st.session_state.get(f"{KEY}-sort")
    if chosen and chosen not in sorts:
        sorts[chosen] = listing_view.sorts().get(chosen, chosen)
    return st.selectbox(
        "Sort",
        list(sorts),
        key=f"{KEY}-sort",
        format_func=lambda key: sorts.get(key, key),
        required=True,
        icon=":material/sort:",
        label_visibility="collapsed",
        width=WIDTH,
    )


def _table(state: PageState, first: list[tuple[list[Workflow], int]]) -> bool:
    """One page of rows with what can be done with them; True while any of them can still change."""
    state.refresh()
    view = listing_view.parse(st.session_state[f"{KEY}-url"])
    # The page has just read its rows to see whether they change; the first drawing uses those.
    rows, total = first.pop() if first else listing.rows(view)
    if not total:
        _nothing_matches()
        return False
    bar = st.container(horizontal=True, vertical_alignment="center", key=f"{KEY}-bar")
    curves = metrics.sparklines([row.id for row in rows], registry.main_curves())
    asking = questions.asking([row.id for row in rows if not row.status.over])
    frame = listing.frame_of(rows, curves, view.score, asking)
    chosen = tables.choose(
        frame,
        [row.id for row in rows],
        KEY,
        height="content",
        column_config=listing.columns(view.score, rows, listing.ends(curves), state.open, bool(asking)),
        column_order=[name for name in frame if name != "at"],
        alt="Workflows",
    )
    with bar:
        actions.bar(state, chosen, rows, view, total)
    _pages(view, total)
    return listing.changing(rows)


def _nothing_matches() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown("**No workflow matches these filters**", width="content")
        st.button(
            "Clear filters", key=f"{KEY}-clear", icon=":material/filter_alt_off:", on_click=_go_to, args=(ListView(),)
        )
        st.space("small")


def _pages(view: ListView, total: int) -> None:
    pages = listing.page_count(total)
    if pages == 1:
        return
    key = f"{KEY}-page-{st.session_state[f'{KEY}-pager']}-{pages}"
    with st.container(horizontal_alignment="center"):
        st.pagination(
            pages,
            default=min(view.page, pages),
            key=key,
            on_change=lambda: _remember(replace(view, page=int(st.session_state[key])), turned=True),
        )


def _remember(view: ListView, turned: bool = False) -> None:
    """Put what is looked at into the URL; unless the reader turned the page, the pager follows."""
    st.query_params.from_dict(view.url())
    st.session_state[f"{KEY}-url"] = view.url()
    if not turned:
        st.session_state[f"{KEY}-pager"] = st.session_state.get(f"{KEY}-pager", 0) + 1


def _fill(view: ListView) -> None:
    """Make the widgets say what the URL says."""
    _remember(view)
    st.session_state.update(
        {
            f"{KEY}-status": list(view.statuses),
            f"{KEY}-pipeline": view.pipeline or None,
            **{f"{KEY}-facet-{name}": view.facets.get(name) for name in workflows.facet_names()},
            f"{KEY}-dataset": view.dataset,
            f"{KEY}-text": view.text,
            f"{KEY}-sort": view.sort,
            f"{KEY}-mine": view.mine,
            f"{KEY}-sweep": view.sweep,
            f"{KEY}-tags": list(view.tags),
        }
    )


def _go_to(view: ListView) -> None:
    _fill(view)


page()
