"""People: who may sign in, and who did what; for admins."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from jobs.language import sentence
from jobs.verbs import people
from pages.parts import address, commands, tables, visitor, words
from pages.parts.people import questions
from store import actors
from store.actors import Role
from store.audit import Deed
from store.people import AccessCounts, Person

KEY = questions.KEY
PER_PAGE = 50
LONGEST_NAME = 80
VIA_LABELS = {"page": "Page", "api": "Program", "command": "Command", "link": "Link"}
LINKS = {"workflow": "workflow", "dataset": "datasets"}
AFTER_HASH = "#(.*)$"
RED = "#cf4a40"


def page() -> None:
    everybody = people.everybody() if visitor.may_look_after_people() else []
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header("People", anchor=False, width="content")
        if everybody:
            st.button(
                "Add person",
                icon=":material/person_add:",
                key=f"{KEY}-add",
                type="primary",
                on_click=questions.page_state().ask,
                args=("add",),
            )
    questions.page_state().report()
    if not visitor.may_look_after_people():
        _not_yours()
        return
    if everybody:
        _list(everybody)
    else:
        _nobody_yet()
    _deeds(everybody)
    questions.dialogs()


def _not_yours() -> None:
    """Shown to those who are no admin, and to the first admin just after they added themselves."""
    if actors.current().role is None:
        if name := questions.page_state().about:
            st.success(
                f"**{words.plain(name)}** is an admin now, and sign-in is on. Sign in with that name and password; "
                "then add the others here.",
                icon=":material/how_to_reg:",
            )
        else:
            st.info("Everyone must sign in here.", icon=":material/lock:")
        # Any message of a page without a session is answered by the way to the sign-in.
        st.button("Sign in", type="primary", icon=":material/login:", key=f"{KEY}-sign-in", on_click=st.logout)
    else:
        st.info(
            "Only admins manage people. Your own password and tokens are on the Account page.", icon=":material/lock:"
        )
        st.page_link("account.py", label="My account", icon=":material/person:", width="content")


def _nobody_yet() -> None:
    with st.container(border=True):
        st.markdown("#### Sign-in is off", anchors=False)
        st.markdown(
            "Anyone who can open this page can do anything. Once there is an account, everyone must sign in, so "
            "create your own admin account first."
        )
        with st.form(f"{KEY}-first", border=False, width=420):
            name = st.text_input(
                "Your name",
                key=f"{KEY}-first-name",
                max_chars=LONGEST_NAME,
                autocomplete="username",
                placeholder="For example ayse",
            )
            password, again = questions.new_password_fields(
                "Password", "Repeat the password", f"{KEY}-first-password", f"{KEY}-first-again"
            )
            pressed = st.form_submit_button("Create my admin account", type="primary", icon=":material/person_add:")
        if pressed:
            _add_first(name, password, again)
        commands.popover(
            [
                commands.user(
                    "Add the first admin",
                    ["add", "NAME", "--role", "admin"],
                    "POST",
                    "people",
                    {"name": "NAME", "role": "admin", "password": "..."},
                )
            ],
            key=f"{KEY}-first-command",
        )


def _add_first(name: str, password: str, again: str) -> None:
    state = questions.page_state()
    if password != again:
        state.refused = "The two passwords differ."
    elif state.press(people.add, name, str(Role.admin), password):
        state.about = name.strip()
        st.rerun()
    state.problem()


# Who may sign in


def _list(everybody: Sequence[Person]) -> None:
    bar = st.container(horizontal=True, vertical_alignment="center", key=f"{KEY}-bar")
    chosen = tables.choose(
        _table(everybody, people.access_counts()),
        [person.id for person in everybody],
        KEY,
        mode="single-row",
        height="content",
        alt="People",
        column_config=_columns(),
    )
    with bar:
        _actions(everybody, next((person for person in everybody if person.id in chosen), None))


def _table(everybody: Sequence[Person], counts: dict[int, AccessCounts]) -> pd.DataFrame:
    used = [counts.get(person.id, AccessCounts()) for person in everybody]
    return pd.DataFrame(
        {
            "name": [person.name for person in everybody],
            "role": [words.sentence(person.role) for person in everybody],
            "last": [words.ago(person.signed_in_at) if person.signed_in_at else "Never" for person in everybody],
            "at": [visitor.exactly(person.signed_in_at) for person in everybody],
            "sessions": [each.sessions for each in used],
            "tokens": [each.tokens for each in used],
            "password": ["Yes" if person.has_password else "None" for person in everybody],
            "added": [visitor.local(person.created_at).date() for person in everybody],
        }
    )


def _columns() -> tables.ColumnConfigs:
    column = st.column_config
    return {
        "name": column.TextColumn("Name", width=150),
        "role": column.TextColumn("Role", width=80),
        "last": column.TextColumn("Last signed in", width=120),
        "at": column.TextColumn("Exact time", width=220),
        "sessions": column.NumberColumn("Browsers", width=80, help="Browsers that are signed in now."),
        "tokens": column.NumberColumn("Tokens", width=70, help="Programs act as the person with these."),
        "password": column.TextColumn(
            "Password", width=80, help="Without one, the person signs in through single sign-on only."
        ),
        "added": column.DateColumn("Added", format="localized", width=100),
    }


def _actions(everybody: Sequence[Person], person: Person | None) -> None:
    """What can be done with the person that is ticked; greyed out until one is, so that nothing moves."""
    title = (
        f"**{words.plain(person.name)}**"
        if person
        else (f"{words.count(len(everybody), 'person', 'people')} :gray[· select one to change it]")
    )
    st.markdown(title, width="stretch", help=tables.BY_KEYBOARD)
    ask = questions.page_state().ask
    name = person.name if person else ""
    _button("Role", "badge", name, partial(ask, "role"))
    _button("Password", "password", name, partial(ask, "password"), "Sets a new password.")
    _button("Tokens", "key", name, partial(ask, "tokens"))
    _button("Sign out", "logout", name, _sign_out, "Ends all their sessions and tokens.")
    _button("Remove", "person_remove", name, partial(ask, "remove"), "Shows what will be deleted before it asks.")
    if person:
        commands.popover(
            [commands.user("Sign out", ["signout", name], "POST", f"people/{name}/sign-out")], key=f"{KEY}-command"
        )


def _button(label: str, icon: str, name: str, act: Callable[[str], None], help_: str | None = None) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"{KEY}-{label.lower()}",
        help=help_,
        disabled=not name,
        on_click=act,
        args=(name,),
    )


def _sign_out(name: str) -> None:
    state = questions.page_state()
    ended = state.press(people.sign_out_everywhere, name)
    if ended is not None:
        sessions, tokens = words.count(ended.sessions, "session"), words.count(ended.tokens, "token")
        state.toast = f"{name} is signed out. Ended: {sessions}, {tokens}."


# Who did what


def _deeds(everybody: Sequence[Person]) -> None:
    who = st.query_params.get("who", "").strip()[:LONGEST_NAME]
    place = max(address.number_in("page") or 1, 1)
    rows, total = people.list_deeds(who, PER_PAGE, (place - 1) * PER_PAGE)
    if not total and not who:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("Who did what", anchor=False, width="content")
        _filter(who, [person.name for person in everybody])
    pages = max(1, math.ceil(total / PER_PAGE))
    if place > pages:
        place = pages
        rows, _ = people.list_deeds(who, PER_PAGE, (place - 1) * PER_PAGE)
    if not rows:
        st.caption(f"There are no entries for {words.plain(who)}.")
        return
    st.dataframe(
        _deed_table(rows),
        hide_index=True,
        height="content",
        key=f"{KEY}-deeds",
        column_config=_deed_columns(),
        alt="Who did what, the newest first",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{words.count(total, 'entry', 'entries')}, the newest first.", width="content")
        if pages > 1:
            _pager(who, place, pages)
        arguments = ["deeds", *(["--who", who] if who else [])]
        commands.popover([commands.user("Who did what", arguments, "GET", "deeds")], key=f"{KEY}-deeds-command")


def _filter(who: str, names: Sequence[str]) -> None:
    """Whose deeds; what is chosen goes to the URL, and begins at its first page."""
    key = f"{KEY}-who"
    if (st.session_state.get(key) or "") != who:
        st.session_state[key] = who or None  # the URL changed by itself: on arrival, and after Back
    st.selectbox(
        "Who",
        names,
        index=None,
        key=key,
        width=260,
        placeholder="Everyone",
        accept_new_options=True,
        label_visibility="collapsed",
        icon=":material/filter_list:",
        on_change=lambda: _look_at(key),
    )


def _look_at(key: str) -> None:
    who = str(st.session_state[key] or "").strip()[:LONGEST_NAME]
    st.query_params.from_dict({"who": who} if who else {})


def _pager(who: str, place: int, pages: int) -> None:
    key = f"{KEY}-page-{who}-{place}-{pages}"
    st.pagination(
        pages, default=place, key=key, on_change=lambda: st.query_params.update(page=str(st.session_state[key]))
    )


def _deed_table(rows: Sequence[Deed]) -> Styler:
    table = pd.DataFrame(
        {
            "at": [visitor.moment(deed.at) for deed in rows],
            "who": [deed.who or "–" for deed in rows],
            "what": [deed_words(deed) for deed in rows],
            "open": [link(deed) for deed in rows],
            "via": [VIA_LABELS.get(deed.via, deed.via) for deed in rows],
            "address": [deed.address for deed in rows],
        }
    )
    refused = [f"color: {RED}" if deed.code.endswith("refused") else "" for deed in rows]
    return table.style.apply(lambda _: refused, subset=["what"])


def deed_words(deed: Deed) -> str:
    """Return what a person did, or tried to: Restart as workflow 8, Refused: sign in as ayşe."""
    text = words.sentence(sentence(deed.message))
    return text if deed.count == 1 else f"{text} ({words.count(deed.count, 'time', 'times')})"


def link(deed: Deed) -> str:
    """Return a link to what was made or changed, unless it was deleted."""
    if deed.code.startswith("deed_delete"):
        return ""
    for noun, page_name in LINKS.items():
        numbers = deed.values.get(noun)
        number = numbers[0] if isinstance(numbers, list) and len(numbers) == 1 else numbers
        if isinstance(number, int):
            return f"{page_name}?id={number}#{noun.capitalize()} {number}"
    return ""


def _deed_columns() -> tables.ColumnConfigs:
    column = st.column_config
    return {
        "at": column.TextColumn("When", width=140, help=f"By the clock of {visitor.zone() or 'UTC'}"),
        "who": column.TextColumn("Who", width=100, help="A dash: nobody had signed in."),
        "what": column.TextColumn("What", width=290),
        "open": column.LinkColumn("Open", display_text=AFTER_HASH, width=110),
        "via": column.TextColumn("Via", width=86, help="A page, a program with a token, or a command."),
        "address": column.TextColumn("From", width=110),
    }


page()
