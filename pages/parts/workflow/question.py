"""What a flow asks a person: at the top of the page, where it is noticed, and with its answer in its cell."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from jobs.language import sentence
from jobs.verbs import answer_links, answering, questions
from jobs.verbs.questions import Question
from pages.parts import address, commands, forms, visitor, words
from pages.parts.press import PageState
from store.steps import Step
from store.tables import Status, StepRole

YES_OR_NO = {"Yes": True, "No": False}
# More questions than these are in their cells alone.
MOST_ABOVE = 3


def draw_open(steps: Sequence[Step], state: PageState) -> None:
    """The open questions of a flow, for the top of its page."""
    waiting = [step for step in steps if _is_open(step)]
    for step in waiting[:MOST_ABOVE]:
        with st.container(border=True, gap="small", key=f"open-question-{step.id}"):
            _question(step, f":violet[{words.ICONS[Status.waiting]}] ")
            _form(questions.question_of(step), step, state)
    if len(waiting) > MOST_ABOVE:
        more = words.count(len(waiting) - MOST_ABOVE, "more question")
        st.caption(f":material/contact_support: {more} below, in the cells.")


def first_open(steps: Sequence[Step]) -> str:
    """The text of the first open question; empty where there is none."""
    return next((questions.question_of(step).text for step in steps if _is_open(step)), "")


def draw(step: Step, steps: Sequence[Step], state: PageState) -> None:
    """The question of this step, in its cell."""
    _question(step)
    asked = questions.question_of(step)
    if step in [each for each in steps if _is_open(each)][:MOST_ABOVE]:
        st.caption(":material/arrow_upward: Answer it at the top of the page.")
    elif asked.is_open:
        _form(asked, step, state)
    elif step.status is Status.completed:
        _answered(asked)


def _is_open(step: Step) -> bool:
    return step.role == StepRole.question and step.status is Status.waiting


def _question(step: Step, icon: str = "") -> None:
    lines = words.plain_lines(questions.question_of(step).text).split("  \n")
    st.markdown(icon + "  \n".join(f"**{line}**" for line in lines if line.strip()))


def _form(asked: Question, step: Step, state: PageState) -> None:
    if asked.until:
        st.caption(f":material/timer: An answer counts until {visitor.exactly(asked.until)}.")
    if asked.refused:
        st.warning(words.plain(sentence(asked.refused)), icon=":material/undo:")
    if not visitor.may_change():
        st.caption("An analyst can answer it.")
        return
    with st.container(gap="small", key=f"question-{step.id}"):
        answers: dict[str, Any] = YES_OR_NO
        missing: list[str] = []
        if not (asked.single and asked.fields[0].kind == "bool"):
            given = forms.param_widgets(asked.fields, {}, f"answer-{step.id}-{step.attempt}")
            answers = {"Answer": given[asked.fields[0].name] if asked.single else given}
            missing = [param.label for param in asked.fields if param.required and given[param.name] in (None, "")]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for label, said in answers.items():
                _send(label, said, asked, step, state, missing)
            _link(asked, step)
            commands.popover([commands.answer(asked.workflow_id, asked.step)], key=f"command-answer-{step.id}")


def _send(label: str, value: Any, asked: Question, step: Step, state: PageState, missing: Sequence[str]) -> None:
    st.button(
        label,
        type="primary" if label != "No" else "secondary",
        key=f"answer-{step.id}-{label.lower()}",
        on_click=state.press,
        args=(answering.answer, asked.workflow_id, value, asked.step),
        **visitor.changes("The flow goes on with it.", not missing),
    )


def _link(asked: Question, step: Step) -> None:
    """The address for somebody without an account; it is signed only when somebody looks."""
    popover = st.popover("Link", icon=":material/link:", type="tertiary", key=f"link-{step.id}", on_change="rerun")
    if popover.open:
        with popover:
            st.caption("Anybody who has this link can answer this question, once, without an account.")
            st.code(f"{address.server()}{answer_links.path_of(asked)}", language=None, wrap_lines=True)


def _answered(asked: Question) -> None:
    if asked.answered_via is None and asked.answered_by is None:
        how = "the default, as nobody answered in time"
    else:
        how = f"answered{_by(asked)}"
    st.caption(f":material/check: {words.plain(_shown(asked))}, {how}{_when(asked)}")


def _by(asked: Question) -> str:
    if asked.answered_via == questions.BY_LINK:
        return " by link"
    return f" by {words.plain(asked.answered_by)}" if asked.answered_by and visitor.has_signed_in() else ""


def _when(asked: Question) -> str:
    return f" {words.ago(asked.answered_at)}" if asked.answered_at else ""


def _shown(asked: Question) -> str:
    if isinstance(asked.answer, bool):
        return "Yes" if asked.answer else "No"
    if isinstance(asked.answer, dict):
        return ", ".join(f"{name} {words.value(value)}" for name, value in asked.answer.items())
    return words.value(asked.answer)
