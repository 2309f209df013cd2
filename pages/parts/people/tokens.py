"""Tokens, which let programs act as a person: the list, and making one."""

from collections.abc import Callable, Sequence

import streamlit as st

from jobs.verbs import people
from pages.parts import address, words
from pages.parts.press import PageState
from store.people import Token
from store.tables import now


def rows(state: PageState, tokens: Sequence[Token], take_back: Callable[[int], Token]) -> None:
    """One line a token; taking one back asks first."""
    if not tokens:
        st.caption("No tokens yet.")
    for token in tokens:
        with st.container(horizontal=True, vertical_alignment="center", key=f"token-{token.id}", gap="small"):
            st.markdown(f":material/key: **{words.plain(token.label)}**", width="content")
            st.caption(_state(token), width="stretch", help=_times(token))
            with st.popover("Take back", type="tertiary", icon=":material/key_off:", key=f"take-back-{token.id}"):
                st.markdown("Programs that use it are refused at once.")
                st.button(
                    "Take it back",
                    type="primary",
                    key=f"take-back-{token.id}-sure",
                    on_click=_take_back,
                    args=(state, take_back, token),
                )


def make(state: PageState, make_one: Callable[..., people.NewToken | None], *whose: str) -> None:
    """The form for a new token, or once it is made its text, which is shown only now."""
    if state.secret:
        _show(state.secret)
        return
    with st.form(f"new-token-{'-'.join(whose)}", border=False):
        label = st.text_input("What is it for?", key="token-label", placeholder="Nightly training", max_chars=80)
        days = st.number_input("Days it lasts", 1, 3650, people.TOKEN_DAYS, key="token-days")
        pressed = st.form_submit_button("Make a token", type="primary", icon=":material/key:")
    if pressed and (made := state.press(make_one, *whose, label, int(days))):
        state.secret = made.text
        st.rerun()
    state.problem()


def _show(text: str) -> None:
    st.markdown("**Copy it now:** it is not stored here and not shown again.")
    st.code(text, language=None, wrap_lines=True)
    st.caption("A program shows it with every request, for example:")
    st.code(
        f"curl -H 'Authorization: Bearer {text}' {address.server()}/api/workflows", language="bash", wrap_lines=True
    )


def _take_back(state: PageState, take_back: Callable[[int], Token], token: Token) -> None:
    if state.press(take_back, token.id):
        state.toast = f"The token {token.label} is no longer valid."


def _state(token: Token) -> str:
    used = f"used {words.ago(token.used_at)}" if token.used_at else "never used"
    if token.expires_at < now():
        return f"ran out on {token.expires_at:%Y-%m-%d} · {used}"
    return f"until {token.expires_at:%Y-%m-%d} · {used}"


def _times(token: Token) -> str:
    return (
        f"Made {words.exactly(token.created_at)}, valid until {words.exactly(token.expires_at)}, "
        f"last used {words.exactly(token.used_at)}. Its use is noted at most once a minute."
    )
