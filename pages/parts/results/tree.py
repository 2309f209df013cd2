"""Any JSON value, as a tree: {"value": ...}."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def fits(value: Mapping[str, Any]) -> bool:
    return "value" in value


def draw(value: Mapping[str, Any], key: str, _files: Callable[[str], bytes | None]) -> None:
    with st.container(key=key):
        if isinstance(value["value"], dict | list):
            st.json(value["value"], expanded=1)
        else:
            st.code(str(value["value"]), language=None, wrap_lines=True)
