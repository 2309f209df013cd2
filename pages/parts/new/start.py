"""The last part of the page New, for any pipeline: what stands in the way, what will happen, and the button."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from jobs.engine.queue_view import Queues
from jobs.language import sentence
from jobs.pipelines import registry
from jobs.pipelines.params import Params
from jobs.pipelines.warnings import Remedy
from jobs.verbs import sweeps, workflows
from jobs.verbs.workflows import CellPlan, Draft
from pages.parts import commands, links, notify, presentations, warnings, words
from pages.parts.queue import look
from store.errors import RequestError

# The code of a problem that is only that a param was not given.
MISSING = "param_missing"


@dataclass(frozen=True, slots=True)
class TryAll:
    """What the button Try all starts: what all trials have in common, and what is tried; how many, where known; and
    what to type for it, before its name is known."""

    draft: Draft
    values: sweeps.Values
    typed: Callable[[str], commands.Command]
    count: int | None = None


def bar(
    draft: Draft,
    about: str,
    button: str,
    name: str,
    typed: commands.Command,
    try_all: TryAll | None = None,
    apply: Callable[[Params], None] | None = None,
    refused: Sequence[RequestError] = (),
) -> None:
    """Problems, warnings, notices, the outlook and the buttons that start a workflow, or one for each choice. `apply`
    has the form hold what helps against a warning; with what was `refused` above, nothing is started."""
    problems = _all_problems(draft, refused)
    if not problems:
        _know_before(draft, apply)
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pressed = st.button(
            button, type="primary", icon=":material/play_arrow:", key="new-start", disabled=bool(problems)
        )
        tries = try_all is not None and st.button(
            f"Try all {try_all.count}" if try_all.count else "Try all",
            icon=":material/leaderboard:",
            key="new-try-all",
            disabled=bool(problems),
            help="One workflow for each choice that fits, and a page that ranks them. Settings that you changed apply "
            "to all that have them.",
        )
        if needed := _needed_words(draft, problems):
            st.markdown(needed, width="content")
        if not problems:
            st.markdown(plan_summary(draft, about), width="content")
            if any(queue.paused for queue in look.lately().queues):
                st.page_link("queues.py", label="Queues", icon=":material/stacks:", width="content")
        notify.button()
    with st.expander(
        "The same from a terminal or a program", icon=":material/terminal:", type="compact", key="new-commands"
    ):
        commands.draw([typed, *([try_all.typed(name)] if try_all is not None else [])])
    if pressed:
        start(draft, name)
    elif tries and try_all is not None:
        start_all(try_all, name)
    # Only a visit without a click ends a request: the second half of a double click finds the first's workflow.
    elif st.session_state.pop("new-started", False) or "new-request" not in st.session_state:
        st.session_state["new-request"] = uuid.uuid4().hex


def _problems(draft: Draft) -> list[RequestError]:
    """Show what keeps the workflow from being started, and return it. What was only not given yet is no error; it
    stands beside the button."""
    missing = _missing_inputs(draft)
    problems = workflows.problems(draft.pipeline, draft.params, draft.inputs)
    for problem in problems:
        if problem.message.code == MISSING:
            continue
        if problem.field in missing:
            st.info(f"Choose a dataset for **{words.plain(missing[problem.field])}**.", icon=":material/table_chart:")
        else:
            st.error(words.plain(presentations.refusal(problem.message)), icon=":material/error:")
    return problems


def _needed_words(draft: Draft, problems: Sequence[RequestError]) -> str:
    """What must still be given, such as: Give city and days to start."""
    names = [problem.field or "" for problem in problems if problem.message.code == MISSING]
    if not names:
        return ""
    known = registry.get(draft.pipeline).params(draft.params)
    labels = [words.plain(words.inside(known[name].label if name in known else name)) for name in names]
    return f":gray[To start, fill in {words.listed(labels)}.]"


def _know_before(draft: Draft, apply: Callable[[Params], None] | None) -> None:
    """What to know before the start: warnings with what helps, then what else the pipeline says."""
    foreseen = workflows.foreseen(draft.pipeline, draft.params, draft.inputs)
    told = [sentence(warning.notice.message) for warning in foreseen]
    others = [notice for notice in workflows.notices(draft.pipeline, draft.params, draft.inputs) if notice not in told]
    if foreseen:
        with st.container(border=True, key="new-warnings", gap="small"):
            st.markdown("**Before you start**")
            warnings.draw(foreseen, "new-warning", partial(_helps, apply))
    for notice in others:
        st.info(words.plain(notice), icon=":material/info:")


def _helps(apply: Callable[[Params], None] | None, remedy: Remedy, key: str) -> None:
    """The button that has the form hold what helps."""
    if apply is not None:
        st.button(words.plain(sentence(remedy.words)), key=key, on_click=apply, args=(remedy.params,))


def _missing_inputs(draft: Draft) -> dict[str, str]:
    """The labels of the inputs that still need a dataset, by the field that a problem names."""
    names = workflows.missing_inputs(draft.pipeline, draft.inputs)
    return {f"inputs.{each.name}": each.label for each in registry.get(draft.pipeline).inputs if each.name in names}


def _all_problems(draft: Draft, refused: Sequence[RequestError]) -> Sequence[RequestError]:
    """The problems, or what was refused before them; a mistake in the code of its pipeline is one, too."""
    try:
        if not refused:
            return _problems(draft)
    except RequestError as mistake:
        refused = [mistake]
    for problem in refused:
        st.error(words.plain(presentations.refusal(problem.message)), icon=":material/error:")
    return refused


def start(draft: Draft, name: str) -> None:
    """Start it, and go to its page."""
    request = st.session_state.setdefault("new-request", uuid.uuid4().hex)
    try:
        workflow = workflows.start(draft.pipeline, draft.params, draft.inputs, name, request=request)
    except RequestError as refused:
        st.error(words.plain(sentence(refused.message)), icon=":material/error:")
        return
    st.session_state["new-started"] = True
    links.go_to_workflow(workflow.id)


def start_all(try_all: TryAll, name: str) -> None:
    """Start a sweep, and go to its page."""
    request = st.session_state.setdefault("new-request", uuid.uuid4().hex)
    draft = try_all.draft
    try:
        sweep = sweeps.start(draft.pipeline, draft.params, draft.inputs, try_all.values, name, request)
    except RequestError as refused:
        st.error(words.plain(presentations.refusal(refused.message)), icon=":material/error:")
        return
    st.session_state["new-started"] = True
    links.go_to_sweep(sweep.id)


def plan_summary(draft: Draft, about: str) -> str:
    """What will happen: what runs, what is reused, which worker does it."""
    plan, now = workflows.plan(draft.pipeline, draft.params, draft.inputs), look.lately()
    running = [cell for cell in plan if cell.reused_from is None]
    reused = [cell for cell in plan if cell.reused_from is not None]
    if not running:
        reuse = f"this ran before as \\#{plan[-1].reused_from}: its results are reused"
        return f"{about} · {reuse} at once" if _works(now) else f"{about} · :gray[{reuse} · {workers_words(now)}]"
    is_flow = len(plan) == 1 and plan[0].key == draft.pipeline
    text = "its steps are known when it runs" if is_flow else words.count(len(running), "step")
    if reused:
        names = words.listed(_titles(draft.pipeline, reused))
        text += f" to run; {names} {'is' if len(reused) == 1 else 'are'} reused from \\#{reused[-1].reused_from}"
    return f"{about} · :gray[{text} · {workers_words(now)}]"


def _titles(pipeline: str, cells: Sequence[CellPlan]) -> list[str]:
    written = presentations.of(pipeline).pipeline
    known = {step.key: words.inside(step.title) for step in written.steps} if written else {}
    return [words.plain(known.get(cell.key, cell.step)) for cell in cells]


def _works(now: Queues) -> bool:
    """Whether steps start: the queue can be reached and is not paused, and there are workers."""
    return now.reachable and not any(queue.paused for queue in now.queues) and bool(now.workers)


def workers_words(now: Queues) -> str:
    """Which worker will do it, and when."""
    if not now.reachable:
        return ":orange[the queue cannot be reached: the workflow is saved, and starts when the queue is back]"
    if any(queue.paused for queue in now.queues):
        return ":orange[the queue is paused: nothing starts until you resume it]"
    if not now.workers:
        return ":orange[no worker is running yet; the workflow waits for one]"
    free = sum(worker.state != "busy" for worker in now.workers)
    if free:
        return f"{words.count(free, 'worker')} free"
    return f"all {len(now.workers)} workers are busy; it waits its turn"
