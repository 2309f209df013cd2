"""Who looks at the page, and what they may do."""

from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from jobs.verbs import people
from pages.parts import words
from store import actors
from store.actors import Actor, Role

LOOKS = (
    "You are signed in as a viewer: you can look at everything here, and change nothing. An admin can give you "
    "another role."
)


def recognised() -> Actor | None:
    """Whose browser a page runs for, as its cookie says; None where no page runs."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    return people.visitor(st.context.cookies.get(people.cookie_name()), st.context.ip_address or "")


def may_change() -> bool:
    """Whether the buttons that change something are for this visitor."""
    return actors.current().may(Role.analyst)


def may_look_after_people() -> bool:
    return actors.current().may(Role.admin)


def has_signed_in() -> bool:
    return actors.current().person_id is not None


def zone() -> ZoneInfo | None:
    """Where the visitor's clock is; None where that is not told, or not known here."""
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ValueError, OSError):
        return None


def changes(help_: str | None = None, enabled: bool = True) -> dict[str, Any]:
    """How a button that changes something is drawn: greyed out, with the reason, for whoever may not press it."""
    may = may_change()
    return {"disabled": not (may and enabled), "help": help_ if may else LOOKS}


def only_looking() -> bool:
    """Say, where somebody came to change something, that they may not; True when so."""
    if may_change():
        return False
    st.info(LOOKS, icon=":material/visibility:")
    return True


def line() -> None:
    """One quiet line in the side bar: who is signed in, and the way to their account."""
    actor = actors.current()
    if actor.person_id is not None:
        looks = " (viewer)" if not actor.may(Role.analyst) else ""
        st.sidebar.page_link(
            "account.py", label=f":gray[Signed in as {words.plain(actor.name)}{looks}]", icon=":material/person:"
        )
