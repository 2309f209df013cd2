"""Preprocess: from the typed table to matrices for training, validation and test; all fitted on training rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jobs.pipelines import StepContext, StepError, step
from jobs.pipelines.params import Params
from jobs.tabular.column import Column
from jobs.tabular.facts import fact, failure
from jobs.tabular.prepare.leaking import leak_notices
from jobs.tabular.prepare.params import MAX_WORDS
from jobs.tabular.prepare.params import params as declared
from jobs.tabular.prepare.rows import save_rows
from jobs.tabular.prepare.split import Rows, split
from jobs.tabular.prepare.table import batches_of, names_of
from jobs.tabular.prepare.target import Target, read_target
from jobs.tabular.prepare.work import Work
from jobs.tabular.row_hash import KEPT, KEPT_SHIFT, hashes_of
from store.messages import Message, Notice

MOST_MATRIX_COLUMNS = 20_000
# Fewer training rows than this give scores that depend on chance.
FEW_ROWS = 50
# Values of all categories together that the result lists, and how long each may be.
MOST_LISTED, LONGEST_LISTED = 2_000, 100
# Names in an error about a column that is not there.
NAMED = 20

Result = dict[str, Any]


@step("preprocess", needs=("upload",), reads_dataset=True, params=declared, version=17)
def preprocess(context: StepContext) -> Result:
    """Make matrices of the table, and the fitted encoder from raw rows to them."""
    with context.reading("upload", "table") as table:
        return _preprocess(context, table)


def _preprocess(context: StepContext, table: Path) -> Result:
    params, uploaded = context.params, context.result("upload")
    columns = {stored["name"]: Column.from_json(stored) for stored in uploaded["columns_profile"]}
    features, left_out = _choose_features(columns, params)
    context.progress(0, 1, fact("reading_target"))
    target = read_target(table, columns[params["target"]], params["task"], uploaded["rows"])
    done = split(_rows_to_split(context, table, columns, target), params)
    use = done.use
    work = Work(context, table, features, left_out, target, use, done.position, target.notices + done.notices)
    context.log(_split_in_words(work))
    if copies := uploaded.get("duplicates"):
        work.notices.append(Notice(Message("duplicate_rows", {"count": copies, "percent": 100 * copies / len(use)})))
    work.notices += leak_notices(work)
    if params.get("folds"):
        save_rows(work, done.position)
    return _encode(work)


def _split_in_words(work: Work) -> Message:
    if not work.test:
        return fact("rows_split", training=work.training, validation=work.validation)
    return fact("rows_split_in_three", training=work.training, validation=work.validation, test=work.test)


def _rows_to_split(context: StepContext, table: Path, columns: dict[str, Column], target: Target) -> Rows:
    """Return what the rows are split by."""
    way, name = context.params.get("split", "random"), context.params.get("split_column", "")
    if way == "random":
        return Rows(target, _row_hashes(context, table), table, None)
    if name not in columns:
        raise failure("no_split_column", split=way, column=name)
    if way == "time" and columns[name].kind not in ("date", "number"):
        raise failure("split_column_no_time", column=name)
    return Rows(target, _row_hashes(context, table), table, columns[name])


def _row_hashes(context: StepContext, table: Path) -> Callable[[slice], np.ndarray]:
    """Return how to get the hashes that the upload step left; versions before 4 of it left none."""
    hashes: np.ndarray
    try:
        hashes = np.memmap(context.file("upload", "row_hashes"), KEPT, "r")
    except StepError:
        names = context.dataset.row_columns
        whole = [hashes_of(batch, names) >> KEPT_SHIFT for batch in batches_of(table, names_of(table))]
        hashes = np.concatenate(whole).astype(KEPT)
    return hashes.__getitem__


def _choose_features(columns: dict[str, Column], params: Params) -> tuple[list[Column], list[Result]]:
    """Return the features, and why the other columns are left out."""
    target, wanted = params["target"], params["features"]
    if target not in columns:
        raise failure("no_such_target", column=target, columns=list(columns)[:NAMED])
    if unknown := [name for name in wanted or [] if name not in columns]:
        raise failure("no_such_feature", column=unknown[0])
    features, left_out = [], []
    for name, column in columns.items():
        if name == target:
            continue
        if reason := _reason(column, wanted):
            left_out.append({"column": name, "reason": reason.as_json()})
        else:
            features.append(column)
    if not features:
        raise failure("no_features")
    return features, left_out


def _reason(column: Column, wanted: list[str] | None) -> Message | None:
    """Return why a column is no feature; None when it is one."""
    if column.kind == "empty":
        return Message("all_missing")
    if wanted is not None:
        return None if column.name in wanted else Message("not_chosen")
    return None if column.role == "feature" else column.reason or Message("left_out")


def _encode(work: Work) -> Result:
    """Fit the encoder on training rows, encode all rows, save everything."""
    import joblib

    # Imported here, so that commands that only name the step start without scikit-learn.
    from jobs.tabular.prepare.encoder import Choices
    from jobs.tabular.prepare.fit import fitted_encoder
    from jobs.tabular.prepare.matrices import write_matrices
    from jobs.tabular.prepare.pack import Packer
    from jobs.tabular.prepare.summary import summary_of

    context, params = work.context, work.context.params
    dialect = context.dataset.dialect
    marks = str(dialect.get("decimal", ".")), str(dialect.get("thousands", ""))
    choices = Choices(
        params["gaps"],
        params["text_gaps"],
        params["scaling"],
        params["max_categories"],
        *marks,
        params.get("max_words", MAX_WORDS.default),
    )
    fitted = fitted_encoder(work, choices)
    packer = Packer(fitted.encoder, work.features, fitted.many)
    if (width := packer.form.width) > MOST_MATRIX_COLUMNS:
        raise failure("matrix_too_wide", columns=width, most=MOST_MATRIX_COLUMNS)
    gaps = write_matrices(work, packer)
    # The name "way" is that of the first version; results of it are still reused.
    kept = {"way": fitted.encoder, "native": fitted.native, "labels": work.target.labels}
    joblib.dump(kept, context.folder / "transformer.joblib")
    context.save("transformer", context.folder / "transformer.joblib")
    values = {column.name: packer.values(column.name, MOST_LISTED) for column in work.features if column.kind == "text"}
    return _result(work, summary_of(fitted.encoder, work.features, gaps, choices), values, width)


def _listed(values: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the values of categories that a form can offer: all of them, or none where they are very many."""
    listed, room = {}, MOST_LISTED
    for name, own in sorted(values.items(), key=lambda each: len(each[1])):
        if len(own) <= room and all(len(value) <= LONGEST_LISTED for value in own):
            listed[name] = own
            room -= len(own)
    return listed


def _result(work: Work, done: dict[str, list[Message]], values: dict[str, list[str]], width: int) -> Result:
    target, params = work.target, work.context.params
    classes = counts = None
    if target.labels is not None:
        classes = [str(label) for label in target.labels]
        counts = dict(zip(classes, target.counts, strict=True))
    if work.training < FEW_ROWS:
        work.notices.append(Notice(Message("few_training_rows", {"count": work.training}), "warning"))
    listed = _listed(values)
    return {
        "task": params["task"],
        "target": params["target"],
        "classes": classes,
        "class_counts": counts,
        "features": work.names,
        "left_out": work.left_out,
        "columns": [
            {"column": name, "did": [message.as_json() for message in done[name]], "values": listed.get(name, [])}
            for name in work.names
        ],
        "train_rows": work.training,
        "validation_rows": work.validation,
        "test_rows": work.test,
        "folds": params.get("folds", 0),
        "rows_dropped": target.dropped,
        "matrix_columns": width,
        "notices": [notice.as_json() for notice in work.notices],
    }
