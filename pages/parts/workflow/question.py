"""What a flow asks a person, in its cell: the question with a form, and afterwards the answer."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from jobs.language import sentence
from jobs.verbs import questions
from jobs.verbs.questions import Question
from pages.parts import commands, forms, visitor, words
from pages.parts.press import PageState
from store.steps import Step
from store.tables import Status

YES_OR_NO = {"Yes": True, "No": False}


def draw(step: Step, state: PageState) -> None:
    """The question of this step."""
    asked = questions.question_of(step)
    st.markdown(f"**{words.plain(asked.text)}**")
    if asked.is_open:
        _open(asked, step, state)
    elif step.status is Status.completed:
        _answered(asked, step)


def _open(asked: Question, step: Step, state: PageState) -> None:
    if asked.until:
        st.caption(f":material/timer: An answer counts until {visitor.exactly(asked.until)}.")
    if asked.refused:
        st.warning(words.plain(sentence(asked.refused)), icon=":material/undo:")
    if not visitor.may_change():
        st.caption("An analyst can answer it.")
        return
    with st.container(gap="small", key=f"question-{step.id}"):
        if asked.single and asked.fields[0].kind == "bool":
            with st.container(horizontal=True, gap="small"):
                for label, said in YES_OR_NO.items():
                    _send(label, said, asked, step, state)
            return
        given = forms.param_widgets(asked.fields, {}, f"answer-{step.id}-{step.attempt}")
        value: Any = given[asked.fields[0].name] if asked.single else given
        missing = [param.label for param in asked.fields if param.required and given[param.name] in (None, "")]
        _send("Answer", value, asked, step, state, missing)
    commands.popover([commands.answer(asked.workflow_id, asked.step)], key=f"command-answer-{step.id}")


def _send(label: str, value: Any, asked: Question, step: Step, state: PageState, missing: Sequence[str] = ()) -> None:
    st.button(
        label,
        type="primary" if label != "No" else "secondary",
        key=f"answer-{step.id}-{label.lower()}",
        on_click=state.press,
        args=(questions.answer, asked.workflow_id, value, asked.step),
        **visitor.changes("The flow goes on with it.", not missing),
    )


def _answered(asked: Question, step: Step) -> None:
    by = f" by {words.plain(asked.answered_by)}" if asked.answered_by and visitor.has_signed_in() else ""
    ago = f" {words.ago(step.ended_at)}" if step.ended_at else ""
    st.caption(f":material/check: {words.plain(_shown(asked))}, answered{by}{ago}")


def _shown(asked: Question) -> str:
    if isinstance(asked.answer, bool):
        return "Yes" if asked.answer else "No"
    if isinstance(asked.answer, dict):
        return ", ".join(f"{name} {words.value(value)}" for name, value in asked.answer.items())
    return words.value(asked.answer)
