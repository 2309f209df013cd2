"""What the URL says, and where this server is."""

from urllib.parse import urlsplit

import streamlit as st

LONGEST_ID = 18


def number_in(name: str) -> int | None:
    """The id in the URL under this name; None when there is none or it cannot be one."""
    text = str(st.query_params.get(name, "")).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID):
        return None
    return int(text)


def server() -> str:
    """Return the server's address as the reader's browser knows it, for commands to copy."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://127.0.0.1:8501"
