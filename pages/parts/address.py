"""What the URL says, and where this server is."""

from urllib.parse import urlsplit

import streamlit as st

from store.ids import read_id


def number_in(name: str) -> int | None:
    """The id in the URL under this name; None when there is none or it cannot be one."""
    return read_id(str(st.query_params.get(name, "")))


def server() -> str:
    """Return the server's address as the reader's browser knows it, for commands to copy."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://127.0.0.1:8501"
