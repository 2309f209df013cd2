"""The gallery of the page New: every pipeline that is known, with its last run."""

from collections.abc import Sequence

import streamlit as st

from jobs.language import sentence
from jobs.pipelines import Pipeline, describer, registry
from pages.parts import links, words
from store import workflows
from store.workflows import Filter

CARDS = 12
LONGEST_ABOUT = 90
MIN_WIDTH = 176


def pipelines() -> list[Pipeline]:
    """Every pipeline that can be started, those that come with Trainyard first."""
    return [each for each in registry.everything() if each.offered]


def draw(offered: Sequence[Pipeline], shown: str) -> None:
    """One card a pipeline; `shown` is the one whose page stands below."""
    with st.grid(4, min_column_width=MIN_WIDTH, gap="small", key="new-gallery"):
        for pipeline in offered[:CARDS]:
            _card(pipeline, pipeline.name == shown)
    if rest := {pipeline.name: pipeline.shown for pipeline in offered[CARDS:]}:
        st.selectbox(
            "Another pipeline",
            list(rest),
            index=None,
            key="new-pipeline",
            format_func=lambda name: rest.get(name, ""),
            placeholder=f"{len(rest)} more pipelines",
            label_visibility="collapsed",
            width=2 * MIN_WIDTH,
            on_change=lambda: _choose(st.session_state["new-pipeline"]),
        )


def faults() -> None:
    """Say what keeps pipelines from being here: a module that cannot be loaded."""
    for fault in describer.faults():
        st.warning(words.plain(sentence(fault)), icon=":material/extension_off:")


def _card(pipeline: Pipeline, shown: bool) -> None:
    with st.container(border=True, height="stretch", gap="xsmall", key=f"new-card-{pipeline.name}"):
        st.button(
            words.plain(pipeline.shown),
            key=f"new-open-{pipeline.name}",
            type="tertiary",
            icon=":material/radio_button_checked:" if shown else ":material/radio_button_unchecked:",
            help="Shown below" if shown else "Open its form",
            on_click=_choose,
            args=(pipeline.name,),
        )
        for line in filter(None, (about(pipeline), _params(pipeline))):
            st.caption(words.plain(line))
        last_run(pipeline, brief=True)


def last_run(pipeline: Pipeline, brief: bool = False, most: int = 1) -> None:
    """The latest workflows of a pipeline, with how they ended."""
    latest = workflows.find(Filter(pipelines=(pipeline.name,)), limit=most)
    if not latest:
        st.caption(":material/history: Not run yet")
    for workflow in latest:
        # A link does not wrap but is cut, so it is short; the rest stands beside it, or below where there is no room.
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            links.workflow(workflow.id, f"#{workflow.id}", icon=words.ICONS[workflow.status])
            ago = words.ago(workflow.created_at)
            full = f"{words.status(workflow.status)} {ago} · {workflow.name}"
            st.caption(words.plain(ago if brief else full), width="content")


def about(pipeline: Pipeline) -> str:
    """What a pipeline does, in a line, or else its steps."""
    return _short(pipeline.description) or _steps(pipeline)


def _steps(pipeline: Pipeline) -> str:
    """Its steps, for a pipeline without a description."""
    return _short(", ".join(step.title for step in pipeline.steps))


def _params(pipeline: Pipeline) -> str:
    """What a pipeline takes that is a function; how many steps it has, depends on that."""
    labels = [words.inside(param.label) for param in pipeline.own_params]
    return _short(f"Takes {words.listed(labels)}") if labels else ""


def _short(text: str) -> str:
    first = text.strip().split("\n\n")[0].replace("\n", " ")
    return first if len(first) <= LONGEST_ABOUT else f"{first[: LONGEST_ABOUT - 1].rstrip()}…"


def _choose(name: str | None) -> None:
    if name:
        st.query_params.from_dict({"pipeline": name})
