"""A text in Markdown: {"text": "..."}."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

LONGEST = 100_000


def fits(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("text"), str)


def draw(value: Mapping[str, Any], key: str, _files: Callable[[str], bytes | None]) -> None:
    with st.container(key=key):
        st.markdown(without_pictures(value["text"][:LONGEST]))
    if len(value["text"]) > LONGEST:
        st.caption(f"The first {LONGEST:,} of {len(value['text']):,} characters.")


def without_pictures(text: str) -> str:
    """The text with links instead of pictures: a picture would be fetched from wherever the text says."""
    return text.replace("![", "[")
