"""A field for a number, typed with a comma or with a point. Streamlit's own field drops a comma without a word, so that
400,5 becomes 4005."""

from dataclasses import dataclass

import streamlit as st

from jobs.language import numbers
from pages.parts import words


@dataclass(frozen=True, slots=True)
class Typed:
    """What a field holds: a number or nothing, what it was read as where that is worth a word, and what is wrong."""

    value: float | None = None
    read_as: str = ""
    problem: str = ""


def draw(label: str, key: str, help_: str | None = None, low: float | None = None, width: int | None = None) -> Typed:
    """The field; what it holds is said below it by the caller, who knows where there is room."""
    text = st.text_input(label, key=key, help=help_, width=width or "stretch")
    return read(text or "", low)


def read(text: str, low: float | None = None) -> Typed:
    """The number that a text is, in any way of writing it; nothing of an empty one."""
    if not text.strip():
        return Typed()
    try:
        value = numbers.read(text)
    except ValueError:
        example = f"{numbers.exact(1400.5)} or {numbers.exact(-3)}"
        return Typed(problem=f"{words.plain(text.strip())} is no number. Write one such as {example}.")
    if low is not None and value < low:
        return Typed(problem=f"Write {numbers.exact(low)} or more.")
    marked = any(mark in text for mark in ",.’'")
    return Typed(value, f"Read as {words.plain(numbers.exact(value))}" if marked else "")


def say(typed: Typed) -> None:
    """A line below the field, where there is something to say."""
    if typed.problem:
        st.caption(f":red[{typed.problem}]")
    elif typed.read_as:
        st.caption(typed.read_as)
