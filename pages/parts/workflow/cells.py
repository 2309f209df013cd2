"""The cells of the notebook: one step each, with its status, output, settings and log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from jobs.engine import attempts
from jobs.language import spoken
from jobs.pipelines import Param
from jobs.tabular.column import columns_of
from jobs.verbs import workflows as verbs
from pages.parts import commands, forms, links, visitor, words
from pages.parts.press import Held
from pages.parts.workflow import notebook, outputs
from pages.parts.workflow.notebook import Notebook
from store import datasets, logs
from store.errors import Refused
from store.steps import Step
from store.tables import Status, now

SETTINGS, LOG = ":material/tune: Settings", ":material/notes: Log"
RUN = "workflow-run"
LOG_LINES = 200
LOG_HEIGHT = 260
QUIET_SECONDS = 15
WHAT_TO_DO = {
    "refused": "Change a setting below, or the data, and run from here.",
    "out_of_memory": "Use fewer columns or a smaller file, or a machine with more memory; then retry.",
    "timeout": "Use fewer epochs or less data, then run from here.",
    "disk_full": "Free some space on the server, then retry.",
    "code_gone": "When the code is back, retry; what is above is kept.",
    "killed": "Use fewer columns or rows, or a machine with more memory; then retry.",
    "worker_lost": "Nothing above is lost. Retry; if it happens again, the machine may be short of memory.",
}
DEFAULT_TO_DO = "Retry may help. If it fails again, give the log to whoever looks after this server."


@dataclass
class Edits:
    """What was changed in the cells and not yet run, and where to say so."""

    params: dict[str, Any] = field(default_factory=dict)
    first: str = ""
    slot: DeltaGenerator | None = None

    def note(self, step: str, changed: Mapping[str, Any], slot: DeltaGenerator) -> None:
        if not self.first:
            self.first, self.slot = step, slot
        self.params |= changed

    def changed(self, step: Step) -> bool:
        """Whether this step uses a changed setting, wherever that was changed."""
        return step.name == self.first or bool(set(self.params) & set(step.params))


def draw(book: Notebook, hold: Held) -> None:
    """Every cell, from top to bottom."""
    edits = Edits()
    heads: list[DeltaGenerator] = []
    for step in book.steps:
        with st.container(border=True, key=f"cell-{step.name}", gap="small"):
            heads.append(_cell(book, step, edits, hold))
    stale = _stale(book, edits)
    for number, (step, head) in enumerate(zip(book.steps, heads, strict=True), 1):
        with head:  # filled last, because a cell below can change a setting that this one uses too
            _head(book, step, number, stale.get(step.name, ""))
    if edits.slot is not None:
        with edits.slot:
            _run_from_here(book, edits, hold)


def _stale(book: Notebook, edits: Edits) -> dict[str, str]:
    """Which cells would not come out as they are, and why."""
    found: dict[str, str] = {}
    for step in book.steps:
        needs = book.definitions[step.name].needs if step.name in book.definitions else ()
        if edits.changed(step):
            found[step.name] = "Changed, not run"
        elif set(needs) & set(found):
            found[step.name] = "Out of date: changed above"
    return found


def badge(status: Status, label: str | None = None) -> None:
    """A status: a word, an icon and a colour."""
    st.badge(label or words.status(status), icon=words.ICONS[status], color=words.COLOURS[status])  # type: ignore[arg-type]


def _cell(book: Notebook, step: Step, edits: Edits, hold: Held) -> DeltaGenerator:
    """One cell, but for its head; returns the place for that."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        head = st.container(horizontal=True, vertical_alignment="center", gap="small", width="stretch")
        shown = _view_choice(book, step)
    _state(book, step, hold)
    outputs.summary(step)
    changed = _settings(book, step, shown == SETTINGS)
    if shown == LOG:
        _log(step)
    elif shown in (views := outputs.views(step)):
        views[shown](step, step.result or {})
    if changed:
        edits.note(step.name, changed, st.container(gap="small"))
    outputs.details(book, step)
    return head


def _view_choice(book: Notebook, step: Step) -> str | None:
    """The small buttons of a cell; of a failed step the log is open by itself."""
    failed = step.status is Status.failed
    offered = list(outputs.views(step))
    if _params(book, step):
        offered.append(SETTINGS)
    if step.started_at is not None or failed:
        offered.append(LOG)
    if not offered:
        return None
    return st.pills(
        f"Show of {notebook.title(step.name)}",
        offered,
        default=LOG if failed else None,
        key=f"show-{step.id}-{step.attempt}{'-failed' if failed else ''}",
        label_visibility="collapsed",
    )


def _head(book: Notebook, step: Step, number: int, stale: str) -> None:
    st.markdown(f"##### :gray[{number}]  {words.plain(notebook.title(step.name))}", width="content", anchors=False)
    badge(step.status)
    if stale:
        st.badge(stale, icon=":material/edit:", color="orange")
    said = [words.duration(step.seconds)] if step.seconds is not None and step.reused_from is None else []
    if attempt := notebook.told_attempt(book, step):
        said.append(words.plain(attempt))
    if said:
        st.caption(" · ".join(said), width="content")
    if step.reused_from is not None:
        origin = book.origins.get(step.id)
        if origin is None:
            st.caption("reused from a workflow that was deleted", width="content")
        elif origin != step.workflow_id:
            links.workflow(origin, f"reused from #{origin}", icon=":material/recycling:")


def _times(step: Step) -> str:
    ended = f", ended {words.exactly(step.ended_at)}" if step.ended_at else ""
    worker = f", by {words.plain(step.worker)}" if step.worker else ""
    return f"Started {words.exactly(step.started_at)}{ended}{worker}"


def _state(book: Notebook, step: Step, hold: Held) -> None:
    """What is going on, as long as there is no result to show for it."""
    if step.status is Status.pending:
        st.caption(f":material/hourglass_empty: {words.sentence(words.plain(book.waits.get(step.id, 'waiting')))}")
    elif step.status is Status.running:
        st.progress(step.progress or 0.0, text=progress_words(book, step))
    elif step.status is Status.failed:
        _failure(step, hold)
    elif step.status is Status.skipped:
        st.caption(f"Not run, because {_blame(book)} did not complete.")
    elif step.status is Status.cancelled:
        busy = notebook.busy_with(step)
        after = f" at {words.plain(busy)}" if busy and step.started_at else ""
        st.caption(f"Cancelled{after}." if step.started_at else "Cancelled before it began.")


def progress_words(book: Notebook, step: Step) -> str:
    said = [words.sentence(words.plain(notebook.busy_with(step) or "working"))]
    quiet = (now() - step.heartbeat_at).total_seconds() if step.heartbeat_at else 0.0
    if quiet > QUIET_SECONDS:
        return f"{said[0]} · not heard of for {words.duration(quiet)}; if its worker is gone, another one takes over"
    left = attempts.seconds_left(step, book.attempts)
    if left is not None:
        said.append(f"about {words.roughly(left)} left" if left >= 1 else "nearly done")
    return " · ".join(said)


def _blame(book: Notebook) -> str:
    failed = book.failed
    return notebook.title(failed.name).lower() if failed else "a step above"


def _failure(step: Step, hold: Held) -> None:
    """Why it failed, what to do, and the button that does it."""
    st.error(words.plain(notebook.error(step)), icon=":material/error:")
    if visitor.may_change():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Retry",
                icon=":material/replay:",
                key=f"retry-{step.id}",
                type="secondary" if step.error_code == "refused" else "primary",
                on_click=hold.press,
                args=(verbs.retry, step.workflow_id),
            )
            st.caption(_what_to_do(step), width="stretch")
    else:
        st.caption("An analyst can retry it, or run it with other settings.")
    if step.traceback:
        with st.expander("Technical details", type="compact", key=f"traceback-{step.id}"):
            st.code(step.traceback, language=None, wrap_lines=True, height=LOG_HEIGHT)


def _what_to_do(step: Step) -> str:
    if step.error_code == "refused" and step.name == "upload":
        return "Correct the file, and start anew with it on the page New."
    return WHAT_TO_DO.get(step.error_code or "", DEFAULT_TO_DO)


def _params(book: Notebook, step: Step) -> Sequence[Param]:
    """What can be set in this cell, given what is chosen so far."""
    definition = book.definitions.get(step.key)
    if definition is None or not visitor.may_change():
        return ()
    return definition.params_for(
        book.workflow.params | step.params | _edited(step) | _picked(step, "algorithm", "target")
    )


def _settings(book: Notebook, step: Step, shown: bool) -> dict[str, Any]:
    """The settings that were changed in this cell and not yet run; they are remembered while the view is closed."""
    if not visitor.may_change():
        return {}
    params = _params(book, step)
    if not shown or not params:
        return _edited(step)
    data = book.workflow.data
    columns = [column.name for column in columns_of(datasets.get(data.dataset_id))] if data else []
    chosen = forms.param_widgets(params, step.params | _edited(step), settings_key(step), columns)
    changed = {
        param.name: chosen[param.name]
        for param in params
        if not _same(chosen[param.name], forms.fitting(param, step.params.get(param.name)))
    }
    st.session_state[f"{settings_key(step)}-edited"] = changed
    if not changed:
        st.caption("Change a setting to run from here as a new workflow; this one stays as it is.")
    return changed


def _same(chosen: Any, before: Any) -> bool:
    """Whether a widget still holds what it was given; it keeps ten digits of a number."""
    if isinstance(chosen, float) and isinstance(before, float):
        return f"{chosen:.10g}" == f"{before:.10g}"
    return bool(chosen == before)


def _edited(step: Step) -> dict[str, Any]:
    return dict(st.session_state.get(f"{settings_key(step)}-edited", {}))


def settings_key(step: Step) -> str:
    """Under which key this cell's widgets live; throwing changes away makes new widgets."""
    return f"set-{step.id}-{st.session_state.get(f'thrown-{step.workflow_id}', 0)}"


def _picked(step: Step, *names: str) -> dict[str, Any]:
    """Choices on which it depends what else can be chosen."""
    keys = {name: f"{settings_key(step)}-{name}" for name in names if name in step.params}
    return {name: st.session_state[key] for name, key in keys.items() if st.session_state.get(key) is not None}


def _log(step: Step) -> None:
    """The last lines, growing while the step runs."""
    lines = logs.tail(step.id, LOG_LINES)
    if not lines:
        st.caption("Nothing was said." if step.status.over else "Nothing was said yet.")
        return
    with st.container(height=min(LOG_HEIGHT, 60 + 24 * len(lines)), border=False, autoscroll=True):
        st.code(
            "\n".join(f"{line.at:%H:%M:%S}  {spoken(line.text, line.message)}" for line in lines),
            language=None,
            wrap_lines=True,
        )
    cut = f"The last {LOG_LINES} lines. " if len(lines) == LOG_LINES else ""
    st.caption(f"{cut}{_times(step)}")


def _run_from_here(book: Notebook, edits: Edits, hold: Held) -> None:
    """What running the changes would do, and the button."""
    workflow_id = book.workflow.id
    if st.session_state.pop(RUN, False):  # done here and not in a callback, so that the last change is in it
        hold.go(verbs.rerun_from, workflow_id, edits.first, edits.params)
        st.rerun()
    problem, plan = "", []
    try:
        draft = verbs.changed(workflow_id, edits.first, edits.params)
        plan = verbs.plan(draft.pipeline, draft.params, draft.inputs)
    except Refused as refused:
        problem = forms.labelled(refused.sentence)
    if problem:
        st.warning(words.plain(problem), icon=":material/edit:")
    else:
        st.info(_plan_words(plan), icon=":material/edit:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Run from here",
            icon=":material/play_arrow:",
            type="secondary" if book.failed else "primary",
            key="run-from-here",
            disabled=bool(problem),
            on_click=st.session_state.update,
            args=({RUN: True},),
        )
        st.button("Discard changes", key="discard", type="tertiary", on_click=_discard, args=(workflow_id,))
        commands.popover([commands.rerun(workflow_id, edits.first, edits.params)], key="command-rerun")


def _plan_words(plan: Sequence[verbs.CellPlan]) -> str:
    return f"Changed, not run. A new workflow: {plan_words(plan)}"


def plan_words(plan: Sequence[verbs.CellPlan]) -> str:
    """Upload and preprocess are reused, train and evaluate run."""
    reused = [notebook.title(cell.step).lower() for cell in plan if cell.reused_from is not None]
    fresh = [notebook.title(cell.step).lower() for cell in plan if cell.reused_from is None]
    said = []
    if reused:
        said.append(f"{words.listed(reused)} {'is' if len(reused) == 1 else 'are'} reused")
    if fresh:
        said.append(f"{words.listed(fresh)} {'runs' if len(fresh) == 1 else 'run'}")
    return f"{', '.join(said)}."


def _discard(workflow_id: int) -> None:
    key = f"thrown-{workflow_id}"
    st.session_state[key] = st.session_state.get(key, 0) + 1
