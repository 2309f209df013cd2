"""Compare: the curves, scores and settings of up to twelve workflows beside each other."""

from collections.abc import Sequence

import streamlit as st

from jobs.pipelines import registry
from pages.parts import chart, charts, colours, live, press, words
from pages.parts.compare import comparison
from pages.parts.compare.comparison import Selection
from pages.parts.press import PageState
from pages.parts.workflow_list import listing
from store import metrics, workflows
from store.workflows import Filter, Workflow

KEY = "compare"
OFFERED = 100


def page() -> None:
    state = press.page_state(f"{KEY}-state")
    state.follow()
    _come_back()
    _title()
    selection = comparison.read(st.query_params.to_dict())
    if st.session_state.get(f"{KEY}-url") != selection.ids:
        _fill(selection)  # the URL changed by itself: on arrival, and after Back
    compared = workflows.get_many(selection.ids)
    _chosen(compared)
    for sentence in comparison.remarks(selection, compared):
        st.warning(words.plain(sentence), icon=":material/info:")
    if not compared:
        _nothing()
        return
    ids = [workflow.id for workflow in compared]
    live.panel(KEY, lambda: _panel(state, ids), changing=listing.changing(compared))


def _come_back() -> None:
    """Going to a workflow, Streamlit leaves its query here in the history; Back finds what was compared."""
    if "id" in st.query_params and "ids" not in st.query_params:
        st.query_params.from_dict({"ids": ",".join(map(str, st.session_state.get(f"{KEY}-url", [])))})


def _title() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header("Compare", anchor=False, width="content")
        st.page_link("workflows.py", label="All workflows", icon=":material/arrow_back:", width="content")


def _nothing() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown("#### Nothing to compare yet", text_alignment="center")
        st.markdown(
            "Choose workflows above, or tick two or more rows in the list of workflows.", text_alignment="center"
        )
        if st.button("Choose from all workflows", type="primary", icon=":material/list_alt:", key=f"{KEY}-choose"):
            st.switch_page("workflows.py")
        st.space("small")


def _chosen(compared: Sequence[Workflow]) -> None:
    """Which workflows are compared; taking one away or adding one changes the URL."""
    names = {workflow.id: workflow.name for workflow in [*compared, *workflows.find(Filter(), OFFERED)]}
    st.multiselect(
        "Compared workflows",
        list(names),
        key=f"{KEY}-ids",
        max_selections=colours.MOST_COMPARED,
        format_func=lambda key: f"#{key} {names.get(key, '')}",
        label_visibility="collapsed",
        placeholder="Add a workflow",
        on_change=_choose,
    )


def _choose() -> None:
    ids = list(st.session_state[f"{KEY}-ids"])
    st.query_params["ids"] = ",".join(map(str, ids))
    st.session_state[f"{KEY}-url"] = ids


def _fill(selection: Selection) -> None:
    st.session_state.update(
        {
            f"{KEY}-url": selection.ids,
            f"{KEY}-ids": [row.id for row in workflows.get_many(selection.ids)],
            f"{KEY}-curve": selection.curve,
            f"{KEY}-baseline": selection.baseline,
        }
    )


def _panel(state: PageState, ids: Sequence[int]) -> bool:
    """Everything that changes while one of them runs; True while one does."""
    state.refresh()
    compared = comparison.as_predicting_now(workflows.get_many(ids))
    if len(compared) < len(ids):
        st.rerun()  # one was deleted meanwhile; the page says so
    with st.container(border=True, key=f"{KEY}-curves"):
        _curves(compared)
    with st.container(border=True, key=f"{KEY}-scores"):
        _scores(state, compared)
    if len(compared) > 1:
        with st.container(border=True, key=f"{KEY}-settings"):
            _settings(compared)
    return listing.changing(compared)


def _curves(compared: Sequence[Workflow]) -> None:
    ids = [workflow.id for workflow in compared]
    names = metrics.names_of(ids, registry.main_curves())
    if not names:
        st.markdown("**Curves**")
        st.caption("None of these has recorded a curve yet.")
        return
    if st.session_state.get(f"{KEY}-curve") not in names:
        st.session_state[f"{KEY}-curve"] = names[0]  # what most of them have comes first
    shown = (
        st.selectbox(
            "Curve",
            names,
            key=f"{KEY}-curve",
            format_func=comparison.curve_name,
            width=260,
            label_visibility="collapsed",
            on_change=_keep,
            args=("curve",),
        )
        or names[0]
    )
    curves = metrics.overlay(ids, shown)
    titles = comparison.told_apart({workflow.id: workflow.name for workflow in compared})
    chart.draw(
        charts.comparison(curves, titles, comparison.curve_measure(shown)),
        key=f"{KEY}-chart",
        alt=f"{comparison.curve_name(shown)} of {len(curves)} workflows, epoch by epoch",
    )
    if without := [f"#{workflow.id}" for workflow in compared if workflow.id not in curves]:
        st.caption(f"{words.plain(', '.join(without))} {'has' if len(without) == 1 else 'have'} no such curve.")


def _scores(state: PageState, compared: Sequence[Workflow]) -> None:
    ids = [workflow.id for workflow in compared]
    if st.session_state.get(f"{KEY}-baseline") not in ids:
        st.session_state[f"{KEY}-baseline"] = ids[0]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        marked = "" if comparison.incomparable(compared) else " :gray[the best of each is marked]"
        st.markdown(f"**Scores**{marked}", width="content")
        baseline = st.selectbox(
            "Differences from",
            ids,
            key=f"{KEY}-baseline",
            format_func=lambda key: f"Differences from #{key}",
            label_visibility="collapsed",
            width=200,
            on_change=_keep,
            args=("baseline",),
        )
    if not comparison.score_names(compared):
        st.caption("None of these has scores yet.")
    st.dataframe(
        comparison.score_table(compared, baseline),
        column_config=comparison.score_columns(compared, state.open),
        hide_index=True,
        height="content",
        key=f"{KEY}-score-table",
        alt="Scores",
    )
    if moved := comparison.moved(compared):
        st.caption(
            f":material/balance: The threshold of {words.plain(words.listed(moved))} was moved; its scores follow it."
        )
    if comparison.incomparable(compared):
        st.caption(
            ":material/info: These are not all of the same pipeline, data and target, so their scores answer different "
            "questions and none is marked as the best."
        )


def _settings(compared: Sequence[Workflow]) -> None:
    table, same = comparison.setting_table(compared)
    others = f" :gray[{words.count(same, 'other')} the same]" if same else ""
    st.markdown(f"**Settings that differ**{others}")
    if table.empty:
        st.caption("They were started with the same settings.")
        return
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        key=f"{KEY}-setting-table",
        alt="Settings that differ",
        column_config={"Setting": st.column_config.TextColumn(pinned=True, width=170)},
    )


def _keep(name: str) -> None:
    """Put a choice into the URL."""
    st.query_params[name] = str(st.session_state[f"{KEY}-{name}"])


page()
