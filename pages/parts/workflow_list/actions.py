"""The bar above the list of workflows: what can be done with those that are ticked."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from jobs.language import numbers
from pages.parts import commands, links, tables, visitor, words
from pages.parts.press import PageState
from pages.parts.workflow import bulk, dialogs
from pages.parts.workflow_list import listing, opening
from pages.parts.workflow_list.view import ListView
from store import workflows
from store.workflows import Workflow

KEY = dialogs.LIST
FEWEST, MOST = 2, 12
MORE = {
    "retry": ":material/replay: Retry",
    "tag": ":material/label: Tag",
}


def bar(state: PageState, chosen: list[int], rows: Sequence[Workflow], view: ListView, total: int) -> None:
    """How many there are or are ticked, and what can be done with the ticked ones."""
    st.markdown(_count_words(chosen, rows, total), width="stretch", help=None if chosen else tables.BY_KEYBOARD)
    if chosen:
        st.button(
            "Clear",
            key=f"{KEY}-unchoose",
            type="tertiary",
            icon=":material/close:",
            on_click=tables.forget,
            args=(KEY,),
        )
    opening.draw(state, rows)
    if len(chosen) == 1:
        _button("Open", "arrow_forward", partial(links.go_to_workflow, chosen[0]))
        _button(
            "Edit", "edit", partial(state.ask, "describe", tuple(chosen)), **visitor.changes("Change its name or note")
        )
    _button(
        "Compare",
        "compare_arrows",
        partial(_compare, chosen),
        help=f"Tick {FEWEST} to {MOST} rows to compare them",
        disabled=not FEWEST <= len(chosen) <= MOST,
    )
    _button(
        "Restart",
        "restart_alt",
        partial(_restart, state, chosen),
        **visitor.changes("Run each again as a new workflow", bool(chosen)),
    )
    if going := [row.id for row in workflows.get_many(chosen) if not row.status.over]:
        _button(
            "Cancel",
            "cancel",
            partial(state.ask, "cancel", tuple(going)),
            **visitor.changes("Stop the ticked workflows that have not ended"),
        )
    _button(
        "Delete",
        "delete",
        partial(state.ask, "delete", tuple(chosen)),
        **visitor.changes("Delete the ticked workflows", bool(chosen)),
    )
    if chosen and visitor.may_change():
        st.menu_button(
            "More",
            list(MORE),
            key=f"{KEY}-more",
            type="tertiary",
            format_func=lambda act: MORE[act],
            on_click=_more,
            args=(state, tuple(chosen)),
        )
        commands.popover(commands.bulk(chosen), key=f"{KEY}-commands")
    _download(chosen, view, total)


def _download(chosen: list[int], view: ListView, total: int) -> None:
    st.download_button(
        "Download",
        partial(listing.export, view.which(), list(chosen), numbers.current().code),
        "workflows.csv",
        "text/csv",
        key=f"{KEY}-download",
        on_click="ignore",
        icon=":material/download:",
        help="The ticked rows as CSV" if chosen else f"All {words.count(total)} that match, as CSV",
    )


def _count_words(chosen: list[int], rows: Sequence[Workflow], total: int) -> str:
    if not chosen:
        return f"{words.count(total, 'workflow')} :gray[· click to open, tick to choose]"
    elsewhere = len(set(chosen) - {row.id for row in rows})
    return f"**{len(chosen)} ticked**" + (f" :gray[· {elsewhere} on other pages]" if elsewhere else "")


def _button(label: str, icon: str, act: Callable[[], None], **how: Any) -> None:
    if st.button(label, icon=f":material/{icon}:", key=f"{KEY}-{label.lower()}", **how):
        act()
        st.rerun()


def _compare(ids: Sequence[int]) -> None:
    st.switch_page("compare.py", query_params={"ids": ",".join(map(str, sorted(ids)))})


def _restart(state: PageState, chosen: Sequence[int]) -> None:
    """Run each of them again; asks first when they are many, or one has not ended."""
    if len(chosen) >= dialogs.MANY or any(not row.status.over for row in workflows.get_many(chosen)):
        state.ask("restart", tuple(chosen))
    else:
        dialogs.restart(state, chosen)


def _more(state: PageState, chosen: tuple[int, ...]) -> None:
    if act := st.session_state.get(f"{KEY}-more"):
        state.ask(bulk.QUESTION + act, chosen)
