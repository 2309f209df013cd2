"""A text in Markdown: {"text": "..."}."""

import streamlit as st

from pages.parts import words
from pages.parts.values import Files, Value

LONGEST = 100_000


def draw(value: Value, key: str, _files: Files) -> None:
    with st.container(key=key):
        st.markdown(without_pictures(value["text"][:LONGEST]))
    if len(value["text"]) > LONGEST:
        st.caption(f"The first {words.count(LONGEST)} of {words.count(len(value['text']))} characters.")


def without_pictures(text: str) -> str:
    """The text with links instead of pictures: a picture would be fetched from wherever the text says."""
    return text.replace("![", "[")
