"""Account: oneself, one's password, and the tokens of one's programs."""

import streamlit as st

from jobs.language import sentence
from jobs.verbs import people
from pages.parts import commands, press, visitor, words
from pages.parts.people import questions, tokens
from pages.parts.press import PageState
from store import actors
from store import people as stored
from store.actors import Actor, Role
from store.errors import RequestError

KEY = "account"


def page() -> None:
    with st.container(horizontal=True):  # as high as that of pages with a button beside it
        st.header("Account", anchor=False)
    state = press.page_state(f"{KEY}-state")
    state.report()
    actor = actors.current()
    if actor.role is None:
        _signed_out()
    elif actor.person_id is None:
        _nobody()
    else:
        _me(actor)
        _password(state, actor)
        _tokens(state)


def _signed_out() -> None:
    """Shown after a change of password, which ends this session too."""
    st.info(
        "[Sign in](/login) to continue. If you just changed your password, use the new one.", icon=":material/lock:"
    )


def _nobody() -> None:
    st.info("Sign-in is off, so there are no accounts.", icon=":material/person_off:")
    if visitor.may_look_after_people():
        st.page_link("people.py", label="Turn on sign-in", icon=":material/group:", width="content")


def _me(actor: Actor) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"You are signed in as **{words.plain(actor.name)}**, {actor.role}. "
            f"  \n:gray[{_may(Role(str(actor.role)))}]",
            width="content",
        )
        st.button("Sign out", icon=":material/logout:", key=f"{KEY}-sign-out", on_click=st.logout)


def _may(role: Role) -> str:
    if role is Role.viewer:
        return "You can look at everything and change nothing. An admin can give you another role."
    can = "You can look at everything, add data, start, change and delete workflows, and pause queues."
    return f"{can} You also manage people." if role is Role.admin else can


def _password(state: PageState, actor: Actor) -> None:
    with st.container(border=True):
        st.markdown("**Password**")
        person = stored.find(actor.name)
        if person is None or not person.has_password:
            st.caption("You have no password; you sign in through your organisation. An admin can set one.")
            return
        with st.form(f"{KEY}-password", border=False, width=420):
            before = questions.password_field("Current password", f"{KEY}-before", autocomplete="current-password")
            new, again = questions.new_password_fields(
                "New password", "Repeat the new password", f"{KEY}-new", f"{KEY}-again"
            )
            pressed = st.form_submit_button("Change password", icon=":material/password:")
        if pressed:
            _change(state, before, new, again)
        st.caption("This ends all your sessions and tokens. Sign in again, and create new tokens for your programs.")
        commands.popover(
            [
                commands.own(
                    "Change my password", "POST", "/password", {"before": "...", "password": "..."}, in_person=True
                )
            ],
            key=f"{KEY}-password-command",
        )


def _change(state: PageState, before: str, new: str, again: str) -> None:
    if new != again:
        state.refused = "The two new passwords differ."
    else:
        state.press(people.change_own_password, before, new)
        if not state.refused:
            st.rerun()
    state.problem()


def _tokens(state: PageState) -> None:
    try:
        own = people.own_tokens()
    except RequestError as refused:  # removed in this very moment
        st.error(words.plain(sentence(refused.message)), icon=":material/error:")
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**Tokens**  \n:gray[A token lets a program act as you, with your role.]", width="content")
            st.button("Create token", icon=":material/key:", key=f"{KEY}-token", on_click=state.ask, args=("token",))
        tokens.rows(state, own, people.remove_own_token)
        commands.popover(
            [
                commands.own(
                    "Create token", "POST", "/tokens", {"label": "Nightly training", "days": 365}, in_person=True
                ),
                commands.own("My tokens", "GET", "/tokens"),
            ],
            key=f"{KEY}-token-command",
        )
    if state.question:
        state.dialog("New token", "key", lambda: tokens.make(state, people.make_own_token))


page()
