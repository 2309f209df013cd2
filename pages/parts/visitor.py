"""Who looks at the page, and what they may do."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from jobs.language import numbers
from jobs.verbs import people
from pages.parts import words
from store import actors
from store.actors import Actor, Role
from store.tables import now

VIEWER_HINT = (
    "You are signed in as a viewer: you can look at everything here and change nothing. An admin can give you "
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
    """The visitor's time zone; None when the browser does not send one that is known here."""
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ValueError, OSError, ZoneInfoNotFoundError):  # the last is a KeyError
        return None


def language() -> str | None:
    """The language of the visitor's browser, such as tr-TR; None where no page runs."""
    return st.context.locale if get_script_run_ctx(suppress_warning=True) is not None else None


def tab() -> str:
    """Names this open page among all that are open; empty where no page runs."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def has_touch_screen() -> bool:
    """Whether the visitor's browser is that of a phone or a tablet."""
    agent = st.context.headers.get("User-Agent") or ""
    return any(name in agent for name in ("Mobi", "Android", "iPad"))


def local(time: datetime) -> datetime:
    """A time by the visitor's clock."""
    return time.astimezone(zone() or UTC)


def clock(time: datetime) -> str:
    """14:02 as the visitor's clock shows it, with its day when that is not today."""
    there = local(time)
    today = now().astimezone(there.tzinfo).date()
    text = f"{there:%H:%M}" if there.date() == today else f"{there:%H:%M} on {numbers.day_and_month(there)}"
    return text if zone() else f"{text} UTC"


def exactly(time: datetime | None) -> str:
    """A time in full by the visitor's clock, for hovering: 22 Nov 2026 00:30:00 Europe/Istanbul."""
    return f"{moment(time)} {zone() or 'UTC'}" if time else "–"


def moment(time: datetime) -> str:
    """A time by the visitor's clock, to the second: 22 Nov 2026 00:30:00."""
    return numbers.moment(local(time))


def day(time: datetime) -> str:
    """A day by the visitor's calendar: 22 Nov 2026."""
    return numbers.day(local(time))


def changes(help_: str | None = None, enabled: bool = True) -> dict[str, Any]:
    """How a button that changes something is drawn: greyed out, with the reason, for visitors who may not press it."""
    may = may_change()
    return {"disabled": not (may and enabled), "help": help_ if may else VIEWER_HINT}


def only_looking() -> bool:
    """Tell visitors who may only look that they cannot change anything here; True when so."""
    if may_change():
        return False
    st.info(VIEWER_HINT, icon=":material/visibility:")
    return True


def line() -> None:
    """One quiet line in the side bar: who is signed in, and the way to their account."""
    actor = actors.current()
    if actor.person_id is not None:
        looks = " (viewer)" if not actor.may(Role.analyst) else ""
        st.sidebar.page_link(
            "account.py", label=f":gray[Signed in as {words.plain(actor.name)}{looks}]", icon=":material/person:"
        )
