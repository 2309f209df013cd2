"""The dialogs of the page People; each does one verb."""

import shlex
from collections.abc import Callable
from functools import partial

import streamlit as st

from jobs.language import sentence
from jobs.verbs import passwords, people
from pages.parts import commands, press, words
from pages.parts.commands import Command
from pages.parts.people import tokens
from pages.parts.press import PageState
from store import actors
from store.actors import Role
from store.errors import RequestError
from store.people import Person
from store.program import COMMAND

KEY = "people"
ROLE_CAPTIONS = {
    Role.viewer: "Sees everything and changes nothing.",
    Role.analyst: "Also adds data, starts, changes and deletes workflows, and pauses queues.",
    Role.admin: "Also manages people, and sees who did what.",
}
LONGEST_NAME = 80


def page_state() -> PageState:
    return press.page_state(f"{KEY}-state")


def dialogs() -> None:
    """The question that a button raised, if any."""
    state = page_state()
    if question := QUESTIONS.get(state.question):
        title, icon, draw = question
        state.dialog(title.format(words.plain(state.about)), icon, partial(draw, state))


def choose_role(key: str, role: str = Role.analyst) -> str:
    return str(
        st.radio(
            "Role",
            list(Role),
            index=list(Role).index(Role(role)),
            key=key,
            format_func=words.sentence,
            captions=list(ROLE_CAPTIONS.values()),
        )
    )


def _add(state: PageState) -> None:
    with st.form(f"{KEY}-add-form", border=False):
        name = st.text_input(
            "Name",
            key=f"{KEY}-add-name",
            max_chars=LONGEST_NAME,
            autocomplete="off",
            placeholder="To sign in with, such as ayse or an email address",
        )
        role = choose_role(f"{KEY}-add-role")
        given = _password_or_none(f"{KEY}-add-password")
        pressed = st.form_submit_button("Add", type="primary", icon=":material/person_add:")
    if pressed and (person := state.press(people.add, name, role, given or _made(state))):
        _hand_over(state, person.name, given, f"{person.name} can sign in as {person.role}.")
    state.problem()
    commands.popover(
        [
            commands.user(
                "Add person",
                ["add", name or "NAME", "--role", role],
                "POST",
                "people",
                {"name": name or "NAME", "role": role},
                in_person=True,
            )
        ],
        key=f"{KEY}-add-command",
    )


def _role(state: PageState) -> None:
    person = _whom(state)
    if person is None:
        return
    role = choose_role(f"{KEY}-role-{person.name}", person.role)
    st.caption("Takes effect at their next click, in every browser.")
    pressed = st.button("Save", type="primary", key=f"{KEY}-role-save")
    if pressed and state.press(people.set_role, person.name, role):
        state.close(f"{person.name} is now {role}.")
        st.rerun()
    state.problem()
    commands.popover(
        [
            commands.user(
                "Change the role",
                ["role", person.name, role],
                "PATCH",
                f"people/{person.name}",
                {"role": role},
                in_person=True,
            )
        ],
        key=f"{KEY}-role-command",
    )


def _password(state: PageState) -> None:
    name = state.about
    st.markdown("All their sessions and tokens end.")
    with st.form(f"{KEY}-password-form", border=False):
        given = _password_or_none(f"{KEY}-new-password")
        pressed = st.form_submit_button("Set password", type="primary", icon=":material/password:")
    if pressed and state.press(people.set_password, name, given or _made(state)):
        _hand_over(state, name, given, f"{name} has a new password.")
    state.problem()
    commands.popover(
        [
            commands.user(
                "Set a password", ["password", name], "PATCH", f"people/{name}", {"password": "..."}, in_person=True
            )
        ],
        key=f"{KEY}-password-command",
    )


def _hand_over(state: PageState, name: str, given: str, toast: str) -> None:
    """A password that was made is shown once; one that was typed is known already."""
    if given:
        state.close(toast)
    else:
        state.question, state.about, state.toast = "made", name, toast
    st.rerun()


def _show_password(state: PageState) -> None:
    st.markdown(
        f"**Copy it now** and hand it to {words.plain(state.about)}: it is not stored here and not shown again. "
        "After signing in with it, they can choose another on the page Account."
    )
    st.code(state.secret, language=None)
    if st.button("Done", type="primary", key=f"{KEY}-made-done"):
        state.close()
        st.rerun()


def _tokens(state: PageState) -> None:
    try:
        rows = people.tokens_of(state.about)
    except RequestError as refused:
        st.error(words.plain(sentence(refused.message)), icon=":material/error:")
        return
    st.caption("A token lets a program act as this person, with their role, until it expires or is revoked.")
    tokens.rows(state, rows, people.remove_token)
    tokens.make(state, people.make_token, state.about)
    shown = [
        Command("Tokens", f"{COMMAND} user token {verb} {shlex.quote(state.about)}", "") for verb in ("list", "add")
    ]
    commands.popover(shown, key=f"{KEY}-token-command")


def _remove(state: PageState) -> None:
    person = _whom(state)
    if person is None:
        return
    name = words.plain(person.name)
    st.markdown(
        f"**{name}** is signed out everywhere at once and can no longer sign in. Their tokens stop working. "
        "Their workflows, datasets and models stay, and so does their audit trail."
    )
    if person.id == actors.current().person_id:
        st.warning("This is you: you will be signed out at once.", icon=":material/warning:")
    if len(people.everybody()) == 1:
        st.warning(
            "This is the last account: sign-in will be off, and anyone who can open this page can do anything.",
            icon=":material/warning:",
        )
    with st.container(horizontal=True, horizontal_alignment="right"):
        keep = st.button("Keep", key=f"{KEY}-keep")
        confirmed = st.button(":red[:material/person_remove: Remove]", key=f"{KEY}-remove-sure")
    if keep or (confirmed and state.press(people.remove, person.name)):
        state.close(f"{person.name} can no longer sign in." if confirmed else "")
        st.rerun()
    state.problem()
    commands.popover(
        [commands.user("Remove", ["remove", person.name], "DELETE", f"people/{person.name}", in_person=True)],
        key=f"{KEY}-remove-command",
    )


def _whom(state: PageState) -> Person | None:
    """The person a dialog is about, who may have been removed meanwhile."""
    try:
        return next(each for each in people.everybody() if each.name == state.about)
    except (RequestError, StopIteration) as error:
        reason = sentence(error.message) if isinstance(error, RequestError) else f"{state.about} has been removed."
        st.error(words.plain(reason), icon=":material/error:")
        return None


def password_field(
    label: str,
    key: str,
    placeholder: str | None = None,
    help_: str | None = None,
    autocomplete: str = "new-password",
) -> str:
    """Draw a field for a password, and return what was typed."""
    typed = st.text_input(
        label,
        type="password",
        key=key,
        max_chars=people.LONGEST_PASSWORD,
        autocomplete=autocomplete,
        placeholder=placeholder,
        help=help_,
    )
    return typed or ""


def new_password_fields(label: str, again: str, key: str, key_again: str) -> tuple[str, str]:
    """Draw two fields for a password that its owner chooses, and return what was typed."""
    first = password_field(label, key, f"{people.SHORTEST_PASSWORD} characters or more")
    return first, password_field(again, key_again)


def _password_or_none(key: str) -> str:
    """Draw a field for a password that is generated where nothing is typed."""
    shown_once = f"{people.SHORTEST_PASSWORD} characters or more. A generated one is shown once."
    return password_field("Password", key, "Leave empty to generate one", shown_once)


def _made(state: PageState) -> str:
    """One password for each time that a dialog is open, so that a double click means the same twice."""
    state.secret = state.secret or passwords.made()
    return state.secret


QUESTIONS: dict[str, tuple[str, str, Callable[[PageState], None]]] = {
    "add": ("Add person", "person_add", _add),
    "role": ("Role of {}", "badge", _role),
    "password": ("New password for {}", "password", _password),
    "made": ("Password of {}", "password", _show_password),
    "tokens": ("Tokens of {}", "key", _tokens),
    "remove": ("Remove {}?", "person_remove", _remove),
}
