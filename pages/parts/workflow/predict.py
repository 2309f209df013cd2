"""Predict: what the model of a completed workflow says of a dropped file, or of one row."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from math import isfinite
from typing import Any

import pandas as pd
import streamlit as st

from jobs.language import numbers, sentence
from jobs.pipelines.predictions import Effect, PredictorColumn, RowPredictions, RowReasons, Value
from jobs.verbs import arrivals, predictions
from jobs.verbs.predictions import Needed, PredictedFile
from pages.parts import address, commands, links, live, number_field, presentation, tables, visitor, words
from pages.parts.new import sources
from pages.parts.number_field import Typed
from pages.parts.workflow import cells, notebook
from store import actors, steps
from store.errors import NotFoundError, RequestError
from store.files import Incoming
from store.program import COMMAND
from store.tables import Status

# More fields are no form any more.
MOST_FIELDS = 60
NAMED = 30
SHOWN_CLASSES = 6
SHOWN_EFFECTS = 10
# Beside the strongest one, a smaller effect is none.
SMALLEST_EFFECT = 0.005
EXCEL = ".xlsx"
REASON_WIDTHS, REASON_WIDTH = {"This row": 380}, 150
# A bigger file takes more than some ten seconds.
BIG = 32_000_000
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
MOMENTS = datetime(1900, 1, 1), datetime(2199, 12, 31, 23, 59)


@dataclass
class _Dropped:
    """The file that was dropped last, with what came of it."""

    file_id: str
    made: PredictedFile | None = None
    job: int | None = None
    refused: str = ""
    size: int = 0


@dataclass(frozen=True)
class _Answered:
    """The row that was asked for last, with what the model says of it."""

    row: Mapping[str, Value]
    made: RowPredictions | None = None
    refused: str = ""


def draw(workflow_id: int, needed: Needed) -> None:
    """A file or one row to predict, and what the model says."""
    with st.container(border=True, key="predict"):
        st.markdown(f"#### Predict {words.plain(needed.target)}", anchors=False)
        a_file, one_row = st.tabs(["A file", "One row"])
        with a_file:
            _file(workflow_id, needed)
        with one_row:
            _row(workflow_id, needed)


def _file(workflow_id: int, needed: Needed) -> None:
    file = st.file_uploader(
        "Drop a file with new rows",
        # What is bigger than Streamlit takes goes to the disk, and only for those who may add data.
        max_upload_size=sources.MOST_MEGABYTES if visitor.may_change() else None,
        key=f"predict-file-{workflow_id}",
    )
    key = f"predict-dropped-{workflow_id}"
    if file is None:
        st.session_state.pop(key, None)
        names = [column.name for column in needed.columns]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        st.caption(
            f"Needs {words.count(len(names), 'column')}: {words.plain(', '.join(names[:NAMED]))}{more}. "
            f"Cells may be empty. A file above {words.size(BIG)} is kept as a dataset, others are not kept."
        )
        commands.popover([commands.predict(workflow_id)], key="predict-commands")
        _jobs(workflow_id)
        return
    dropped = st.session_state.get(key)
    if dropped is None or dropped.file_id != file.file_id:
        with st.spinner(f"Predicting {words.plain(file.name)}", show_time=True):
            dropped = st.session_state[key] = _predicted(workflow_id, file)
    if dropped.job is not None:
        st.info(
            f"**{words.plain(file.name)}** is big ({words.size(dropped.size)}), so #{dropped.job} predicts it in the "
            "background. You can leave this page.",
            icon=":material/schedule:",
        )
        _jobs(workflow_id)
        return
    if dropped.made is None:
        st.error(
            f"**{words.plain(file.name)}** was not predicted. {words.plain(dropped.refused)}", icon=":material/error:"
        )
        return
    _predicted_file(workflow_id, dropped.made, file)


def _predicted(workflow_id: int, file: Any) -> _Dropped:
    try:
        with arrivals.taken(file) as content:  # a very big one is on the disk already
            size = content.size if isinstance(content, Incoming) else file.size
            if isinstance(content, Incoming) or size > BIG:
                job = predictions.predict_later(workflow_id, content, file.name, size)
                return _Dropped(file.file_id, job=job.id, size=size)
            return _Dropped(file.file_id, predictions.predict_file(workflow_id, content, file.name, size))
    except RequestError as refused:
        return _Dropped(file.file_id, refused=sentence(refused.message))
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        return _Dropped(file.file_id, refused=f"The server could not store it ({why}).")


def _predicted_file(workflow_id: int, made: PredictedFile, file: Any) -> None:
    presentation.draw_notices(made.about.notices)
    frame = pd.DataFrame(made.about.preview, columns=list(made.about.columns), dtype=object).fillna("")
    said, *chances = made.about.added
    frame[said] = [_said(cell) for cell in frame[said]]
    for name in chances:
        frame[name] = [words.percent(_read(cell)) for cell in frame[name]]
    others = [name for name in made.about.columns if name not in made.about.added]
    st.dataframe(
        frame,
        hide_index=True,
        key=f"predict-preview-{workflow_id}",
        column_order=[*made.about.added, *others],
        placeholder="",
    )
    first = f"The first {len(frame)} of {words.count(made.about.rows)} rows. " if made.about.rows > len(frame) else ""
    st.caption(f"{first}What is new stands first here, rounded; in the file it stands last, with all its digits.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download {words.count(made.about.rows, 'row')}",
            made.read,
            type="primary",
            file_name=made.name,
            mime=made.about.media_type,
            key="predict-download",
            icon=":material/download:",
            on_click="ignore",
            help=f"{words.size(made.size)}, written like the file you dropped.",
        )
        if made.about.suffix != EXCEL:
            st.download_button(
                "Download as Excel",
                _as_excel(workflow_id, file),
                file_name=f"{made.name.rpartition('.')[0]}{EXCEL}",
                key="predict-download-excel",
                icon=":material/table_view:",
                on_click="ignore",
            )
        commands.popover([commands.predict(workflow_id)], key="predict-commands")


def _said(cell: str) -> str:
    """A predicted number as a person reads it; a class as it is."""
    try:
        number = _read(cell)
    except ValueError:
        return cell
    return words.number(number) if isfinite(number) and not number.is_integer() else cell


def _read(cell: str) -> float:
    return float(cell.replace(",", "."))


def _jobs(workflow_id: int) -> None:
    """What predicts big files with this model, and their predictions."""
    if jobs := predictions.jobs_of(workflow_id):
        key = f"predict-jobs-{workflow_id}"
        live.panel(key, lambda: _list(workflow_id), any(not each.status.over for each in jobs))


def _list(workflow_id: int) -> bool:
    jobs = predictions.jobs_of(workflow_id)
    st.markdown("##### Big files", anchors=False)
    for job in jobs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            cells.badge(job.status)
            links.workflow(job.id, f"#{job.id} {words.plain(job.data.name if job.data else job.name)}")
            if job.status is Status.completed:
                predictions_link(job.id)
            elif busy := next((step for step in steps.of_workflow(job.id) if step.progress_message), None):
                st.caption(words.plain(notebook.busy_with(busy)), width="content")
            st.caption(words.ago(job.created_at), width="content")
        if job.status is Status.running:
            st.progress(next((step.progress or 0.0 for step in steps.of_workflow(job.id)), 0.0))
    return any(not job.status.over for job in jobs)


def predictions_link(workflow_id: int) -> None:
    """A link to the file that a job left; it goes from the disk to the browser, whatever its size."""
    with contextlib.suppress(NotFoundError):
        left = predictions.job_file(workflow_id)
        st.link_button(
            f"Download {words.count(left.rows, 'row')}",
            f"{address.server()}/api/workflows/{workflow_id}/predictions",
            icon=":material/download:",
            help=f"{words.plain(left.name)}, {words.size(left.file.size)}",
        )


def _as_excel(workflow_id: int, file: Any) -> Callable[[], bytes]:
    """Return what makes the Excel file once it is wanted, in another thread, for the visitor of now."""
    asker = actors.current()

    def make() -> bytes:
        file.seek(0)
        with actors.acting(asker):
            return predictions.predict_file(workflow_id, file, file.name, file.size, as_excel=True).read()

    return make


def _row(workflow_id: int, needed: Needed) -> None:
    if len(needed.columns) > MOST_FIELDS:
        st.info(
            f"This model needs {len(needed.columns)} columns, too many for a form. Drop a file, or use "
            f"{COMMAND} predict {workflow_id}.",
            icon=":material/info:",
        )
        return
    key = f"predict-answered-{workflow_id}"
    st.caption("Filled in with what is usual in training. Change it to the row that you want predicted.")
    with st.form(f"predict-form-{workflow_id}", border=False):
        row: dict[str, Value] = {}
        wrong: list[str] = []
        with st.grid(min(3, len(needed.columns)), min_column_width=180):
            for position, column in enumerate(needed.columns):
                held = _field(column, f"predict-{workflow_id}-{position}")
                row[column.name] = held.value if isinstance(held, Typed) else held
                if isinstance(held, Typed) and held.problem:
                    wrong.append(column.name)
        pressed = st.form_submit_button("Predict", type="primary", icon=":material/online_prediction:")
    if wrong:
        st.session_state.pop(key, None)
        st.error(f"Correct {words.plain(words.listed(wrong))}, then predict.", icon=":material/error:")
    elif pressed:
        with st.spinner("Predicting"):
            st.session_state[key] = _answered(workflow_id, row)
    if answered := st.session_state.get(key):
        _answer(workflow_id, needed, answered)


def _answered(workflow_id: int, row: Mapping[str, Value]) -> _Answered:
    try:
        return _Answered(row, predictions.predict_rows(workflow_id, [row], explain=True))
    except RequestError as refused:
        return _Answered(row, refused=sentence(refused.message))


def _answer(workflow_id: int, needed: Needed, answered: _Answered) -> None:
    if answered.made is None:
        st.error(words.plain(answered.refused), icon=":material/error:")
        return
    presentation.draw_notices(answered.made.notices)
    said = answered.made.predictions[0]
    shown = words.number(said) if isinstance(said, float) else str(said)
    st.markdown(f"### {words.plain(needed.target)}: {words.plain(shown)}", anchors=False)
    if answered.made.probabilities:
        # What is predicted stands first, also where its chance is the smaller one and the threshold was moved.
        chances = sorted(answered.made.probabilities[0].items(), key=lambda each: (each[0] != str(said), -each[1]))
        for label, chance in chances[:SHOWN_CLASSES]:
            st.progress(min(1.0, max(0.0, chance)), text=f"{words.plain(label)} · {words.percent(chance)}")
    timed = {column.name for column in needed.columns if column.kind in ("date", "datetime")}
    for reasons in answered.made.reasons:
        _reasons(reasons, str(said), timed)
    commands.popover([commands.predict_row(workflow_id, answered.row)], key="predict-row-commands")


def _reasons(reasons: RowReasons, said: str, timed: Collection[str]) -> None:
    """Which columns made the prediction, the strongest first."""
    of = f'the score of "{words.plain(said)}"' if reasons.of == "score" else f'the chance of "{words.plain(said)}"'
    what = "the predicted number" if reasons.of == "number" else of
    st.markdown("##### Why", anchors=False)
    strongest = max((abs(each.effect) for each in reasons.effects), default=0.0)
    effects = [each for each in reasons.effects if abs(each.effect) > SMALLEST_EFFECT * strongest][:SHOWN_EFFECTS]
    if not effects:
        st.caption("Every column holds what is usual in it, or none of them changes the prediction.")
        return
    rows = [
        [
            each.column,
            *(_spoken(text, each.column in timed) for text in (_held(reasons, each), each.usual or "")),
            _effect(reasons, each.effect),
        ]
        for each in effects
    ]
    columns = ["Column", "This row", "Usual", "Effect"]
    tables.texts(columns, rows, REASON_WIDTHS, REASON_WIDTH, "Why", "predict-reasons")
    exactly = "Exact: the effects of all columns add up to the difference from a row with only usual values."
    alone = "Each effect is of this column alone; as columns act together in this model, they do not add up."
    st.caption(f"By how much {what} changes against the usual value of a column. {exactly if reasons.exact else alone}")


def _spoken(text: str, timed: bool) -> str:
    """What a cell holds; a date as people write it."""
    moment = _moment(text) if timed else None
    if moment is None:
        return text
    return numbers.day(moment) + (f" {moment:%H:%M}" if moment.time() != time() else "")


def _held(reasons: RowReasons, of: Effect) -> str:
    """What a row holds; of a text, the words that do most, each with its own effect."""
    if of.value is None:
        return "Missing"
    if of.words:
        return ", ".join(f'"{each.word}" {_effect(reasons, each.effect)}' for each in of.words)
    return of.value


def _effect(reasons: RowReasons, effect: float) -> str:
    """+12.3 points, or +1.25."""
    sign = "+" if effect > 0 else "−"
    if reasons.of == "probability":
        return f"{sign}{words.fixed(abs(effect) * 100, 1)} points"
    return f"{sign}{words.number(float(f'{abs(effect):.3g}'))}"


def _field(column: PredictorColumn, key: str) -> Value | Typed:
    """A field with what is usual in the column; emptied, the value is missing."""
    if column.kind == "number":
        return _number(column, key)
    if column.kind == "date":
        st.session_state.setdefault(key, _day(column.high))
        chosen = st.date_input(words.plain(column.name), None, min_value=EARLIEST, max_value=LATEST, key=key)
        return chosen.isoformat() if isinstance(chosen, date) else None
    if column.kind == "datetime":
        st.session_state.setdefault(key, _moment(column.high))
        moment = st.datetime_input(words.plain(column.name), None, *MOMENTS, key=key, step=60)
        return moment.isoformat() if moment else None
    if column.kind == "time":
        st.session_state.setdefault(key, _time(column.high))
        time_of_day = st.time_input(words.plain(column.name), None, key=key, step=60)
        return time_of_day.isoformat() if time_of_day else None
    if column.kind == "text":
        example = f"Such as: {column.values[0]}" if column.values else None
        text: str | None = st.text_area(words.plain(column.name), None, key=key, placeholder=example)
        return text or None
    options: Sequence[str | None] = [*column.values, None]
    return st.selectbox(
        words.plain(column.name),
        options,
        key=key,
        format_func=lambda value: "Missing" if value is None else str(value),
        accept_new_options=True,
    )


def _number(column: PredictorColumn, key: str) -> Typed:
    """A field that can be emptied, and is read with a comma or a point."""
    seen = None
    if _numbers(column.low, column.high):
        seen = f"From {words.number(column.low)} to {words.number(column.high)} in training."
    if _numbers(column.usual):
        usual = round(column.usual) if column.whole else float(f"{column.usual:.4g}")
        st.session_state.setdefault(key, numbers.local(f"{usual:.12g}"))
    with st.container(gap=None):
        typed = number_field.draw(words.plain(column.name), key, seen)
        number_field.say(typed)
    if typed.value is not None and column.whole and typed.value.is_integer():
        return replace(typed, value=int(typed.value))
    return typed


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).replace(second=0)
    except ValueError:
        return None


def _time(text: Any) -> time | None:
    try:
        return time.fromisoformat(str(text))
    except ValueError:
        return None


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
