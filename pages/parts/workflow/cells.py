"""The cells of the notebook: one step each, with its status, output, settings and log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from jobs.engine import remaining
from jobs.language import text_of
from jobs.pipelines import Param, StepDefinition
from jobs.pipelines.params import Params
from jobs.verbs import workflows as verbs
from pages.parts import commands, forms, links, presentations, results, settings, visitor, words
from pages.parts import outputs as typed
from pages.parts.press import PageState
from pages.parts.workflow import arguments, failed, folds, notebook, outputs, question, retrying
from pages.parts.workflow.notebook import Notebook
from store import datasets, logs
from store.errors import RequestError
from store.steps import Step
from store.tables import Status, StepRole, now

SETTINGS, LOG = ":material/tune: Settings", ":material/notes: Log"
RUN = "workflow-run"
LOG_LINES = 200
LOG_CHARACTERS = 100_000
LOG_HEIGHT = 260
QUIET_SECONDS = 15
PER_PAGE = 10
Listed = TypeVar("Listed")


@dataclass
class Edits:
    """What was changed in the cells and not yet run, and where to say so."""

    # Both are looked up once for all cells: in the state of a visit, a look takes as long as drawing a line.
    kept: dict[str, Params]
    discarded: int
    params: dict[str, Any] = field(default_factory=dict)
    first: str = ""
    slot: DeltaGenerator | None = None

    def note(self, step: str, changed: Params, slot: DeltaGenerator) -> None:
        if not self.first:
            self.first, self.slot = step, slot
        self.params |= changed

    def changed(self, step: Step) -> bool:
        """Whether this step uses a changed setting, wherever that was changed."""
        return step.key == self.first or bool(set(self.params) & set(step.params))

    def key(self, step: Step) -> str:
        """Under which key this cell's widgets live; discarding changes makes new widgets."""
        return f"set-{step.id}-{self.discarded}"

    def of(self, step: Step) -> dict[str, Any]:
        """What was changed in this cell; it is remembered while its settings are not shown."""
        return dict(self.kept.get(self.key(step), {}))

    def keep(self, step: Step, changed: Params) -> None:
        self.kept[self.key(step)] = changed


def draw(book: Notebook, state: PageState, only: Step | None = None) -> None:
    """Every cell from top to bottom, or only that of one step; of many, those of the folds that are open."""
    if only is not None:
        _draw(book, state, [only])
    elif len(book.steps) <= folds.MOST_CELLS:
        _draw(book, state, book.steps)
    else:
        listed = folds.of(book.steps)
        for fold in _page_of(listed, f"folds-{book.workflow.id}", folds.MOST_CELLS):
            _fold(book, state, fold)


def _fold(book: Notebook, state: PageState, fold: folds.Fold) -> None:
    """Steps that are alike, folded; only what is open is read and drawn. One that has no like is a cell."""
    if len(fold.steps) == 1:
        _draw(book, state, fold.steps)
        return
    key = f"fold-{book.workflow.id}-{forms.mark([fold.key])}"
    with st.container(border=True, gap="small", key=f"{key}-all"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{words.plain(fold.title)}**", width="content")
            badge(fold.status, fold.state)
        # A label that changed would make another expander, which is closed.
        with (opened := st.expander("Steps", type="compact", key=key, on_change="rerun")):
            if opened.open:
                _draw(book, state, _page_of(fold.steps, f"{key}-steps", PER_PAGE))


def _page_of(listed: Sequence[Listed], key: str, most: int) -> Sequence[Listed]:
    """The part of a long list that is looked at; its pages stand above it."""
    pages = -(-len(listed) // most)
    place = st.pagination(pages, key=f"{key}-page") if pages > 1 else 1
    return listed[(place - 1) * most : place * most]


def _draw(book: Notebook, state: PageState, shown: Sequence[Step]) -> None:
    notebook.read_more(book, shown)
    edits = _edits(book.workflow.id)
    heads: list[DeltaGenerator] = []
    left = outputs.left_by(shown)
    for step in shown:
        with st.container(border=True, key=f"cell-{step.key}", gap="small"):
            heads.append(_cell(book, step, edits, state))
            typed.draw(left.get(step.id, []), f"outputs-{step.id}")
    stale = _stale(book, edits)
    for step, head in zip(shown, heads, strict=True):
        with head:  # filled last, because a cell below can change a setting that this one uses too
            _head(book, step, step.position + 1, stale.get(step.id, ""))
    if edits.slot is not None:
        with edits.slot:
            _run_from_here(book, edits, state)


def _stale(book: Notebook, edits: Edits) -> dict[int, str]:
    """Which cells would not come out as they are, and why."""
    stale: dict[int, str] = {}
    for step in book.steps if edits.first else ():
        if edits.changed(step):
            stale[step.id] = "Changed, not run"
        elif any(above.id in stale for above in book.needs(step)):
            stale[step.id] = "Out of date: changed above"
    return stale


def badge(status: Status, label: str | None = None) -> None:
    """A status: a word, an icon and a colour."""
    st.badge(label or words.status(status), icon=words.ICONS[status], color=words.COLOURS[status])  # type: ignore[arg-type]


def _cell(book: Notebook, step: Step, edits: Edits, state: PageState) -> DeltaGenerator:
    """One cell, but for its head; returns the place for that."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        head = st.container(horizontal=True, vertical_alignment="center", gap="small", width="stretch")
        shown = _view_choice(book, step)
    _state(book, step, state)
    outputs.summary(book, step)
    changed = _settings(book, step, shown == SETTINGS, edits)
    if shown == SETTINGS:
        retrying.run_from_here(book, step, state)
    if shown == LOG:
        _log(step)
    elif shown in (views := outputs.views(book, step)):
        views[shown](f"view-{step.id}")
    if changed:
        edits.note(step.key, changed, st.container(gap="small"))
    outputs.details(book, step)
    return head


def _view_choice(book: Notebook, step: Step) -> str | None:
    """The small buttons of a cell; of a failed step the log is open by itself."""
    is_failed = step.status is Status.failed and not step.handled and not failed.blames_another(book, step)
    offered = list(outputs.views(book, step))
    if step.params and step.role is None:
        offered.append(SETTINGS)
    if is_failed or (step.started_at is not None and step.role not in outputs.SHOWN_ELSEWHERE):
        offered.append(LOG)
    if not offered:
        return None
    return st.pills(
        f"Show of {book.title(step)}",
        offered,
        default=LOG if is_failed else None,
        key=f"show-{step.id}-{step.attempt}{'-failed' if is_failed else ''}",
        label_visibility="collapsed",
        wrap=True,
    )


def _head(book: Notebook, step: Step, number: int, stale: str) -> None:
    st.markdown(f"##### :gray[{number}]  {words.plain(book.title(step))}", width="content", anchors=False)
    badge(step.status)
    if step.handled and step.status is Status.failed:
        st.badge("Handled", icon=":material/low_priority:", color="orange")
    if stale:
        st.badge(stale, icon=":material/edit:", color="orange")
    timed = step.seconds is not None and step.reused_from is None and step.role not in outputs.SHOWN_ELSEWHERE
    parts = [words.duration(step.seconds)] if timed else []
    if attempt := notebook.attempt_words(book, step):
        parts.append(words.plain(attempt))
    if parts:
        st.caption(" · ".join(parts), width="content")
    if step.reused_from is not None:
        origin = book.origins.get(step.id)
        if origin is None:
            st.caption("reused from a workflow that was deleted", width="content")
        elif origin != step.workflow_id:
            links.workflow(origin, f"reused from #{origin}", icon=":material/recycling:")


def _times(step: Step) -> str:
    ended = f", ended {visitor.exactly(step.ended_at)}" if step.ended_at else ""
    worker = f", by {words.plain(step.worker)}" if step.worker else ""
    return f"Started {visitor.exactly(step.started_at)}{ended}{worker}"


def _state(book: Notebook, step: Step, state: PageState) -> None:
    """Show what a step without a result is doing."""
    if step.role == StepRole.question:
        question.draw(step, book.steps, state)
    if step.role == StepRole.once and step.result:
        st.caption(f":material/push_pin: Kept for the whole run: {words.plain(words.value(step.result['value']))}")
    if step.status is Status.pending:
        st.caption(f":material/hourglass_empty: {words.sentence(words.plain(book.waits.get(step.id, 'waiting')))}")
    elif step.status is Status.running:
        st.progress(step.progress or 0.0, text=progress_words(book, step))
        _early_stop(book, step, state)
    elif step.status is Status.failed:
        failed.draw(book, step, state)
    elif step.status is Status.skipped:
        st.caption(f"Not run, because {_blame(book)} did not complete.")
        retrying.one(book, step, state)
    elif step.status is Status.cancelled:
        busy = notebook.busy_with(step)
        after = f" at {words.plain(busy)}" if busy and step.started_at else ""
        st.caption(f"Cancelled{after}." if step.started_at else "Cancelled before it started.")
        retrying.one(book, step, state)


def _early_stop(book: Notebook, step: Step, state: PageState) -> None:
    """A step that can end with what it has offers that; once asked, it says so."""
    definition = book.definitions.get(step.key)
    if definition is None or not definition.stops_early:
        return
    if step.stop_early:
        st.caption(":material/stop_circle: Stopping; what it has so far is kept.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            presentations.of(book.workflow.pipeline).stop_early,
            icon=":material/stop_circle:",
            key=f"stop-early-{step.id}",
            on_click=state.press,
            args=(verbs.stop_early, step.workflow_id),
            **visitor.changes("The steps below go on with it. Other workflows do not reuse it."),
        )
        commands.popover([commands.stop_early(step.workflow_id)], key=f"command-stop-early-{step.id}")


def progress_words(book: Notebook, step: Step) -> str:
    parts = [words.sentence(words.plain(notebook.busy_with(step) or "working"))]
    quiet = (now() - step.heartbeat_at).total_seconds() if step.heartbeat_at else 0.0
    if quiet > QUIET_SECONDS:
        return f"{parts[0]} · no sign of life for {words.duration(quiet)}; if its worker died, another takes over"
    left = remaining.seconds_left(step, book.attempts)
    if left is not None:
        parts.append(f"about {words.roughly(left)} left" if left >= 1 else "nearly done")
    return " · ".join(parts)


def _blame(book: Notebook) -> str:
    failed = book.failed
    return words.plain(words.inside(book.title(failed))) if failed else "a step above"


def _edits(workflow_id: int) -> Edits:
    kept = st.session_state.setdefault(f"edited-{workflow_id}", {})
    return Edits(kept, st.session_state.get(_discarded(workflow_id), 0))


def _settings(book: Notebook, step: Step, shown: bool, edits: Edits) -> dict[str, Any]:
    """The settings that were changed in this cell and not yet run; they are remembered while the view is closed."""
    if step.source:
        if shown:
            _arguments(step)
        return {}
    definition = book.definitions.get(step.key)
    if definition is None or not visitor.may_change():
        if shown:
            _locked(definition, step)
        return {}
    if not shown:
        return edits.of(step)
    shown_as, picked = presentations.of(book.workflow.pipeline), _picked(step, edits.key(step))
    data = datasets.get(book.workflow.data.dataset_id) if book.workflow.data else None
    chosen = book.workflow.params | step.params | edits.of(step) | picked
    params = [shown_as.offered(param, chosen, data) for param in definition.params_for(chosen)]
    stored = book.workflow.params | step.params
    before = verbs.usual(book.workflow, stored)
    after = before if chosen == stored else verbs.usual(book.workflow, chosen)
    values = _values(params, before, after, step, edits.of(step))
    columns = [column["name"] for column in data.columns] if data else None
    context = forms.FormContext(columns, shown_as.choice, _suffix(step, picked))
    entered = forms.param_widgets(params, values, edits.key(step), context)
    changed = {
        param.name: entered[param.name]
        for param in params
        if not _same(entered[param.name], forms.fitting(param, step.params.get(param.name)))
    }
    edits.keep(step, changed)
    if not changed:
        st.caption("Change a setting to run from here as a new workflow; this one stays as it is.")
    return changed


def _arguments(step: Step) -> None:
    """What a plain function is called with: plain values, and what other steps hand to it."""
    rows = [[name, words.value(value)] for name, value in step.params.items()]
    rows += [[name, arguments.words_of(pattern)] for name, pattern in (step.handed or {}).items()]
    if rows:
        results.draw_table({"columns": ["Argument", "Value"], "rows": rows}, f"arguments-{step.id}")
    else:
        st.caption("It takes nothing.")


def _locked(definition: StepDefinition | None, step: Step) -> None:
    """The settings for visitors who may not change them, or of code that is not loaded any more."""
    labels = {param.name: param.label for param in definition.params_for(step.params)} if definition else {}
    rows = [[labels.get(name, words.titled(name)), words.value(value)] for name, value in step.params.items()]
    results.draw_table({"columns": ["Setting", "Value"], "rows": rows}, f"locked-{step.id}")


def _values(params: Sequence[Param], before: Params, after: Params, step: Step, edited: Params) -> dict[str, Any]:
    """What the form begins with: what was edited, else what the step has; what nobody touched, before a choice that it
    depends on, is what is usual after it."""
    initial = {}
    for param in params:
        value = step.params.get(param.name)
        untouched = param.name in before and _same(value, before[param.name])
        initial[param.name] = edited.get(param.name, after.get(param.name, param.default) if untouched else value)
    return initial


def _same(chosen: object, before: object) -> bool:
    """Whether a widget still holds what it was given; it keeps ten digits of a number."""
    if isinstance(chosen, float) and isinstance(before, float):
        return f"{chosen:.10g}" == f"{before:.10g}"
    return bool(chosen == before)


def _picked(step: Step, key: str) -> dict[str, Any]:
    """What the widgets of this cell hold now, on which it can depend what else can be set."""
    keys = {name: f"{key}-{name}" for name in step.params}
    return {name: st.session_state[key] for name, key in keys.items() if st.session_state.get(key) is not None}


def _suffix(step: Step, picked: Params) -> str:
    """Makes new widgets, with their own defaults, for another choice on which they depend."""
    others = [value for name, value in picked.items() if isinstance(value, str) and value != step.params[name]]
    return f"-{forms.mark(others)}" if others else ""


def _log(step: Step) -> None:
    """The last lines, growing while the step runs."""
    last, zone = logs.tail(step.id, LOG_LINES), visitor.zone() or UTC
    lines = _shown(last)
    if not lines:
        st.caption("No log lines." if step.status.over else "No output yet.")
        return
    with st.container(height=min(LOG_HEIGHT, 60 + 24 * len(lines)), border=False, autoscroll=True):
        st.code(
            "\n".join(f"{line.at.astimezone(zone):%H:%M:%S}  {text_of(line.text, line.message)}" for line in lines),
            language=None,
            wrap_lines=True,
        )
    is_cut = len(last) == LOG_LINES or len(lines) < len(last)
    cut = f"The last {words.count(len(lines), 'line')}. " if is_cut else ""
    st.caption(f"{cut}{_times(step)}")


def _shown(lines: Sequence[logs.Line]) -> list[logs.Line]:
    """As many of the last lines as a browser draws at once: one print may be as long as a book."""
    kept: list[logs.Line] = []
    size = 0
    for line in reversed(lines):
        size += len(line.text)
        if kept and size > LOG_CHARACTERS:
            break
        kept.append(line)
    return kept[::-1]


def _run_from_here(book: Notebook, edits: Edits, state: PageState) -> None:
    """What running the changes would do, and the button."""
    workflow_id = book.workflow.id
    if st.session_state.pop(RUN, False):  # done here and not in a callback, so that the last change is in it
        state.go(verbs.rerun_from, workflow_id, edits.first, edits.params)
        st.rerun()
    problem, plan, changes = "", [], ""
    try:
        draft = verbs.changed(workflow_id, edits.first, edits.params)
        changes = ", ".join(settings.differences(book.workflow, draft.params))
        plan = verbs.plan(draft.pipeline, draft.params, draft.inputs)
    except RequestError as refused:
        problem = presentations.refusal(refused.message)
    if problem:
        st.warning(words.plain(problem), icon=":material/edit:")
    else:
        outlook = f"A new workflow: {plan_words(plan, book.workflow.pipeline)}"
        st.info(f"Changed, not run: {words.plain(changes)}.  \n{outlook}", icon=":material/edit:")
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


def plan_words(plan: Sequence[verbs.CellPlan], pipeline: str) -> str:
    """Upload and preprocess are reused, train and evaluate run."""
    written = presentations.of(pipeline).pipeline
    titles = {step.key: words.inside(step.title) for step in written.steps} if written else {}
    reused = [words.plain(titles.get(cell.key, cell.step)) for cell in plan if cell.reused_from is not None]
    fresh = [words.plain(titles.get(cell.key, cell.step)) for cell in plan if cell.reused_from is None]
    clauses = []
    if reused:
        clauses.append(f"{words.listed(reused)} {'is' if len(reused) == 1 else 'are'} reused")
    if fresh:
        clauses.append(f"{words.listed(fresh)} {'runs' if len(fresh) == 1 else 'run'}")
    return f"{', '.join(clauses)}."


def _discard(workflow_id: int) -> None:
    key = _discarded(workflow_id)
    st.session_state[key] = st.session_state.get(key, 0) + 1


def _discarded(workflow_id: int) -> str:
    return f"discarded-{workflow_id}"
