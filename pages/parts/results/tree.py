"""Any JSON value, as a tree: {"value": ...}."""

import streamlit as st

from pages.parts.values import Files, Value


def draw(value: Value, key: str, _files: Files) -> None:
    with st.container(key=key):
        if isinstance(value["value"], dict | list):
            st.json(value["value"], expanded=1)
        else:
            st.code(str(value["value"]), language=None, wrap_lines=True)
