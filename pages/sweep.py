"""One sweep: a leaderboard that fills while its trials run."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from jobs.language import sentence
from jobs.pipelines import registry
from jobs.verbs import leaderboard
from jobs.verbs import sweeps as verbs
from jobs.verbs.leaderboard import Leaderboard
from jobs.verbs.workflows import NAME_LENGTH
from pages.parts import address, chart, charts, colours, commands, links, live, press, tables, visitor, words
from pages.parts.compare import comparison
from pages.parts.press import PageState
from pages.parts.sweep import board as drawing
from pages.parts.workflow import cells
from store import metrics, sweeps
from store.errors import NotFoundError
from store.workflows import Workflow

KEY = "sweep"
STOP, RENAME, DELETE = "stop", "rename", "delete"
MORE = {"Rename": (RENAME, ":material/edit: Rename"), "Delete": (DELETE, ":material/delete: Delete")}
FEWEST = 2
LATEST = 10


def page() -> None:
    state = press.page_state(f"{KEY}-state")
    state.follow()
    _come_back()
    number = address.number_in("id")
    try:
        if number is None:
            state.report()
            _choose("Sweeps")
            return
        first = [leaderboard.of(number)]
    except NotFoundError:
        _choose(f"There is no sweep {number}")
        return
    _header(first[0], state)
    name = first[0].sweep.name

    def panel() -> bool:
        with chart.pictures_of(name):
            return _panel(first.pop() if first else leaderboard.of(number), state)

    live.panel(
        f"{KEY}-{number}",
        panel,
        changing=_changing(first[0]),
    )
    if state.question == STOP:
        state.dialog(f"Stop sweep {number}?", "stop_circle", lambda: _stop(state, number))
    elif state.question == RENAME:
        state.dialog("Rename", "edit", lambda: _rename(state, number))
    elif state.question == DELETE:
        state.dialog(f"Delete sweep {number}?", "delete", lambda: _delete(state, number))


def _come_back() -> None:
    """Going to a workflow, Streamlit leaves its query here in the history; Back finds the sweep that is named in it."""
    if sweep_id := address.number_in(KEY):
        st.query_params.from_dict({"id": str(sweep_id)})


def _open(state: PageState, sweep_id: int, workflow_id: int) -> None:
    state.leads_to = links.WORKFLOW, {"id": str(workflow_id), KEY: str(sweep_id)}


def _choose(title: str) -> None:
    """The latest sweeps; where there are none, the way to the first."""
    st.header(title, anchor=False)
    boards = leaderboard.of_sweeps(sweeps.find(LATEST))
    if not boards:
        with st.container(border=True, horizontal_alignment="center"):
            st.space("small")
            st.markdown("#### No sweeps yet", text_alignment="center")
            st.markdown(
                "A sweep tries several algorithms or settings on the same data and ranks them. "
                "Choose data on the page New and press **Try all**.",
                text_alignment="center",
            )
            if visitor.may_change():
                st.page_link("new.py", label="New workflow", icon=":material/add_circle:", width="content")
            st.space("small")
    for each in boards:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            label = words.plain(f"Sweep {each.sweep.id}: {each.sweep.name}")
            links.sweep(each.sweep.id, label, icon=words.ICONS[each.status])
            st.caption(f"{drawing.state_words(each)} · {words.ago(each.sweep.created_at)}", width="content")


def _header(board: Leaderboard, state: PageState) -> None:
    record = board.sweep
    st.set_page_config(page_title=f"Sweep {record.id} {record.name}")
    st.header(f":gray[Sweep {record.id}] {words.plain(record.name)}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{KEY}-header"):
        with st.container():
            st.caption(_about(board))
        if _changing(board):
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key=f"{KEY}-stop",
                on_click=state.ask,
                args=(STOP,),
                **visitor.changes("Starts no further trial and cancels those that have not ended."),
            )
        st.page_link(
            "workflows.py",
            label="In the list",
            icon=":material/list_alt:",
            width="content",
            query_params={"sweep": str(record.id)},
        )
        shown = [commands.show_sweep(record.id)]
        if _changing(board) and visitor.may_change():
            shown.insert(0, commands.stop_sweep(record.id))
        commands.popover(shown, key=f"{KEY}-commands")
        if visitor.may_change():
            st.menu_button(
                "More",
                list(MORE)[: 1 if _changing(board) else None],
                key=f"{KEY}-more",
                type="tertiary",
                format_func=lambda name: MORE[name][1],
                on_click=_more,
                args=(state,),
            )
    state.report()


def _more(state: PageState) -> None:
    if chosen := st.session_state.get(f"{KEY}-more"):
        state.ask(MORE[chosen][0])


def _about(board: Leaderboard) -> str:
    record = board.sweep
    by = f" by {words.plain(record.created_by)}" if record.created_by and visitor.has_signed_in() else ""
    labels = words.listed([words.plain(label) for label in drawing.tried(board).values()])
    budget = f" · at most {words.number(record.most_minutes)} minutes" if record.most_minutes else ""
    return f"{words.count(len(record.trials), 'trial')} of {labels}, started {words.ago(record.created_at)}{by}{budget}"


def _changing(board: Leaderboard) -> bool:
    return board.sweep.ended_at is None


def _panel(board: Leaderboard, state: PageState) -> bool:
    """Everything that changes while it runs; True while it does."""
    state.refresh()
    _state(board)
    if sentence_ := drawing.headline(board):
        with st.container(border=True, key=f"{KEY}-summary"):
            st.markdown(f"#### {sentence_}", anchors=False)
            for remark in drawing.remarks(board):
                st.caption(remark)
            if board.best and board.best.workflow:
                number = board.best.workflow.id
                links.workflow(number, f"Open #{number}: predict, report, curves", icon=":material/arrow_forward:")
    with st.container(border=True, key=f"{KEY}-board"):
        _board(board, state)
    with st.container(border=True, key=f"{KEY}-curves"):
        _curves(board, drawing.drawn(board))
    return _changing(board)


def _state(board: Leaderboard) -> None:
    record = board.sweep
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        cells.badge(board.status, "Stopped" if record.stopped and not _changing(board) else None)
        st.caption(drawing.state_words(board), width="content")
        took = "" if _changing(board) else f"took {words.duration(record.seconds)}"
        st.caption(took, width="content")
    if record.stopped and record.stopped.code != "sweep_stopped":
        st.info(words.plain(sentence(record.stopped)), icon=":material/stop_circle:")
    elif waiting := verbs.waits_for(record):
        st.warning(words.plain(sentence(waiting)), icon=":material/hourglass:")
    elif not _changing(board) and board.best is None and any(row.error for row in board.rows):
        reason = next(row.error for row in board.rows if row.error)
        st.error(f"No trial completed. {words.plain(sentence(reason))}", icon=":material/error:")


def _board(board: Leaderboard, state: PageState) -> None:
    bar = st.container(horizontal=True, vertical_alignment="center")
    rows = list(board.rows)
    if not rows:
        st.caption("Its workflows were deleted.")
        return
    chosen = tables.choose(
        drawing.table(board, rows),
        [row.trial for row in rows],
        f"{KEY}-{board.sweep.id}",
        height="content",
        column_config=drawing.columns(board, rows, partial(_open, state, board.sweep.id)),
        alt="Trials, the best first",
    )
    ticked = [row.workflow.id for row in rows if row.workflow and row.trial in chosen]
    best = [workflow.id for workflow in drawing.drawn(board)]
    compared = ticked or best
    with bar:
        st.markdown("**Leaderboard** :gray[· click to open, tick to compare]", width="stretch")
        # A link and no button: after a switch by the server, Back leads to this page under the address of that one.
        st.page_link(
            "compare.py",
            label=f"Compare {len(ticked)} ticked" if ticked else "Compare",
            icon=":material/compare_arrows:",
            width="content",
            disabled=not FEWEST <= len(compared) <= colours.MOST_COMPARED,
            query_params={"ids": ",".join(map(str, compared))},
        )


def _curves(board: Leaderboard, compared: Sequence[Workflow]) -> None:
    ids = [workflow.id for workflow in compared]
    names = metrics.names_of(ids, registry.main_curves()) if ids else []
    if not names:
        st.markdown("**Curves**")
        st.caption("No trial has recorded a curve yet." if _changing(board) else "No trial recorded a curve.")
        return
    key = f"{KEY}-curve"
    if st.session_state.get(key) not in names:
        st.session_state[key] = names[0]
    shown = (
        st.selectbox(
            "Curve", names, key=key, format_func=comparison.curve_name, width=260, label_visibility="collapsed"
        )
        or names[0]
    )
    titles = {row.workflow.id: drawing.title(board, row) for row in board.rows if row.workflow}
    chart.draw(
        charts.comparison(
            metrics.overlay(ids, shown),
            {each: titles[each] for each in ids},
            comparison.curve_measure(shown),
        ),
        key=f"{KEY}-chart",
        alt=f"{comparison.curve_name(shown)} of {len(ids)} trials, epoch by epoch",
    )


def _stop(state: PageState, sweep_id: int) -> None:
    st.markdown("Running trials are cancelled and waiting ones do not start. Completed trials stay.")
    if state.confirm("Stop sweep", "stop_circle", "Keep running", f"{KEY}-stop") and state.press(verbs.stop, sweep_id):
        state.close(f"Sweep {sweep_id} is stopped.")
        st.rerun()
    state.problem()
    commands.popover([commands.stop_sweep(sweep_id)], key=f"{KEY}-command-stop")


def _rename(state: PageState, sweep_id: int) -> None:
    with st.form(f"{KEY}-rename-{sweep_id}", border=False):
        name = st.text_input("Name", sweeps.get(sweep_id).name, key=f"{KEY}-name", max_chars=NAME_LENGTH)
        pressed = st.form_submit_button("Save", type="primary")
    if pressed and state.press(verbs.describe, sweep_id, name):
        state.close("Saved.")
        st.rerun()
    state.problem()
    commands.popover([commands.rename_sweep(sweep_id)], key=f"{KEY}-command-rename")


def _delete(state: PageState, sweep_id: int) -> None:
    own = len(sweeps.members([sweep_id])[sweep_id])
    st.markdown("This permanently deletes the leaderboard. Its workflows stay in the list, as workflows of their own.")
    everything = own > 0 and st.checkbox(
        f"Delete {words.count(own, 'workflow')} of it, too, with their curves, scores, logs and models",
        key=f"{KEY}-delete-workflows",
    )
    if state.confirm("Delete", "delete", "Keep", f"{KEY}-delete", destroys=True):
        state.press(_removed, sweep_id, everything)
        if not state.refused:
            state.close(f"Sweep {sweep_id} is deleted.")
            state.leads_to = links.SWEEP, {}
            st.rerun()
    state.problem()
    commands.popover([commands.delete_sweep(sweep_id, everything)], key=f"{KEY}-command-delete")


def _removed(sweep_id: int, with_workflows: bool) -> bool:
    verbs.remove(sweep_id, with_workflows)
    return True


page()
