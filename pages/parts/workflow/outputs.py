"""What each step leaves, drawn for people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from jobs.language import sentence_of
from jobs.tabular.column import Column
from pages.parts import charts, words
from pages.parts.tabular import profile
from pages.parts.workflow.curves import Shared
from pages.parts.workflow.notebook import Notebook
from store.messages import Notice
from store.steps import Step
from store.tables import Status

Result = Mapping[str, Any]
SHOWN_SHARES = 4
SHOWN_WARNINGS = 3
SHOWN_ROWS = 6
MOST_ACROSS = 3
SIMPLE = str | int | float | bool


def summary(step: Step) -> None:
    """What a step left, in a line or two."""
    if step.result:
        SUMMARIES.get(step.name, _anything)(step, step.result)


def details(book: Notebook, step: Step) -> None:
    """Curves as long as they grow, and what is worth a picture."""
    if shared := book.curves.get(step.id):
        _learning(step, shared)
    if step.name == "evaluate" and step.result:
        _tabs(step, step.result)


def views(step: Step) -> dict[str, Callable[[Step, Result], None]]:
    """What more there is to see of a step's output, by the word on its button."""
    if not step.result:
        return {}
    if step.name in SUMMARIES:
        return VIEWS.get(step.name, {})
    plain = all(isinstance(value, SIMPLE) for value in step.result.values())
    return {} if plain else {":material/data_object: Output": _everything}


def _upload(step: Step, result: Result) -> None:
    rows, columns = result.get("rows"), _columns(result)
    said = [words.count(rows, "row"), words.count(len(columns) or result.get("columns"), "column")]
    if result.get("size"):
        said.append(words.size(result["size"]))
    st.markdown(" · ".join(said))
    _warnings(result)


def _columns(result: Result) -> list[Column]:
    return [Column.from_json(stored) for stored in result.get("columns_profile") or []]


def _uploaded(step: Step, result: Result) -> None:
    columns = _columns(result)
    profile.notices(result.get("notices") or [], key=f"notices-{step.id}")
    profile.profile_table(columns, result.get("rows"), key=f"profile-{step.id}")
    st.caption("The first rows")
    profile.preview_table(columns, result.get("preview") or [], key=f"rows-{step.id}", most=SHOWN_ROWS)


def _preprocess(step: Step, result: Result) -> None:
    said = [
        f"{words.count(result.get('train_rows'), 'row')} to learn from",
        f"{words.count(result.get('validation_rows'))} to check with",
    ]
    if result.get("matrix_columns"):
        said.append(
            f"{words.count(len(result.get('features') or []), 'column')} "
            f"become {words.count(result['matrix_columns'], 'number')}"
        )
    st.markdown(" · ".join(said))
    if counts := result.get("class_counts"):
        st.caption(_shares(str(result.get("target", "")), counts))
    _warnings(result)


def _preprocessed(step: Step, result: Result) -> None:
    profile.notices(result.get("notices") or [], key=f"notices-{step.id}")
    done = [(row["column"], words.sentence(sentence_of(row["did"]))) for row in result.get("columns") or []]
    left_out = [(row["column"], f"Left out: {sentence_of(row['reason'])}") for row in result.get("left_out") or []]
    _table([*done, *left_out], ("Column", "What was done"), f"done-table-{step.id}")


def _shares(target: str, counts: Mapping[str, int]) -> str:
    """Return the share of each class: abone mi: Hayır 61.0 %, Evet 39.0 %."""
    total = sum(counts.values()) or 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    said = ", ".join(f"{words.plain(label)} {words.percent(count / total)}" for label, count in ordered[:SHOWN_SHARES])
    more = len(ordered) - SHOWN_SHARES
    rest = f" and {words.count(more, 'more class', 'more classes')}" if more > 0 else ""
    return f"{words.plain(target)}: {said}{rest}"


def _train(step: Step, result: Result) -> None:
    main = str(result.get("main_metric", "")).removeprefix("val_")
    said = [f"Best at epoch {words.count(result.get('best_epoch'))} of {words.count(result.get('epochs_run'))}"]
    if main:
        said.append(
            f"validation {charts.measure_name(main).lower() if main != 'r2' else 'R²'} "
            f"**{words.score(main, result.get('best'))}**"
        )
    if result.get("stopped_early"):
        said.append("stopped early: it no longer became better")
    rows, given = result.get("learned_rows"), result.get("given_rows")
    if rows and given and rows < given:
        said.append(f"learned from {words.count(rows)} random rows of {words.count(given)}")
    if result.get("model_size"):
        said.append(f"model {words.size(result['model_size'])}")
    st.markdown(" · ".join(said))


def _learning(step: Step, shared: Shared) -> None:
    """The curves, side by side; while training runs there is room for epochs to come."""
    measures = charts.measures(shared.curves)
    epochs = int(step.params.get("epochs") or 0) or None if not step.status.over else None
    best = (step.result or {}).get("best_epoch") if step.status is Status.completed else None
    across = min(len(measures), MOST_ACROSS)
    for begin in range(0, len(measures), across):
        for cell, measure in zip(st.columns(across), measures[begin : begin + across], strict=False):
            with cell:
                _curve(step, shared, measure, epochs, best)
    zoomed = [key for measure in measures if (key := _zoom_key(step, measure)) in st.session_state]
    if zoomed:
        st.button(
            "Show all epochs",
            icon=":material/zoom_out_map:",
            type="tertiary",
            key=f"unzoom-{step.id}",
            on_click=_zoom_out,
            args=(zoomed,),
        )


def _curve(step: Step, shared: Shared, measure: str, epochs: int | None, best: int | None) -> None:
    """One chart. A chart whose data changes is made anew by Streamlit and would forget where the reader zoomed to;
    so while it is live, dragging over a part of it is told to us, and we draw that part from then on."""
    key, zoom_key = f"learning-{step.id}-{measure}", _zoom_key(step, measure)
    figure = shared.chart(measure, epochs, best, st.session_state.get(zoom_key))
    alt = f"{charts.measure_name(measure)} of training and validation by epoch"
    shown: dict[str, Any] = {"key": key, "config": charts.CONFIG, "alt": alt}
    if step.status.over:
        st.plotly_chart(figure, **shown)
    else:
        st.plotly_chart(figure, on_select=lambda: _zoom_in(key, zoom_key), selection_mode="box", **shown)


def _zoom_key(step: Step, measure: str) -> str:
    return f"zoom-{step.id}-{measure}"


def _zoom_in(key: str, zoom_key: str) -> None:
    boxes = st.session_state[key]["selection"]["box"]
    if boxes:
        st.session_state[zoom_key] = (sorted(boxes[-1]["x"]), sorted(boxes[-1]["y"]))


def _zoom_out(zoomed: Sequence[str]) -> None:
    for key in zoomed:
        st.session_state.pop(key, None)


def _evaluate(step: Step, result: Result) -> None:
    for stored in result.get("warnings") or []:
        st.markdown(profile.notice_line(Notice.from_json(stored)))


def _tabs(step: Step, result: Result) -> None:
    """The scores and pictures that there are for this task."""
    shown = [(title, body) for title, body in TABS if body(step, result, False)]
    if shown:
        for tab, (_, body) in zip(st.tabs([title for title, _ in shown], key=f"tabs-{step.id}"), shown, strict=True):
            with tab:
                body(step, result, True)


def _scores(step: Step, result: Result, draw: bool) -> bool:
    scores = result.get("scores") or {}
    if draw:
        base = {name.removeprefix("baseline_"): value for name, value in scores.items() if name.startswith("baseline_")}
        baseline = result.get("baseline") or {}
        words_for_base = sentence_of(baseline.get("answer") or baseline.get("words")) or "the baseline"
        rows = [
            (
                words.score_name(name),
                words.score(name, value),
                words.score(name, base.get(name)),
                SCORE_HELP.get(name, ""),
            )
            for name, value in scores.items()
            if not name.startswith("baseline_")
        ]
        _table(
            rows,
            ("Score", "This model", words_for_base[:1].upper() + words_for_base[1:], "What it says"),
            f"scores-{step.id}",
        )
    return bool(scores)


def _confusion(step: Step, result: Result, draw: bool) -> bool:
    confusion = result.get("confusion")
    if confusion and draw:
        st.plotly_chart(
            charts.confusion(confusion["labels"], confusion["counts"]),
            key=f"confusion-{step.id}",
            config=charts.CONFIG,
            alt="Rows by what they really are and what was predicted",
        )
    return bool(confusion)


def _curves(result: Result) -> list[Mapping[str, Any]]:
    """The ROC and PR curves, one a class; two classes share one."""
    if curves := result.get("curves"):
        return list(curves)
    if roc := result.get("roc"):
        return [
            {
                "label": roc.get("label", ""),
                "roc": roc.get("points"),
                "auc": roc.get("auc"),
                "pr": roc.get("pr"),
                "ap": roc.get("ap"),
            }
        ]
    return []


def _roc(step: Step, result: Result, draw: bool) -> bool:
    curves = [curve for curve in _curves(result) if curve.get("roc")]
    if draw:
        left, right = st.columns(2)
        with left:
            st.plotly_chart(
                charts.roc(curves),
                key=f"roc-{step.id}",
                config=charts.CONFIG,
                alt="How many are found against the false alarms that costs",
            )
        if any(curve.get("pr") for curve in curves):
            with right:
                st.plotly_chart(
                    charts.precision_recall(curves),
                    key=f"pr-{step.id}",
                    config=charts.CONFIG,
                    alt="How many alarms are right against how many are found",
                )
    return bool(curves)


def _residuals(step: Step, result: Result, draw: bool) -> bool:
    residuals = result.get("residuals")
    if residuals and draw:
        st.plotly_chart(
            charts.residuals(residuals["predicted"], residuals["actual"]),
            key=f"residuals-{step.id}",
            config=charts.CONFIG,
            alt="Predictions against the truth",
        )
        st.caption("Each point is a row of the validation part; on the dotted line the prediction is right.")
    return bool(residuals)


def _per_class(step: Step, result: Result, draw: bool) -> bool:
    rows = result.get("per_class")
    if rows and draw:
        frame = pd.DataFrame(rows)[["label", "precision", "recall", "f1", "rows"]]
        bar: dict[str, Any] = {"format": "percent", "min_value": 0.0, "max_value": 1.0}
        config = st.column_config
        st.dataframe(
            frame,
            hide_index=True,
            key=f"per-class-{step.id}",
            column_config={
                "label": config.TextColumn("Class"),
                "precision": config.ProgressColumn("Precision", help="Of those predicted, how many are right.", **bar),
                "recall": config.ProgressColumn("Recall", help="Of those there are, how many were found.", **bar),
                "f1": config.ProgressColumn("F1", help="Precision and recall in one number.", **bar),
                "rows": config.NumberColumn("Rows", format="localized"),
            },
            alt="Precision and recall by class",
        )
    return bool(rows)


def _importance(step: Step, result: Result, draw: bool) -> bool:
    rows = result.get("importance")
    if rows and draw:
        st.plotly_chart(
            charts.importance(rows),
            key=f"importance-{step.id}",
            config=charts.CONFIG,
            alt="How important each column is",
        )
        st.caption("How much worse the predictions become when a column's values are shuffled, on the validation part.")
    return bool(rows)


def _anything(step: Step, result: Result) -> None:
    """The output of a step nobody drew a picture for."""
    simple = {name: value for name, value in result.items() if isinstance(value, SIMPLE)}
    if simple:
        st.markdown(" · ".join(f"{words.plain(name)}: {words.plain(value)}" for name, value in simple.items()))


def _everything(step: Step, result: Result) -> None:
    st.json(dict(result), expanded=1)


def _warnings(result: Result) -> None:
    """The notices that are warnings, in one quiet line each; the rest is in the view."""
    notices = map(Notice.from_json, result.get("notices") or [])
    for notice in [each for each in notices if each.level == "warning"][:SHOWN_WARNINGS]:
        st.caption(profile.notice_line(notice))


def _table(rows: Sequence[Sequence[str]], header: Sequence[str], key: str) -> None:
    frame = pd.DataFrame(rows, columns=list(header), dtype="str")
    st.dataframe(frame, hide_index=True, key=key, height=min(len(rows) + 1, 13) * 35 + 3, alt=" and ".join(header))


Tab = Callable[[Step, Result, bool], bool]
TABS: tuple[tuple[str, Tab], ...] = (
    ("Scores", _scores),
    ("Confusion matrix", _confusion),
    ("Predictions", _residuals),
    ("ROC and PR", _roc),
    ("Per class", _per_class),
    ("Importance", _importance),
)
SUMMARIES: dict[str, Callable[[Step, Result], None]] = {
    "upload": _upload,
    "preprocess": _preprocess,
    "train": _train,
    "evaluate": _evaluate,
}
VIEWS: dict[str, dict[str, Callable[[Step, Result], None]]] = {
    "upload": {":material/table_chart: Data": _uploaded},
    "preprocess": {":material/view_column: Columns": _preprocessed},
}
SCORE_HELP = {
    "accuracy": "Share of rows that are predicted right",
    "balanced_accuracy": "The same with every class counting alike",
    "f1": "Precision and recall in one number, every class counting alike",
    "auc": "How well the classes are kept apart: 0.5 is a coin, 1 is perfect",
    "r2": "Share of the ups and downs that is explained: 1 is perfect",
    "rmse": "Typical error, large ones weigh more",
    "mae": "Average error",
}
