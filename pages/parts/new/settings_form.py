"""The settings of a pipeline on the page New: one widget a param, step by step."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from jobs.pipelines import Param, Pipeline, StepDefinition
from jobs.pipelines.params import Params
from pages.parts import address, forms, words
from pages.parts.forms import FormContext

Settings = dict[str, Any]
Offered = Callable[[Param], Param]
# Under which name the URL has them.
IN_ADDRESS = "settings"


def current(pipeline: Pipeline) -> Settings:
    """What was set so far, and differs from the defaults; the URL has it, too."""
    if address.moved(IN_ADDRESS):
        _begin_with(pipeline, address.values_in(IN_ADDRESS))
        address.put(IN_ADDRESS, st.query_params.get(IN_ADDRESS, ""))
    settings: Settings = st.session_state.setdefault(_key(pipeline, "settings"), {})
    return settings


def draw(
    pipeline: Pipeline,
    fixed: Params,
    elsewhere: Collection[str],
    context: FormContext,
    steps: Sequence[StepDefinition] | None = None,
) -> Settings:
    """Draw the widgets and return what differs from the defaults, or from what is proposed instead of them.

    `fixed` is what was chosen elsewhere on the page, which shows the params in `elsewhere` itself."""
    before = current(pipeline)
    chosen = {**before, **fixed}
    form = st.session_state.get(_key(pipeline, "form"), 0)
    choices = forms.mark(fixed.values())
    changed: Settings = {}
    if own := [context.offered(param) for param in pipeline.own_params if param.name not in elsewhere]:
        values = forms.param_widgets(own, before, f"new-{form}-{pipeline.name}-{choices}-own", context)
        changed |= forms.touched(own, values)
    for step, declared in by_step(steps or pipeline.steps, chosen, elsewhere):
        params = [context.offered(param) for param in declared]
        if len(pipeline.steps) > 1:
            st.markdown(f"**{words.plain(step.title)}**")
        values = forms.param_widgets(params, before, f"new-{form}-{pipeline.name}-{choices}-{step.key}", context)
        changed |= forms.touched(params, values)
    known = shown(pipeline, chosen, elsewhere)
    rest = {name: value for name, value in before.items() if name not in known}
    st.session_state[_key(pipeline, "settings")] = rest | changed
    address.put(IN_ADDRESS, address.as_text(rest | changed))
    if set(shown(pipeline, {**chosen, **changed}, elsewhere)) != set(known):
        st.rerun()  # a setting brought others with it, or took them away
    return changed


def add(pipeline: Pipeline, settings: Settings) -> None:
    """Have new widgets, which hold these settings beside those that were set; for a callback."""
    both = current(pipeline) | settings
    _begin_with(pipeline, both)
    address.put(IN_ADDRESS, address.as_text(both))


def summary(pipeline: Pipeline, changed: Settings, fixed: Params, context: FormContext) -> None:
    """What was changed, in a line, and the way back."""
    known = pipeline.params({**changed, **fixed})
    if not changed:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        changes = [forms.changed_words(known[name], value, context.choice) for name, value in changed.items()]
        st.caption("Changed: " + ", ".join(changes), width="content")
        st.button(
            "Reset",
            icon=":material/undo:",
            help="Undo these changes",
            type="tertiary",
            key="new-defaults",
            on_click=_back_to_defaults,
            args=(pipeline,),
        )


def by_step(
    steps: Sequence[StepDefinition], chosen: Params, elsewhere: Collection[str]
) -> list[tuple[StepDefinition, list[Param]]]:
    """The params of each step; one that several steps share is drawn once."""
    seen = set(elsewhere)
    grouped = []
    for step in steps:
        params = [param for param in step.params_for(chosen) if param.name not in seen]
        seen |= {param.name for param in params}
        if params:
            grouped.append((step, params))
    return grouped


def shown(pipeline: Pipeline, chosen: Params, elsewhere: Collection[str]) -> dict[str, Param]:
    """The params that the form shows."""
    return {name: param for name, param in pipeline.params(chosen).items() if name not in elsewhere}


def _back_to_defaults(pipeline: Pipeline) -> None:
    _begin_with(pipeline, {})


def _begin_with(pipeline: Pipeline, settings: Settings) -> None:
    """Have new widgets, which hold these settings."""
    st.session_state[_key(pipeline, "settings")] = settings
    st.session_state[_key(pipeline, "form")] = st.session_state.get(_key(pipeline, "form"), 0) + 1


def _key(pipeline: Pipeline, what: str) -> str:
    return f"new-{pipeline.name}-{what}"
