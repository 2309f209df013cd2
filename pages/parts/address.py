"""What the URL says, and where this server is."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from store.ids import read_id

LONGEST = 1_500


def number_in(name: str) -> int | None:
    """The id in the URL under this name; None when there is none or it cannot be one."""
    return read_id(str(st.query_params.get(name, "")))


def values_in(name: str) -> dict[str, Any]:
    """The values in the URL under this name, by their own names; none where they cannot be read."""
    try:
        values = json.loads(st.query_params.get(name, "") or "{}")
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def as_text(values: Mapping[str, Any]) -> str:
    """Some values as they stand in the URL; nothing where they would make it too long."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else ""
    return text if len(text) <= LONGEST else ""


def moved(name: str) -> bool:
    """Whether what the URL says under this name was not put there by `put`: on arrival, and after Back."""
    return bool(st.session_state.get(f"address-{name}", "") != st.query_params.get(name, ""))


def put(name: str, text: str) -> None:
    """Have the URL say something under this name, so that a reload finds it again."""
    st.session_state[f"address-{name}"] = text
    if text and st.query_params.get(name) != text:
        st.query_params[name] = text
    elif not text:
        st.query_params.pop(name, None)


def server() -> str:
    """Return the server's address as the reader's browser knows it, for commands to copy."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://127.0.0.1:8501"
