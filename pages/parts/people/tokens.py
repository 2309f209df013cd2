"""Tokens, which let programs act as a person: the list, and making one."""

from collections.abc import Callable, Sequence

import streamlit as st

from jobs.verbs import people
from pages.parts import address, visitor, words
from pages.parts.press import PageState
from store.people import Token
from store.tables import now


def rows(state: PageState, tokens: Sequence[Token], revoke: Callable[[int], Token]) -> None:
    """One line a token; revoking one asks first."""
    if not tokens:
        st.caption("No tokens yet.")
    for token in tokens:
        with st.container(horizontal=True, vertical_alignment="center", key=f"token-{token.id}", gap="small"):
            st.markdown(f":material/key: **{words.plain(token.label)}**", width="content")
            st.caption(_state(token), width="stretch", help=_times(token))
            with st.popover("Revoke", type="tertiary", icon=":material/key_off:", key=f"revoke-{token.id}"):
                st.markdown("Programs that use it are rejected at once.")
                st.button(
                    ":red[Revoke token]",
                    key=f"revoke-{token.id}-sure",
                    on_click=_revoke,
                    args=(state, revoke, token),
                )


def make(state: PageState, make_one: Callable[..., people.NewToken | None], *whose: str) -> None:
    """The form for a new token, or once it is made its text, which is shown only now."""
    if state.secret:
        _show(state.secret)
        return
    with st.form(f"new-token-{'-'.join(whose)}", border=False):
        label = st.text_input("What is it for", key="token-label", placeholder="Nightly training", max_chars=80)
        days = st.number_input("Valid for how many days", 1, 3650, people.TOKEN_DAYS, key="token-days")
        pressed = st.form_submit_button("Create token", type="primary", icon=":material/key:")
    if pressed and (made := state.press(make_one, *whose, label, int(days))):
        state.secret = made.text
        st.rerun()
    state.problem()


def _show(text: str) -> None:
    st.markdown("**Copy it now.** It is not stored and not shown again.")
    st.code(text, language=None, wrap_lines=True)
    st.caption("A program sends it with every request, for example:")
    st.code(
        f"curl -H 'Authorization: Bearer {text}' {address.server()}/api/workflows", language="bash", wrap_lines=True
    )


def _revoke(state: PageState, revoke: Callable[[int], Token], token: Token) -> None:
    if state.press(revoke, token.id):
        state.toast = f"The token {token.label} is revoked."


def _state(token: Token) -> str:
    used = f"used {words.ago(token.used_at)}" if token.used_at else "never used"
    if token.expires_at < now():
        return f"expired on {visitor.day(token.expires_at)} · {used}"
    return f"expires on {visitor.day(token.expires_at)} · {used}"


def _times(token: Token) -> str:
    return (
        f"Created {visitor.exactly(token.created_at)}, expires {visitor.exactly(token.expires_at)}, "
        f"last used {visitor.exactly(token.used_at)}. Use is recorded at most once a minute."
    )
