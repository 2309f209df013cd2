"""A picture that the step saved: {"artifact": name, "media_type": "image/png"}."""

import streamlit as st

from pages.parts import words
from pages.parts.values import Files, Value

LARGEST = 20_000_000
MEDIA_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")


def misfit(value: Value) -> str:
    """Why this cannot be drawn, or nothing."""
    return "" if _fits(value) else 'it names no "artifact", or a "media_type" that is not drawn'


def _fits(value: Value) -> bool:
    return isinstance(value.get("artifact"), str) and value.get("media_type", MEDIA_TYPES[0]) in MEDIA_TYPES


def draw(value: Value, key: str, files: Files) -> None:
    content = files(value["artifact"])
    if content is None:
        st.caption(f"The step saved no file {words.plain(value['artifact'])}.")
    elif len(content) > LARGEST:
        st.caption(f"This picture is {words.size(len(content))}; pictures up to {words.size(LARGEST)} are shown.")
    else:
        with st.container(key=key):
            st.image(
                content.decode("utf-8", "replace") if value.get("media_type") == MEDIA_TYPES[-1] else content,
                caption=words.plain(value["label"]) if value.get("label") else None,
                width="content",
            )
